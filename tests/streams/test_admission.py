"""Laws of admission: which records are accepted, and with which time. Times below are Jakarta's, +07:00."""

import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.fields import milliseconds
from schemas.ledger import FRAME_MAX_BYTES, Entry, decode_frame, encode_frames
from schemas.roster import Regency, Roster
from schemas.sources import UNRANKED, Sources
from schemas.stations import canonical_station, station_key
from schemas.topics import Topic
from schemas.vocabulary import RejectReason
from streams.admission import Admitted, ClockMode, Gate, Rejection, tick_entry
from tests.schemas.messages import incident, incidents, turnout, turnouts, unhurried

ROSTER = Roster({"16.71": Regency("16.71", "Palembang", 2264, 1_241_196)})
WALL, EVENT = Gate(ROSTER, ClockMode.WALL), Gate(ROSTER, ClockMode.EVENT)
DAY = timedelta(days=1)


def at(text: str, day: str = "2024-11-27") -> int:
    return milliseconds(datetime.fromisoformat(f"{day}T{text}+07:00"))


def admitted_at(occurred: str, reported: str, clock: str, gate: Gate = WALL) -> Admitted | Rejection:
    times = {"occurred_at": f"2024-11-27T{occurred}+07:00", "reported_at": f"2024-11-27T{reported}+07:00"}
    return gate.admit(Topic.INCIDENTS, incident(**times), (), at(clock))


def turnout_at(as_of: str, clock_ms: int, gate: Gate = WALL, wall_ms: int | None = None) -> Admitted | Rejection:
    return gate.admit(Topic.TURNOUT, turnout(as_of=as_of), (), clock_ms, wall_ms)


def reason(decision: Admitted | Rejection) -> RejectReason | None:
    return decision.reason if isinstance(decision, Rejection) else None


def test_an_incident_becomes_its_ledger_entry():
    decision = WALL.admit(Topic.INCIDENTS, incident(), (), at("09:00:00"))
    assert decision == Admitted(
        "16.71",
        ["i", at("09:00:00"), "e-1", "bawaslu-sumsel i-1", 1, " TPS 012", "intimidation", 3, "reported"]
        + [at("08:40:00"), at("08:52:10.250"), "bawaslu-sumsel", False, "bawaslu"],
        at("08:40:00"),
        "bawaslu-sumsel",
    )


def test_a_turnout_message_becomes_its_ledger_entry():
    decision = WALL.admit(Topic.TURNOUT, turnout(), (), at("09:01:00"))
    entry = ["t", at("09:01:00"), "t-1", " TPS 012", 548, 131, at("09:00:00"), 1, "kpu-sumsel", False, "kpu", 3]
    assert decision == Admitted("16.71", entry, at("09:00:00"), "kpu-sumsel")


def test_a_tick_is_the_time_alone():
    assert tick_entry(5) == ["k", 5]


def test_entries_carry_the_time_of_the_clock_in_use():
    assert admitted_at("08:00:00", "08:01:00", clock="08:02:00", gate=WALL).entry[1] == at("08:02:00")
    assert admitted_at("08:00:00", "08:01:00", clock="08:02:00", gate=EVENT).entry[1] == at("08:00:00")
    assert turnout_at("2024-11-27T08:00:00+07:00", 0, EVENT, at("09:00:00")).entry[1] == at("08:00:00")


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


def test_with_the_event_clock_future_is_what_is_ahead_of_wall_time():
    clock_ms, wall_ms = at("08:00:00"), at("20:00:00")
    assert reason(turnout_at("2024-11-27T20:10:00+07:00", clock_ms, EVENT, wall_ms)) is None
    assert reason(turnout_at("2024-11-27T20:10:00.001+07:00", clock_ms, EVENT, wall_ms)) is RejectReason.FUTURE
    late = incident(occurred_at="2024-11-27T08:00:00+07:00", reported_at="2024-11-27T20:10:01+07:00")
    assert reason(EVENT.admit(Topic.INCIDENTS, late, (), clock_ms, wall_ms)) is RejectReason.FUTURE


@pytest.mark.parametrize("gate", [WALL, EVENT])
def test_365_days_behind_the_clock_is_taken_and_more_is_too_old(gate):
    clock_ms = at("08:00:00", day="2025-11-27")  # 365 days later
    assert reason(turnout_at("2024-11-27T08:00:00+07:00", clock_ms, gate)) is None
    assert reason(turnout_at("2024-11-27T07:59:59.999+07:00", clock_ms, gate)) is RejectReason.TOO_OLD
    late_report = incident(occurred_at="2024-11-27T07:59:59+07:00", reported_at="2025-11-27T08:00:00+07:00")
    assert reason(gate.admit(Topic.INCIDENTS, late_report, (), clock_ms)) is RejectReason.TOO_OLD


def test_a_replay_of_any_election_since_1969_starts_from_no_clock():
    assert reason(turnout_at("1999-06-07T08:00:00+07:00", 0, EVENT, at("08:00:00"))) is None
    assert reason(turnout_at("1969-01-01T00:00:00Z", 0, EVENT)) is None
    assert reason(turnout_at("1968-12-31T23:59:59Z", 0, EVENT)) is RejectReason.TOO_OLD


def test_the_roster_is_checked_before_the_clock():
    for gate in (WALL, EVENT):
        assert reason(gate.admit(Topic.INCIDENTS, incident(regency="16.99"), (), 0)) is RejectReason.UNKNOWN_REGENCY
        assert reason(gate.admit(Topic.TURNOUT, turnout(regency="71.16"), (), 0)) is RejectReason.UNKNOWN_REGENCY


def test_a_station_reaches_the_ledger_in_one_form_with_its_village():
    def key(**fields: Any) -> str:
        return WALL.admit(Topic.TURNOUT, turnout(**fields), (), at("09:01:00")).entry[3]

    assert {key(station=spelling) for spelling in ("12", "tps 12", " TPS  012 ", "TPS012")} == {" TPS 012"}
    assert key(station="tps 12", village="16.71.01.1001") == "16.71.01.1001 TPS 012"
    lone = incident(station=None, village="16.71.01.1001")
    assert WALL.admit(Topic.INCIDENTS, lone, (), at("09:00:00")).entry[5] == "16.71.01.1001 "


@pytest.mark.parametrize("station", ["TPS\t1", "TPS 1\n", "TPS\u200b1", "\x00", "   "])
def test_a_station_that_is_none_is_a_schema_error_that_does_not_repeat_it(station):
    for topic, value in ((Topic.INCIDENTS, incident(station=station)), (Topic.TURNOUT, turnout(station=station))):
        decision = WALL.admit(topic, value, (), at("09:01:00"))
        assert decision.reason is RejectReason.SCHEMA and decision.error.startswith("station: must ")
        assert station not in decision.error or station == "   "


def test_a_village_must_be_of_the_regency():
    for topic, message in ((Topic.INCIDENTS, incident), (Topic.TURNOUT, turnout)):
        assert reason(WALL.admit(topic, message(village="16.71.99.9999"), (), at("09:01:00"))) is None
        other = WALL.admit(topic, message(village="16.02.01.1001"), (), at("09:01:00"))
        assert other == Rejection(RejectReason.UNKNOWN_VILLAGE, "village: not of this regency")


def test_an_incident_under_anothers_number_has_that_ones_key():
    def key(**fields: Any) -> str:
        return WALL.admit(Topic.INCIDENTS, incident(**fields), (), at("09:00:00")).entry[3]

    assert key() == key(origin="bawaslu-sumsel") == key(origin=None) == "bawaslu-sumsel i-1"
    assert key(origin="polda") == key(origin="polda", source="kpu") == "polda i-1"


def test_agency_and_rank_are_those_of_the_sources_file():
    text = 'unknown = "accept"\n[sources.desk]\nagency = "polda"\nturnout = 7\n'
    gate = Gate(ROSTER, ClockMode.WALL, Sources.parse(text, "mine.toml"))
    assert gate.admit(Topic.INCIDENTS, incident(source="desk"), (), at("09:00:00")).entry[11:] == [
        "desk",
        False,
        "polda",
    ]
    assert gate.admit(Topic.TURNOUT, turnout(source="desk"), (), at("09:01:00")).entry[8:] == [
        "desk",
        False,
        "polda",
        7,
    ]
    stranger = gate.admit(Topic.TURNOUT, turnout(source="other"), (), at("09:01:00")).entry
    assert stranger[8:] == ["other", False, "?other", UNRANKED]


def test_a_source_that_may_not_say_it_is_refused_after_the_place_and_before_the_clock():
    text = 'unknown = "reject"\n[sources.desk]\nagency = "kpu"\nonly = ["turnout"]\n'
    gate = Gate(ROSTER, ClockMode.WALL, Sources.parse(text, "mine.toml"))
    assert reason(gate.admit(Topic.INCIDENTS, incident(source="desk"), (), 0)) is RejectReason.SOURCE_NOT_ALLOWED
    assert reason(gate.admit(Topic.TURNOUT, turnout(source="other"), (), 0)) is RejectReason.SOURCE_NOT_ALLOWED
    assert reason(gate.admit(Topic.TURNOUT, turnout(source="desk"), (), 0)) is RejectReason.FUTURE
    elsewhere = turnout(source="other", village="16.02.01.1001")
    assert reason(gate.admit(Topic.TURNOUT, elsewhere, (), 0)) is RejectReason.UNKNOWN_VILLAGE


def test_exercises_are_let_in_for_the_fold_to_count_apart():
    clock_ms = at("09:00:00")
    assert WALL.admit(Topic.INCIDENTS, incident(is_exercise=True), (), clock_ms).entry[12] is True
    assert WALL.admit(Topic.TURNOUT, turnout(is_exercise=True), (), clock_ms).entry[9] is True


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


def key_of(fields: dict[str, Any]) -> str:
    """The station key of a message, whose station is not empty in the compared form."""
    station = fields.get("station")
    return station_key(fields.get("village") or "", canonical_station(station) if station is not None else "")


def is_named(fields: dict[str, Any]) -> bool:
    """Whether its station is one, as schemas/stations.py says."""
    try:
        return bool(key_of(fields))
    except ValueError:
        return False


def entry_of(topic: Topic, fields: dict[str, Any], clock_ms: int) -> Entry:
    """The entry of a message from the fifth in turnout order, of agency an-agency, of the only regency there is."""
    regency, source = fields["regency"], fields["source"]
    sources = Sources.parse(f'[sources.{source}]\nagency = "an-agency"\nturnout = 5\n', "mine.toml")
    gate = Gate(Roster({regency: Regency(regency, "R", 1, 1)}), ClockMode.WALL, sources)
    admitted = gate.admit(topic, json.dumps(fields).encode(), (), clock_ms)
    assert isinstance(admitted, Admitted)
    return admitted.entry


def in_its_regency(fields: dict[str, Any]) -> dict[str, Any]:
    village = fields.get("village")
    return fields | {"village": fields["regency"] + village[5:]} if village else fields


@unhurried
@given(incidents().filter(is_named).map(in_its_regency))
def test_every_field_of_an_incident_reaches_the_ledger(fields):
    occurred, reported = (milliseconds(datetime.fromisoformat(fields[name])) for name in ("occurred_at", "reported_at"))
    clock_ms = max(occurred, reported)
    entry = entry_of(Topic.INCIDENTS, fields, clock_ms)
    is_somewhere = fields.get("station") is not None or fields.get("village") is not None
    assert entry == [
        *("i", clock_ms, fields["event_id"], f"{fields.get('origin') or fields['source']} {fields['incident_id']}"),
        *(fields["revision"], key_of(fields) if is_somewhere else None),
        *(fields["category"], fields["severity"], fields["status"], occurred, reported),
        *(fields["source"], fields.get("is_exercise", False), "an-agency"),
    ]
    (frame,) = encode_frames([entry])
    assert decode_frame(frame) == [entry]


@unhurried
@given(turnouts().filter(is_named).map(in_its_regency))
def test_every_field_of_a_turnout_message_reaches_the_ledger(fields):
    as_of = milliseconds(datetime.fromisoformat(fields["as_of"]))
    entry = entry_of(Topic.TURNOUT, fields, as_of)
    assert entry == [
        *("t", as_of, fields["event_id"], key_of(fields), fields["registered"], fields["voted"]),
        *(as_of, fields.get("revision", 1)),
        *(fields["source"], fields.get("is_exercise", False), "an-agency", 5),
    ]
    (frame,) = encode_frames([entry])
    assert decode_frame(frame) == [entry]


def test_the_largest_entry_fits_a_frame_many_times_over():
    wide = incident(
        event_id="x" * 128, incident_id="\\" * 128, station="\U0001f600" * 64, source="x" * 32, origin="y" * 32,
        village="16.71.01.1001",
    )  # fmt: skip
    entry = entry_of(Topic.INCIDENTS, json.loads(wide), at("09:00:00"))
    (frame,) = encode_frames([entry] * 100)
    assert len(frame) < FRAME_MAX_BYTES


@unhurried
@given(st.binary(max_size=100), st.integers(0, 4_102_444_800_000))
def test_random_bytes_are_rejected_with_any_clock_at_any_time(value, clock_ms):
    for gate in (WALL, EVENT):
        for topic in (Topic.INCIDENTS, Topic.TURNOUT):
            assert isinstance(gate.admit(topic, value, (), clock_ms), Rejection)
