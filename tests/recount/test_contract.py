"""The contract of version 2 as the recount knows it: identities, places, persons, and who may say what where."""

import json
from base64 import b64encode

import pytest

from tests.chaos.traffic import incident, turnout
from tests.recount.contract import judge
from tests.recount.personal import holds_personal_number
from tests.recount.sources import UNRANKED, Sources, Speaker
from tests.recount.stations import canonical, station_key

NOW_MS = 1_732_683_600_000
ROSTER = {"16.71", "16.02"}
SOURCES = Sources(
    {
        "unknown": "reject",
        "sources": {
            "kpu-sumsel": {"agency": "kpu", "turnout": 3},
            "siwaslu": {"agency": "bawaslu", "turnout": 201, "regencies": ["16.71"]},
            "polda": {"agency": "polda", "only": ["incidents"], "input": "polda"},
        },
    }
)


def verdict(topic: str = "incidents", regency: str = "16.71", **changes: object) -> str:
    """The reason, or the agency of a message that must be taken."""
    make = incident if topic.startswith("incidents") else turnout
    told = judge(topic, make("e-1", regency, NOW_MS / 1000, **changes), {}, ROSTER, NOW_MS, sources=SOURCES)
    return told.reason or told.speaker.agency


@pytest.mark.parametrize(
    "changes, want",
    [
        ({}, "kpu"),
        ({"event_id": "2024-11-27T08:12:00+07:00/1", "incident_id": "bWVzc2FnZQ=="}, "kpu"),
        ({"event_id": "x" * 128}, "kpu"),
        ({"event_id": "x" * 129}, "schema"),
        ({"event_id": "two words"}, "schema"),
        ({"incident_id": "kéy"}, "schema"),
        ({"origin": "pantau-7"}, "kpu"),
        ({"origin": None}, "kpu"),
        ({"origin": "Pantau"}, "schema"),
        ({"revision": 2**53 - 1}, "kpu"),
        ({"revision": 2**53}, "schema"),
        ({"schema": "siaga.incident/2"}, "kpu"),
        ({"schema": "siaga.incident/3"}, "unsupported_version"),
        ({"schema": "siaga.incident/3", "newer": 1}, "unsupported_version"),
        ({"schema": "siaga.turnout/2"}, "schema"),
        ({"schema": "3"}, "schema"),
        ({"village": "16.71.01.1001"}, "kpu"),
        ({"village": "16.02.01.1001"}, "unknown_village"),
        ({"village": "16.71.01.100"}, "schema"),
        ({"station": "TPS\t012"}, "schema"),
        ({"station": "  "}, "schema"),
        ({"station": "0812-3456-7890"}, "personal_data"),
        ({"incident_id": "NIK-1671014507900001"}, "personal_data"),
        ({"incident_id": "2024112708120000"}, "kpu"),
        ({"source": "siwaslu"}, "bawaslu"),
        ({"source": "siwaslu", "regency": "16.02"}, "source_not_allowed"),
        ({"source": "nobody"}, "source_not_allowed"),
        ({"source": "polda"}, "source_not_allowed"),
    ],
)
def test_an_incident_is_taken_or_refused_for_one_reason(changes, want):
    assert verdict(**changes) == want


@pytest.mark.parametrize(
    "topic, source, want",
    [
        ("incidents.polda", "polda", "polda"),
        ("turnout.polda", "polda", "source_not_allowed"),
        ("incidents.polda", "kpu-sumsel", "source_not_allowed"),
        ("incidents.kpu", "nobody", "source_not_allowed"),
        ("turnout", "siwaslu", "bawaslu"),
    ],
)
def test_a_source_is_heard_on_its_own_topic_only(topic, source, want):
    assert verdict(topic, source=source) == want


def test_a_source_that_no_file_names_is_its_own_agency_and_marked_unless_they_are_refused():
    assert Sources({}).speaker("pantau-1", "turnout", "16.71") == Speaker("?pantau-1", UNRANKED)
    assert Sources({}).speaker("pantau-1", "turnout.kpu", "16.71") is None
    assert SOURCES.speaker("kpu-sumsel", "turnout", "16.71") == Speaker("kpu", 3)


@pytest.mark.parametrize("text", ["TPS 001", "TPS 1", "tps 01", " TPS  1 ", "1", "TPS001"])
def test_spellings_of_one_station_have_one_form(text):
    assert canonical(text) == "TPS 001"


@pytest.mark.parametrize(
    "text, form",
    [("TPS 1000", "TPS 1000"), ("tps-12", "TPS-12"), ("balai desa", "BALAI DESA"), ("TPS 12 b", "TPS 12 B")],
)
def test_other_names_of_stations_keep_their_words(text, form):
    assert canonical(text) == form


def test_a_station_counts_within_its_village():
    assert station_key("16.71.01.1001", "12") == "16.71.01.1001 TPS 012"
    assert station_key(None, "12") == " TPS 012"
    assert station_key("16.71.01.1001", None) == "16.71.01.1001 "
    assert station_key(None, None) is None


@pytest.mark.parametrize(
    "text",
    [
        "1671014507900001", "NIK-1671010507900001", "x1671017112900001y", "0812-3456-7890", "+62 812 3456 7890",
        "6281234567890", "call.0812.345.678", "+62 711 312345", "(0812) 3456_7890",
    ],
)  # fmt: skip
def test_a_number_of_a_person_is_found(text):
    assert holds_personal_number(text)


@pytest.mark.parametrize(
    "text",
    [
        "2024112708120000", "16710145079000011", "1671013207900001", "1671014513900001", "2071014507900001",
        "000142", "2024-11-27T08:12:00+07:00/1", "08123456", "08123456789012345", "18123456789", "8123456789",
        "81234567890", "inc-0888497952",
        "0711-312345", "0842-3456-7890", "0f8b3c1e-6d1a-4b7e-9a43-081234567890", "20241127-081234", "TPS 812",
    ],
)  # fmt: skip
def test_other_numbers_are_none_of_a_person(text):
    assert not holds_personal_number(text)


def test_one_name_twice_in_a_message_is_still_refused():
    value = json.dumps({"event_id": "a"}).encode()[:-1] + b', "event_id": "b"}'
    assert judge("incidents", value, {}, ROSTER, NOW_MS).reason == "invalid_json"


CLOUD_EVENT = {"specversion": "1.0", "id": "1", "type": "incident", "source": "/polda"}
GOOD = json.loads(incident("e-1", "16.71", NOW_MS / 1000))


@pytest.mark.parametrize(
    "envelope, want",
    [
        (CLOUD_EVENT | {"data": GOOD}, ""),
        (CLOUD_EVENT | {"data_base64": b64encode(json.dumps(GOOD).encode()).decode(), "extension": 7}, ""),
        (CLOUD_EVENT | {"data": GOOD, "datacontenttype": "application/json; charset=UTF-8"}, ""),
        (CLOUD_EVENT | {"data": GOOD, "datacontenttype": "application/xml"}, "unsupported_encoding"),
        (CLOUD_EVENT | {"data": GOOD, "data_base64": "e30="}, "schema"),
        (CLOUD_EVENT | {"data": GOOD, "id": ""}, "schema"),
        (CLOUD_EVENT | {"data": GOOD | {"schema": "siaga.incident/3"}}, "unsupported_version"),
        (CLOUD_EVENT | {"data": GOOD | {"event_id": "0812-3456-7890"}}, "personal_data"),
        (CLOUD_EVENT | {"data_base64": "/w=="}, "not_utf8"),
        (CLOUD_EVENT, "schema"),
        (GOOD, "schema"),
        ([], "schema"),
    ],
)
def test_a_message_in_an_envelope_is_judged_as_without(envelope, want):
    headers = {"content-type": b"application/cloudevents+json; charset=utf-8"}
    assert judge("incidents", json.dumps(envelope).encode(), headers, ROSTER, NOW_MS).reason == want
