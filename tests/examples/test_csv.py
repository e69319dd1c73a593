"""The spreadsheets and mapping files in examples/csv: each is converted whole, and says all that its columns say."""

import io
from datetime import timedelta, timezone
from pathlib import Path

import orjson
import pytest

from apps.conversion.convert import Tally, convert
from apps.conversion.mapping import CsvMapping

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "csv"
WIB = timezone(timedelta(hours=7))


def converted(name: str, reports: list[str]) -> list[bytes]:
    mapping = CsvMapping.read(EXAMPLES / f"{name}.toml")
    return list(convert(io.BytesIO((EXAMPLES / f"{name}.csv").read_bytes()), mapping, WIB, Tally(), reports.append))


def test_there_is_a_mapping_for_each_spreadsheet():
    assert [file.stem for file in sorted(EXAMPLES.glob("*.csv"))] == ["sirekap", "siwaslu"]
    assert [file.stem for file in sorted(EXAMPLES.glob("*.toml"))] == ["sirekap", "siwaslu"]


@pytest.mark.parametrize(("name", "count"), [("sirekap", 4), ("siwaslu", 3)])
def test_every_line_is_converted_without_a_report_and_each_has_its_own_id(name: str, count: int):
    reports: list[str] = []
    messages = [orjson.loads(value) for value in converted(name, reports)]
    assert reports == []
    assert len({message["event_id"] for message in messages}) == len(messages) == count


def test_sirekaps_counts_are_whole_numbers_at_their_local_time():
    messages = [orjson.loads(value) for value in converted("sirekap", [])]
    assert [(message["registered"], message["voted"], message["as_of"]) for message in messages[1:3]] == [
        (1103, 244, "2024-11-27T08:00:00+07:00"),
        (486, 120, "2024-11-27T08:00:00+07:00"),
    ]


def test_siwaslus_words_are_categories_and_severities():
    messages = [orjson.loads(value) for value in converted("siwaslu", [])]
    assert [(message["category"], message["severity"]) for message in messages] == [
        ("logistics", 1),
        ("money_politics", 3),
        ("clash", 4),
    ]


@pytest.mark.parametrize("name", ["sirekap", "siwaslu"])
def test_the_village_is_told_where_messages_have_one(name: str):
    """A TPS number counts within its village, and the spreadsheets name it."""
    mapping = CsvMapping.read(EXAMPLES / f"{name}.toml")
    assert ("village" in mapping.fields) == ("village" in mapping.target.fields), 'village = { column = "Desa" }'
