"""docs/publishing.md on spreadsheets: every key of a mapping file is explained, the example is the shipped one."""

import io
import re
from datetime import UTC

from apps.conversion.convert import Tally, convert
from apps.conversion.mapping import CsvMapping, FieldMapping
from tests.apps.cli.siaga import ROOT

SECTION = (ROOT / "docs" / "publishing.md").read_text(encoding="utf-8").partition("`siaga convert csv`\n")[2]
SECTION = SECTION.partition("\n## ")[0]


def keys_of(heading: str) -> set[str]:
    """The first column of the table with this heading."""
    table = SECTION.partition(f"\n| {heading} | value |\n")[2].partition("\n\n")[0]
    return set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE))


def test_every_key_of_a_mapping_file_is_explained():
    assert keys_of("key") == set(CsvMapping.model_fields)
    assert keys_of("key of a field") == set(FieldMapping.model_fields)


def test_the_mapping_it_shows_is_the_shipped_example():
    (shown,) = re.findall(r"```toml\n(.*?)```", SECTION, re.DOTALL)
    assert shown == (ROOT / "examples" / "csv" / "sirekap.toml").read_text(encoding="utf-8")


def test_the_refusal_it_shows_is_the_one_for_such_a_line():
    header = "Kode Wilayah;Desa;TPS;DPT;Pengguna Hak Pilih;Waktu (WIB)\n"
    data = header + "16.71;;1;9;9;27/11/2024 08.00\n16.71;;2;9;9;27/11/2024 08.00\n16.71;;3;9;7,5;27/11/2024 24.00\n"
    mapping = CsvMapping.read(ROOT / "examples" / "csv" / "sirekap.toml")
    tally, reports = Tally(), list[str]()
    messages = list(convert(io.BytesIO(data.encode()), mapping, UTC, tally, reports.append))
    assert f"\n{reports[0]}\n{tally.read} read, {len(messages)} converted, {tally.rejected} rejected\n" in SECTION
