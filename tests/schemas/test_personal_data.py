"""Ids and stations that hold what looks like a NIK or a telephone number are told from those that do not."""

import random
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import SchemaValidator, ValidationError, core_schema

from schemas.personal_data import ID_WITHOUT, NIK, STATION_WITHOUT, TELEPHONE, found_in
from schemas.rejected import Rejected
from schemas.vocabulary import RejectReason
from schemas.wire import decode_incident, decode_turnout
from tests.schemas.messages import incident, turnout

HELD = {
    "NIK-1671014507900001": NIK,
    "1671010101900001": NIK,
    "id9271317112990001x": NIK,
    "0812-3456-7890": TELEPHONE,
    "081234567890": TELEPHONE,
    "hp081234567890/2": TELEPHONE,
    "12-081234567890": TELEPHONE,
    "0811 123 456": TELEPHONE,
    "0812.3456.789": TELEPHONE,
    "(0812)_3456-7890": TELEPHONE,
    "0812  3456\u00a07890": TELEPHONE,
    "+62 812-3456-7890": TELEPHONE,
    "+62(0)812 3456 789": TELEPHONE,
    "6281234567890": TELEPHONE,
    "62-81234567890": TELEPHONE,
    "812-3456-7890": TELEPHONE,
    "+62 711 345678": TELEPHONE,
}
PASSED = [
    "2024112708120000",  # 20 is no province
    "1671013207900001",  # no day 32
    "1671010113900001",  # no month 13
    "16710145079000011",  # longer
    "20241127-000142",
    "20241127-081234567890",  # a date and a time with microseconds
    "20241127T081234.567890Z",
    "2024-11-27T08:12:34.567890+07:00",
    "urn:uuid:0f8b3c1e-6d1a-4b7e-9a43-081234567890",
    "bWVzc2FnZQ==",
    "1732671600123",  # milliseconds since 1970
    "81234567890",  # as often a counter
    "inc-0888497952",  # hexadecimal, by chance without a letter
    "TPS 012",
    "1671011001012",
    "16.71.01.1001",
    "0711-345678",  # also eleven past seven
    "080-1234-5678",
    "kpu-16.71-000123-1",
    "bawaslu-1671-20241127-0001",
    "0812-3456-7890-1234-5678",
]


@pytest.mark.parametrize(("text", "what"), HELD.items())
def test_a_persons_number_is_found(text: str, what: str):
    assert found_in(text) == what


@pytest.mark.parametrize("text", PASSED)
def test_what_is_surely_something_else_passes(text: str):
    assert found_in(text) is None


@pytest.mark.parametrize("text", [text for text in PASSED if " " not in text])
def test_an_id_of_many_digits_is_accepted(text: str):
    assert decode_incident(incident(event_id=text, incident_id=text, station=text)).station == text


@pytest.mark.parametrize("field", ["event_id", "incident_id", "station"])
def test_a_message_that_holds_one_is_rejected_by_field_and_nothing_of_it(field: str):
    for number, what in (("NIK-1671014507900001", NIK), ("0812-3456-7890", TELEPHONE)):
        with pytest.raises(Rejected) as caught:
            decode_incident(incident(**{field: number}))
        assert caught.value.reason is RejectReason.PERSONAL_DATA
        assert caught.value.error == f"{field}: holds what looks like {what}"
    with pytest.raises(Rejected, match="personal_data: station: "):
        decode_turnout(turnout(station="0812 3456 7890"))


def test_a_repeated_key_comes_before_it():
    with pytest.raises(Rejected, match="invalid_json: severity: "):
        decode_incident(incident(incident_id="081234567890")[:-1] + b', "severity": 3}')


def test_no_random_uuid_holds_one():
    rng = random.Random(22)
    for _ in range(20_000):
        number = uuid.UUID(int=rng.getrandbits(128), version=4)
        assert found_in(str(number)) is None and found_in(number.hex) is None


def accepts(pattern: str, text: str) -> bool:
    try:
        SchemaValidator(core_schema.str_schema(pattern=pattern)).validate_python(text)
    except ValidationError:
        return False
    return True


PIECES = ["0812", "62", "+62", "0", "8", "812", "3456", "7890", "1671", "014507900001", "1671014507900001", "20241127"]
PIECES += ["081234567890", "a", "T", ":", "-", ".", "_", "(", " ", "\u00a0", "711", "6", "5"]


@given(st.lists(st.sampled_from(PIECES), max_size=9).map("".join))
def test_the_fast_patterns_accept_nothing_that_holds_one(text: str):
    if found_in(text):
        assert not accepts(STATION_WITHOUT, text)
        assert not accepts(ID_WITHOUT, text)
