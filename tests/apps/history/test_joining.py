"""Laws of a decision to join: what may be written on the ledger, and that an incident is found under each number."""

import pytest

from apps.history.deciding import AHEAD_MOST_MS, CannotDecide, decision_ms, key_of, shown
from apps.history.joining import Join, check_state, is_done
from apps.history.present_state import incident_of
from schemas.ledger import Frame, encode_frames
from schemas.vocabulary import JoinReason
from streams.admission import ClockMode
from streams.event_time.sequencer import Sequencer
from streams.messages import rfc3339
from tests.streams.ledgers import EIGHT_MS, PALEMBANG, fresh, incident, palembang, restored, run, tick

VILLAGE = "16.71.01.1001 "
FIRST, SECOND, UNKNOWN = "bawaslu i-a", "polri i-b", "polri i-c"


def decision(first: str = FIRST, second: str = SECOND, is_undone: bool = False, **changes) -> Join:
    return Join(first, second, is_undone, "operator", changes.get("reason", JoinReason.AGENCIES_AGREE))


def held(*decisions: Join):
    """The state of a regency in which two agencies told a clash, after these decisions."""
    reports = [
        incident("a", EIGHT_MS, "clash", 4, source="bawaslu", place=VILLAGE),
        incident("b", EIGHT_MS, "clash", 3, source="polri", place=VILLAGE),
    ]
    frames = [tick(EIGHT_MS - 1), (PALEMBANG, reports), *((PALEMBANG, [one.entry(EIGHT_MS)]) for one in decisions)]
    table = restored(run(frames, fresh()).state)
    return palembang(table)


@pytest.mark.parametrize(
    "text, key",
    [
        ("polda/000142", "polda 000142"),
        ("polda/urn:x:2024-11-27T07:00:00+07:00", "polda urn:x:2024-11-27T07:00:00+07:00"),
        ("kpu-oki/a/b//c=", "kpu-oki a/b//c="),
    ],
)
def test_an_incident_is_split_at_the_first_slash_and_shown_as_given(text, key):
    assert key_of(text) == key and shown(key) == text


@pytest.mark.parametrize(
    "text, problem",
    [
        ("000142", "is not ORIGIN/ID"),
        ("/1", "origin"),
        ("POLDA/1", "origin"),
        ("polda\n/1", "origin"),
        ("polda/", "incident_id"),
        ("polda/a b", "incident_id"),
        ("polda/a\n", "incident_id"),
        ("polda/é", "incident_id"),
        ("polda/" + "x" * 129, "incident_id"),
    ],
)
def test_what_no_message_could_be_named_is_refused_by_field(text, problem):
    with pytest.raises(CannotDecide, match=problem):
        key_of(text)


def test_a_decision_about_one_number_and_a_mistake_as_reason_to_join_are_refused():
    with pytest.raises(CannotDecide, match="bawaslu/i-a is given twice"):
        decision(second=FIRST)
    with pytest.raises(CannotDecide, match="joined_by_mistake is a reason to undo"):
        decision(reason=JoinReason.JOINED_BY_MISTAKE)
    assert decision(is_undone=True, reason=JoinReason.JOINED_BY_MISTAKE).is_undone


def test_two_incidents_may_be_joined_and_one_may_be_split():
    join, split = decision(), decision(is_undone=True)
    for before, wanted, unwanted in (
        (held(), join, split),
        (held(join), split, join),
        (held(join, split), join, split),
    ):
        check_state(before, wanted)
        assert is_done(before, unwanted) and not is_done(before, wanted)
        with pytest.raises(CannotDecide, match="they are (one incident|two incidents) already"):
            check_state(before, unwanted)


@pytest.mark.parametrize("is_undone", [False, True])
def test_a_number_that_nobody_has_told_is_named(is_undone):
    unknown = decision(second=UNKNOWN, is_undone=is_undone)
    with pytest.raises(CannotDecide, match=r"^polri/i-c: no incident of this number is held"):
        check_state(held(), unknown)
    with pytest.raises(CannotDecide, match=r"^bawaslu/i-a and polri/i-b: "):
        check_state(None, decision())
    assert not is_done(None, decision())


def test_an_incident_is_found_under_each_of_its_numbers():
    assert [incident_of(held(), number) for number in (FIRST, SECOND, UNKNOWN)] == [FIRST, SECOND, None]
    assert [incident_of(held(decision()), number) for number in (FIRST, SECOND)] == [FIRST, FIRST]


def test_a_decision_has_the_time_of_the_regencys_clock():
    row, now = {"regency": PALEMBANG, "as_of": rfc3339(EIGHT_MS)}, EIGHT_MS + AHEAD_MOST_MS
    assert decision_ms(ClockMode.EVENT, row, now + 1) == EIGHT_MS
    assert decision_ms(ClockMode.WALL, row, now) == now
    with pytest.raises(CannotDecide, match=r"newest row of 16.71 is 61 s behind this machine's clock"):
        decision_ms(ClockMode.WALL, row, now + 1000)


def test_with_the_event_clock_a_decision_does_not_wait_for_a_watermark():
    (value,) = encode_frames([decision().entry(EIGHT_MS)])
    sequencer = Sequencer(sources=1)
    assert list(sequencer.take(PALEMBANG.encode(), Frame(7, value, 0))) == [
        (7, PALEMBANG.encode(), [decision().entry(EIGHT_MS)])
    ]
    assert len(sequencer) == 0 and sequencer.drain() == []


def test_what_became_of_a_decision_is_counted():
    unknown = decision(second=UNKNOWN)
    frames = [(PALEMBANG, [incident("a", EIGHT_MS), incident("b", EIGHT_MS, source="polri")])]
    frames += [(PALEMBANG, [one.entry(EIGHT_MS)]) for one in (decision(), decision(), unknown)]
    outcomes = run(frames).outcomes
    assert {outcome: outcomes["j", outcome] for outcome in ("applied", "duplicate", "unknown_incident")} == {
        "applied": 1, "duplicate": 1, "unknown_incident": 1,
    }  # fmt: skip
