"""Who may write an input topic puts a person into it: a NIK or a telephone number as an id or a station, a name and an
address where a station or an incident's number belongs, or as the name of a field.

Numbers of persons are rejected. A name cannot be told from a place's, and the contract lets any text of 64 characters
be a station: it stays inside. Everything is searched that leaves the fold or the house: rows, escalations, bodies of
webhooks, CAP documents, error lines of rejected records, headers of the rejected topic, and what is logged."""

import logging
from types import SimpleNamespace

import orjson
import pytest

from apps.integrations.cap.document import CapProfile, document
from apps.integrations.cap.references import MessageChains
from apps.integrations.escalation_records import outward_of
from apps.integrations.webhook.http_attempt import interpret_status
from apps.integrations.webhook.notifications import Author
from apps.integrations.webhook.waiting import waiting_of
from apps.publishing.lines import Line
from apps.publishing.messages import Kind, checked
from schemas.notification import Event
from schemas.rejected import Rejected, rejected_headers
from schemas.roster import Roster
from schemas.ruleset import Ruleset
from schemas.topics import Topic
from schemas.vocabulary import RejectReason
from streams.admission import Admitted, ClockMode, Gate, Rejection
from streams.table import RiskTable
from tests.schemas.messages import incident, turnout
from tests.streams.ledgers import MINUTE_MS, PALEMBANG, RULES, Outputs, run, tick

NOW_MS = 1_732_672_800_000  # 27 November 2024, 09:00 in Palembang
NUMBERS = [
    "1671014507900001",
    "NIK-1671014507900001",
    "0812 3456 7890",
    "081234567890",
    "0812-3456-7890",
    "+6281234567890",
    "(0812)3456.7890",
]
PERSON = "Budi Santoso, Jl. Sudirman 12 RT 03"
PERSON_AS_ID = "Budi-Santoso;Jl.Sudirman-12/RT-03"
WORDS = ("budi", "santoso", "sudirman")

GATE = Gate(Roster.default(), ClockMode.EVENT)


def admitted(topic: Topic, value: bytes) -> Admitted | Rejection:
    return GATE.admit(topic, value, (), NOW_MS)


def values(field: str, text: str) -> list[tuple[Topic, Kind, bytes]]:
    """Messages of each kind that hold `text` in this field."""
    found = [(Topic.INCIDENTS, Kind.INCIDENTS, incident(**{field: text}))]
    return found + ([(Topic.TURNOUT, Kind.TURNOUT, turnout(**{field: text}))] if field != "incident_id" else [])


@pytest.mark.parametrize("field", ["event_id", "incident_id", "station"])
@pytest.mark.parametrize("number", NUMBERS)
def test_a_persons_number_is_rejected_and_no_line_repeats_it(number: str, field: str, caplog: pytest.LogCaptureFixture):
    text = number.replace(" ", "") if field != "station" else number
    caplog.set_level(logging.DEBUG)
    for topic, kind, value in values(field, text):
        rejection = admitted(topic, value)
        assert isinstance(rejection, Rejection) and rejection.reason is RejectReason.PERSONAL_DATA, value
        headers = rejected_headers(rejection.reason, rejection.error, topic.value, 0, 1)
        with pytest.raises(Rejected) as told:
            checked(kind)(Line(1, 0, len(value), value))
        lines = [rejection.error, str(told.value), *(text.decode() for _, text in headers), caplog.text]
        assert not [line for line in lines if text in line or "7890" in line or "790000" in line]


@pytest.mark.parametrize("text", [*NUMBERS, PERSON, PERSON_AS_ID])
@pytest.mark.parametrize("field", ["category", "status", "regency", "village", "severity", "occurred_at", "source"])
def test_what_is_wrong_elsewhere_is_not_repeated_in_the_error(field: str, text: str):
    rejection = admitted(Topic.INCIDENTS, incident(**{field: text}))
    if isinstance(rejection, Rejection):
        assert text not in rejection.error and not [word for word in WORDS if word in rejection.error.lower()]


@pytest.mark.parametrize("text", [*NUMBERS, PERSON])
def test_a_field_named_like_a_person_is_rejected_and_its_name_is_not_repeated(text: str):
    rejection = admitted(Topic.INCIDENTS, incident(**{text: 1}))
    assert isinstance(rejection, Rejection)
    assert text not in rejection.error and not [word for word in WORDS if word in rejection.error.lower()]


class Told:
    """A regency that is told of two deaths and a turnout figure, and all that comes of it."""

    def __init__(self, **fields: str) -> None:
        station = {"station": fields.get("station", "TPS 001")}
        messages = [
            (Topic.INCIDENTS, incident(category="fatality", severity=5, event_id="e-1", **fields)),
            (Topic.INCIDENTS, incident(category="fatality", severity=5, event_id="e-2", **fields, source="kpu")),
            (Topic.TURNOUT, turnout(**station)),
        ]
        frames = []
        for topic, value in messages:
            found = admitted(topic, value)
            assert isinstance(found, Admitted), found
            frames.append((found.regency, [found.entry]))
        frames += [tick(NOW_MS + minute * MINUTE_MS) for minute in range(1, 5)]
        self.outputs: Outputs = run(frames, RiskTable(0, 1, Roster.default(), RULES), first_offset=0)
        assert self.outputs.escalations, "the deaths escalate"

    def topics(self) -> list[bytes]:
        """What is written to the output topics."""
        outputs = self.outputs
        return [*outputs.rows.values(), *outputs.provinces.values(), *outputs.escalations]

    def outside(self) -> list[bytes]:
        """Bodies of webhooks, CAP documents and the log of notifications, by the packaged ruleset."""
        rule, chains, found = Ruleset.default().outward, MessageChains(), []
        for value in self.outputs.escalations:
            outward = outward_of(value, rule)
            found += [outward.body(), document(outward, chains.append(outward), CapProfile())]
            waiting = waiting_of(SimpleNamespace(value=value, offset=0, timestamp=0), rule)
            answer = interpret_status(404, None)
            found.append(Author("outward", "https://a").about(waiting, Event.FAILED, answer, 0, 0).line())
        return found


def names_somebody(texts: list[bytes]) -> list[bytes]:
    return [text for text in texts if any(word.encode() in text.lower() for word in WORDS)]


def test_a_name_and_address_as_a_station_stay_inside(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    told = Told(station=PERSON)
    assert orjson.loads(told.outputs.rows[PALEMBANG])["turnout"]["stations_reported"] == 1
    assert names_somebody([*told.topics(), *told.outside(), caplog.text.encode()]) == []


def test_a_name_as_an_incidents_number_leaves_the_house_in_no_message(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    told = Told(incident_id=PERSON_AS_ID)
    assert names_somebody(told.outputs.escalations), "inside, evidence is named as the contract says"
    assert len(told.outside()) == 3 * len(told.outputs.escalations)
    assert names_somebody([*told.outside(), caplog.text.encode()]) == []
