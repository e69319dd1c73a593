"""Laws of admission: which records are accepted, and with which time. Times below are Jakarta's, +07:00."""

import json
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.fields import milliseconds
from schemas.ledger import FRAME_MAX_BYTES, decode_frame, encode_frames
from schemas.roster import Regency, Roster
from schemas.topics import Topic
from schemas.vocabulary import RejectReason
from schemas.wire import read_incident, read_turnout
from streams.admission import Admitted, ClockMode, Gate, Rejection, incident_entry, tick_entry, turnout_entry
from tests.schemas.messages import incident, incidents, turnout, turnouts, unhurried

ROSTER = Roster({"16.71": Regency("16.71", "Palembang", 2264, 1_241_196)})
WALL, EVENT = Gate(ROSTER, ClockMode.WALL), Gate(ROSTER, ClockMode.EVENT)
DAY = timedelta(days=1)


def at(text: str, day: str = "2024-11-27") -> int:
    return milliseconds(datetime.fromisoformat(f"{day}T{text}+07:00"))


def admitted_at(occurred: str, reported: str, clock: str, gate: Gate = WALL) -> Admitted | Rejection:
    times = {"occurred_at": f"2024-11-27T{occurred}+07:00", "reported_at": f"2024-11-27T{reported}+07:00"}
    return gate.admit(Topic.INCIDENTS, incident(**times), (), at(clock))


def turnout_at(as_of: str, clock_ms: int, gate: Gate = WALL) -> Admitted | Rejection:
    return gate.admit(Topic.TURNOUT, turnout(as_of=as_of), (), clock_ms)


def reason(decision: Admitted | Rejection) -> RejectReason | None:
    return decision.reason if isinstance(decision, Rejection) else None


def test_an_incident_becomes_its_ledger_entry():
    decision = WALL.admit(Topic.INCIDENTS, incident(), (), at("09:00:00"))
    assert decision == Admitted(
        "16.71",
        ["i", at("09:00:00"), "e-1", "i-1", 1, "TPS 012", "intimidation", 3, "reported"]
        + [at("08:40:00"), at("08:52:10.250"), "bawaslu-sumsel", False],
        at("08:40:00"),
        "bawaslu-sumsel",
    )


def test_a_turnout_message_becomes_its_ledger_entry():
    decision = WALL.admit(Topic.TURNOUT, turnout(), (), at("09:01:00"))
    entry = ["t", at("09:01:00"), "t-1", "TPS 012", 548, 131, at("09:00:00"), 1, "kpu-sumsel", False]
    assert decision == Admitted("16.71", entry, at("09:00:00"), "kpu-sumsel")


def test_a_tick_is_the_time_alone():
    assert tick_entry(5) == ["k", 5]


def test_entries_carry_the_time_of_the_clock_in_use():
    assert admitted_at("08:00:00", "08:01:00", clock="08:02:00", gate=WALL).entry[1] == at("08:02:00")
    assert admitted_at("08:00:00", "08:01:00", clock="08:02:00", gate=EVENT).entry[1] == at("08:00:00")
    assert turnout_at("2024-11-27T08:00:00+07:00", 0, EVENT).entry[1] == at("08:00:00")


@pytest.mark.parametrize(
    ("occurred", "reported", "clock", "expected"),
    [
        ("08:10:00", "08:10:00", "08:00:00", None),
        ("08:10:00.001", "08:10:00", "08:00:00", RejectReason.FUTURE),
        (
            "08:00:00",
            "08:10:00.001",
            "08:00:00",
            RejectReason.FUTURE,
        ),  # a report from the future: the source's clock is wrong
        ("07:00:00", "08:10:00", "08:00:00", None),
    ],
)
def test_more_than_ten_minutes_ahead_of_wall_time_is_future(occurred, reported, clock, expected):
    assert reason(admitted_at(occurred, reported, clock)) is expected


def test_turnout_ahead_of_the_wall_is_future():
    assert reason(turnout_at("2024-11-27T08:10:00+07:00", at("08:00:00"))) is None
    assert reason(turnout_at("2024-11-27T08:10:00.001+07:00", at("08:00:00"))) is RejectReason.FUTURE


def test_with_the_event_clock_nothing_is_future():
    assert reason(admitted_at("20:00:00", "20:00:00", clock="08:00:00", gate=EVENT)) is None
    assert reason(admitted_at("08:00:00", "23:00:00", clock="08:00:00", gate=EVENT)) is None


@pytest.mark.parametrize("gate", [WALL, EVENT])
def test_365_days_behind_the_clock_is_taken_and_more_is_too_old(gate):
    clock_ms = at("08:00:00", day="2025-11-27")  # 365 days later
    assert reason(turnout_at("2024-11-27T08:00:00+07:00", clock_ms, gate)) is None
    assert reason(turnout_at("2024-11-27T07:59:59.999+07:00", clock_ms, gate)) is RejectReason.TOO_OLD
    late_report = incident(occurred_at="2024-11-27T07:59:59+07:00", reported_at="2025-11-27T08:00:00+07:00")
    assert reason(gate.admit(Topic.INCIDENTS, late_report, (), clock_ms)) is RejectReason.TOO_OLD


def test_a_replay_of_any_election_since_1969_starts_from_no_clock():
    assert reason(turnout_at("1999-06-07T08:00:00+07:00", 0, EVENT)) is None
    assert reason(turnout_at("1969-01-01T00:00:00Z", 0, EVENT)) is None
    assert reason(turnout_at("1968-12-31T23:59:59Z", 0, EVENT)) is RejectReason.TOO_OLD


def test_the_roster_is_checked_before_the_clock():
    for gate in (WALL, EVENT):
        assert reason(gate.admit(Topic.INCIDENTS, incident(regency="16.99"), (), 0)) is RejectReason.UNKNOWN_REGENCY
        assert reason(gate.admit(Topic.TURNOUT, turnout(regency="71.16"), (), 0)) is RejectReason.UNKNOWN_REGENCY


def test_exercises_are_let_in_for_the_fold_to_count_apart():
    clock_ms = at("09:00:00")
    assert WALL.admit(Topic.INCIDENTS, incident(is_exercise=True), (), clock_ms).entry[-1] is True
    assert WALL.admit(Topic.TURNOUT, turnout(is_exercise=True), (), clock_ms).entry[-1] is True


def test_a_value_that_is_no_message_is_rejected_with_its_reason():
    assert WALL.admit(Topic.INCIDENTS, b"{", (), 0) == Rejection(
        RejectReason.INVALID_JSON, "not JSON at line 1 column 2"
    )
    assert reason(WALL.admit(Topic.TURNOUT, None, (), 0)) is RejectReason.INVALID_JSON
    assert reason(WALL.admit(Topic.INCIDENTS, turnout(), (), 0)) is RejectReason.SCHEMA
    assert reason(WALL.admit(Topic.TURNOUT, incident(), (), 0)) is RejectReason.SCHEMA
    avro = (("content-type", b"application/avro"),)
    assert reason(WALL.admit(Topic.INCIDENTS, incident(), avro, 0)) is RejectReason.UNSUPPORTED_ENCODING


def test_any_other_topic_is_a_defect_of_the_caller():
    with pytest.raises(ValueError, match="not an input of intake"):
        WALL.admit(Topic.RISK, incident(), (), 0)


@unhurried
@given(st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)), st.integers(-1439, 1439))
def test_milliseconds_are_exact_for_any_moment_and_offset(moment, offset_minutes):
    local = moment.replace(tzinfo=timezone(timedelta(minutes=offset_minutes)))
    since_epoch = moment - timedelta(minutes=offset_minutes) - datetime(1970, 1, 1)
    assert milliseconds(local) == since_epoch // timedelta(milliseconds=1)


def test_the_bounds_of_the_calendar_are_decided_not_raised():
    assert reason(turnout_at("0001-01-01T00:00:00+23:59", at("08:00:00"))) is RejectReason.TOO_OLD
    assert reason(turnout_at("9999-12-31T23:59:59.999999999-23:59", at("08:00:00"))) is RejectReason.FUTURE
    reports = {"occurred_at": "0001-01-01T00:00:00+23:59", "reported_at": "9999-12-31T23:59:59-23:59"}
    assert reason(WALL.admit(Topic.INCIDENTS, incident(**reports), (), 0)) is RejectReason.FUTURE
    reports = {"reported_at": "0001-01-01T00:00:00+23:59", "occurred_at": "9999-12-31T23:59:59-23:59"}
    assert reason(WALL.admit(Topic.INCIDENTS, incident(**reports), (), 0)) is RejectReason.SCHEMA


@unhurried
@given(incidents())
def test_every_field_of_an_incident_reaches_the_ledger(fields):
    occurred, reported = (milliseconds(datetime.fromisoformat(fields[name])) for name in ("occurred_at", "reported_at"))
    read = read_incident(json.dumps(fields).encode())
    entry = incident_entry(read, 7)
    assert entry == [
        *("i", 7, fields["event_id"], fields["incident_id"], fields["revision"], fields.get("station")),
        *(fields["category"], fields["severity"], fields["status"], occurred, reported),
        *(fields["source"], fields.get("is_exercise", False)),
    ]
    (frame,) = encode_frames([entry])
    assert decode_frame(frame) == [entry]
    roster = Roster({fields["regency"]: Regency(fields["regency"], "R", 1, 1)})
    admitted = Gate(roster, ClockMode.WALL).admit(Topic.INCIDENTS, json.dumps(fields).encode(), (), max(entry[9:11]))
    assert admitted.entry == incident_entry(read, max(entry[9:11]))


@unhurried
@given(turnouts())
def test_every_field_of_a_turnout_message_reaches_the_ledger(fields):
    as_of = milliseconds(datetime.fromisoformat(fields["as_of"]))
    entry = turnout_entry(read_turnout(json.dumps(fields).encode()), 7)
    assert entry == [
        *("t", 7, fields["event_id"], fields["station"], fields["registered"], fields["voted"]),
        *(as_of, fields.get("revision", 1)),
        *(fields["source"], fields.get("is_exercise", False)),
    ]
    (frame,) = encode_frames([entry])
    assert decode_frame(frame) == [entry]


def test_the_largest_entry_fits_a_frame_many_times_over():
    wide = incident(event_id="x" * 64, incident_id="x" * 64, station="\U0001f600" * 64, source="x" * 32)
    (frame,) = encode_frames([incident_entry(read_incident(wide), 0)] * 500)
    assert len(frame) < FRAME_MAX_BYTES


@unhurried
@given(st.binary(max_size=100), st.integers(0, 4_102_444_800_000))
def test_random_bytes_are_rejected_with_any_clock_at_any_time(value, clock_ms):
    for gate in (WALL, EVENT):
        for topic in (Topic.INCIDENTS, Topic.TURNOUT):
            assert isinstance(gate.admit(topic, value, (), clock_ms), Rejection)
