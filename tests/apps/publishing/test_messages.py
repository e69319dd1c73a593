"""From line to message: the key, the unchanged value, and the time of a replay."""

import json

import pytest

from apps.publishing.lines import LINE_MAX_BYTES, Line
from apps.publishing.messages import Kind, checked, unchecked
from schemas.rejected import Rejected
from schemas.vocabulary import RejectReason
from tests.apps.cli.siaga import incident, turnout


def line(message: object, whole: bool = True) -> Line:
    value = message if isinstance(message, bytes) else json.dumps(message).encode()
    return Line(1, 0, len(value) + 1, value, whole)


def test_the_value_is_sent_unchanged():
    spaced = json.dumps(incident(1), indent=1).replace("\n", " ").encode()
    message = checked(Kind.INCIDENTS)(line(spaced))
    assert (message.key, message.value) == (b"16.02", spaced)


@pytest.mark.parametrize(
    ("message", "played"),
    [
        (incident(1), "07:00"),
        (incident(1, revision=2, reported_at="2024-11-27T09:30:00+07:00"), "09:30"),
        (incident(1, revision=2, reported_at="2024-11-27T06:58:00+07:00"), "07:00"),
    ],
)
def test_a_replay_sends_revision_1_when_it_occurred_and_later_ones_when_reported(message: dict, played: str):
    hour, minute = map(int, played.split(":"))
    midnight_ms = 1_732_640_400_000  # 2024-11-27T00:00+07:00
    assert checked(Kind.INCIDENTS)(line(message)).played_ms == midnight_ms + (hour * 60 + minute) * 60_000


def test_a_replay_sends_turnout_at_its_as_of():
    assert checked(Kind.TURNOUT)(line(turnout(1))).played_ms == 1_732_640_400_000 + 9 * 3_600_000


@pytest.mark.parametrize("read", [checked(Kind.INCIDENTS), unchecked])
def test_a_line_that_was_cut_is_never_sent(read):
    with pytest.raises(Rejected) as rejected:
        read(line(b"x" * LINE_MAX_BYTES, whole=False))
    assert rejected.value.reason is RejectReason.TOO_LARGE


def test_a_turnout_line_among_incidents_is_rejected():
    with pytest.raises(Rejected):
        checked(Kind.INCIDENTS)(line(turnout(1)))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"village": "16.72.01.1001"}, "unknown_village: village: "),
        ({"station": "TPS\x01012"}, "schema: station: "),
        ({"station": "x" * 65}, "schema: station: "),
        ({"station": "0812-3456-7890"}, "personal_data: station: "),
        ({"schema": "siaga.incident/3"}, "unsupported_version: schema: "),
    ],
)
def test_what_intake_would_reject_is_not_sent(changes: dict, said: str):
    with pytest.raises(Rejected, match=said):
        checked(Kind.INCIDENTS)(line(incident(2, regency="16.71") | changes))


def test_an_unchecked_line_gets_its_key_from_its_regency_field():
    assert unchecked(line({"regency": "16.01"})).key == b"16.01"
    assert unchecked(line({"regency": 7})).key is None
    assert unchecked(line(b"nonsense")).key is None
