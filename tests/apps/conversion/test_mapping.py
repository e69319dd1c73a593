"""The mapping file: a mistake is one line with file, line and field, before a line of the CSV is read."""

from pathlib import Path

import pytest

from apps.conversion.mapping import CsvMapping, MappingError
from schemas.incident import Incident
from schemas.turnout import Turnout

EXAMPLE = """\
kind = "turnout"
ignore = ["Catatan"]

[fields]
event_id = { template = "x-{Kode}-{TPS}-{Jam}" }
regency = { column = "Kode" }
station = { column = "TPS" }
registered = { column = "DPT", number = "id" }
voted = { column = "Suara" }
as_of = { template = "{Tanggal} {Jam}", format = "%d/%m/%Y %H.%M" }
source = { value = "kpu" }
"""


def refusal(text: str) -> str:
    with pytest.raises(MappingError) as refused:
        CsvMapping.parse(text, "m.toml")
    return str(refused.value)


def test_a_mapping_names_its_columns_once_in_order():
    assert CsvMapping.parse(EXAMPLE, "m.toml").columns == ["Kode", "TPS", "Jam", "DPT", "Suara", "Tanggal"]


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ('kind = "turnout"', 'kind = "votes"', "line 1, kind: "),
        ('kind = "turnout"', 'kind = "turnout"\ndelimiter = "x"', "line 2, delimiter: "),
        ("ignore", "ignored", "line 2, ignored: "),
        ("source =", "sourse =", "line 11, fields.sourse: no field of a message of kind turnout"),
        ('source = { value = "kpu" }', "", "line 4, fields.source: is missing; every message of kind turnout has it"),
        ('{ value = "kpu" }', '{ value = "KPU Sumsel" }', "line 11, fields.source.value: String should match"),
        ('{ value = "kpu" }', "{ }", "line 11, fields.source: needs exactly one of column, template and value"),
        ('{ value = "kpu" }', '{ value = "kpu", column = "S" }', "fields.source: needs exactly one of"),
        ('{ value = "kpu" }', '{ value = "kpu", words = { a = "b" } }', "fields.source: a value is not read"),
        ('{ value = "kpu" }', '{ column = "S", words = { S = "Polda Sumsel" } }', "fields.source.words.S: String"),
        ('{ value = "kpu" }', '{ column = "S", words = { s = "a", S = "b" } }', "another value in another case"),
        ('{ column = "Suara" }', '{ column = "Suara", number = "de" }', "line 9, fields.voted.number: "),
        ('{ column = "Suara" }', '{ column = "Suara", words = { banyak = -1 } }', "fields.voted.words.banyak: Input"),
        ('{ column = "TPS" }', '{ column = "TPS", number = "id" }', "fields.station.number: the field holds text"),
        ('{ column = "TPS" }', '{ column = "TPS", format = "%H" }', "fields.station.format: the field holds text"),
        ('number = "id"', 'number = "id", words = { a = 1 }', "fields.registered: has more than one of"),
        ("%d/%m/%Y %H.%M", "%d/%m/%Y", "line 10, fields.as_of.format: names no hour"),
        ("%d/%m/%Y %H.%M", "%d %B %Y %H.%M", "fields.as_of.format: %B is not read"),
        ("%d/%m/%Y %H.%M", "%d/%m/%Y %H.%M %d", "fields.as_of.format: is no format: redefinition"),
        ("%d/%m/%Y %H.%M", "%d/%m/%Y %H.%M%", "fields.as_of.format: is no format: stray %"),
        ('{ value = "kpu" }', f"{{ value = {10**30} }}", "fields.source.value: Input should be a valid string"),
        ('{ value = "kpu" }', "{ value = 1.5 }", "line 11, fields.source.value: must be text, a whole number, true or"),
        ('{ column = "Suara" }', '{ column = "S", words = { a = [] } }', "fields.voted.words.a: must be text"),
        ("{Tanggal} {Jam}", "{Tanggal} {Jam", "fields.as_of.template: a brace belongs to no {column}"),
        ("{Tanggal} {Jam}", "27/11/2024 08.00", "fields.as_of.template: names no {column}"),
        ('{ template = "x-{Kode}-{TPS}-{Jam}" }', '{ value = "x" }', "fields.event_id: must be made of a column"),
        ("[fields]", "[fields", "m.toml: "),
    ],
)
def test_a_mistake_is_one_line_with_file_line_and_field(old: str, new: str, error: str):
    assert EXAMPLE.count(old) >= 1
    text = refusal(EXAMPLE.replace(old, new))
    assert text.startswith("m.toml: ") and error in text and "\n" not in text


@pytest.mark.parametrize(("kind", "model"), [("incident", Incident), ("turnout", Turnout)])
def test_every_field_of_a_message_can_be_mapped(kind: str, model: type[Incident] | type[Turnout]):
    """Whatever the models gain: the names are theirs."""
    names = [info.alias or name for name, info in model.model_fields.items()]
    fields = "\n".join(f'{name} = {{ column = "{name}" }}' for name in names)
    assert CsvMapping.parse(f'kind = "{kind}"\n[fields]\n{fields}\n', "m.toml").columns == names


def test_a_file_with_a_byte_order_mark_is_read_and_one_that_is_not_utf_8_is_refused(tmp_path: Path):
    file = tmp_path / "m.toml"
    file.write_bytes(EXAMPLE.encode("utf-8-sig"))
    assert CsvMapping.read(file) == CsvMapping.parse(EXAMPLE, "m.toml")
    file.write_bytes(EXAMPLE.encode("utf-16"))
    with pytest.raises(MappingError, match="m.toml: is not UTF-8 at byte 0"):
        CsvMapping.read(file)
    with pytest.raises(MappingError, match="nothing.toml: No such file"):
        CsvMapping.read(tmp_path / "nothing.toml")
