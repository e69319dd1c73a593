"""State records have named fields and a format number, and records of another format are refused."""

import json

import pytest

from streams.storage.format import FORMAT, UnknownFormat
from tests.streams.ledgers import EIGHT_MS, PALEMBANG, fresh, incident, notice, run, tick, turnout


@pytest.fixture(scope="module")
def records() -> dict[bytes, bytes]:
    reports = [incident(n, EIGHT_MS, "clash", 4) for n in range(3)]
    stations = [turnout(n, EIGHT_MS, f"TPS {n}", 100) for n in range(5)]
    frames = [
        tick(EIGHT_MS),
        (PALEMBANG, [*reports, *stations]),
        (PALEMBANG, [turnout("own", EIGHT_MS, "TPS 9", 100)]),
        ("16", [notice(EIGHT_MS, PALEMBANG, "siaga")]),
    ]
    state = run(frames).state
    return {key: value for key, value in state.items() if key.startswith((b"16.71/", b"16/"))}


def test_every_record_has_the_format_number(records):
    assert {key[5:8] for key in records} == {b"/h", b"/i/", b"/t/", b"/s/", b"/d/", b""}
    for key, value in records.items():
        assert (value[0] if key[5:8] == b"/d/" else json.loads(value)["format"]) == FORMAT


def test_every_record_names_its_fields(records):
    """Lists are sequences of one thing: by group, by rung, or rows whose columns the record names; a row of incidents
    leaves out the last columns where they follow from the first ones and the segment.
    """
    rows = {name: json.loads(records[name]) for name in (b"16.71/i/1", b"16.71/t/1")}
    assert {len(row) for row in rows[b"16.71/t/1"]["rows"]} == {len(rows[b"16.71/t/1"]["columns"])}
    left_out = rows[b"16.71/i/1"]["columns"][len(rows[b"16.71/i/1"]["rows"][0]) :]
    assert left_out == ["since_ms", "sole_agency", "place", "words", "joined_to"]
    station = json.loads(records[b"16.71/s/ TPS 9"])
    assert station == {
        "format": FORMAT, "as_of_ms": EIGHT_MS, "revision": 1, "registered": 500, "voted": 100, "source": "kpu",
        "agency": "kpu", "rank": 1, "corrections": 0, "is_listed": True,
        "others": [], "conflicts": [],
    }  # fmt: skip
    sequences = {"history", "phases", "since_ms", "cited", "unverified", "past", "neighbours"}
    for name in (b"16.71/h", b"16/p"):
        assert _lists(json.loads(records[name])) <= sequences


def _lists(fields: dict) -> set[str]:
    own = {name for name, value in fields.items() if isinstance(value, list)}
    return own.union(*(_lists(value) for value in fields.values() if isinstance(value, dict)))


@pytest.mark.parametrize("key", [b"16.71/h", b"16.71/i/1", b"16.71/d/1", b"16/p"])
def test_a_record_of_another_format_is_refused(records, key):
    table = fresh()
    other = bytes(16) if key == b"16.71/d/1" else json.dumps(json.loads(records[key]) | {"format": 0}).encode()
    for name, value in (records | {key: other}).items():
        table.restore(name, value)
    with pytest.raises(UnknownFormat):
        table.restored()


def test_a_station_by_itself_costs_hardly_more_than_its_names():
    """There are 820,000 polling stations in Indonesia, most of which one source alone tells of."""
    assert len(run([(PALEMBANG, [turnout(1, EIGHT_MS, "TPS 1", 250)])]).state[b"16.71/s/ TPS 1"]) < 180
