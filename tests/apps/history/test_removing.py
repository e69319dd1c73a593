"""Decisions to evict and to erase: what may be written on the ledger, and what they would take out of a state."""

import pytest

from apps.history.deciding import CannotDecide
from apps.history.removing import Erasure, Eviction
from schemas.ledger import DECISIONS, Frame, encode_frames, incident_digest
from schemas.vocabulary import EraseReason, EvictReason
from streams.event_time.sequencer import Sequencer
from tests.streams.ledgers import EIGHT_MS, HOUR_MS, PALEMBANG, fresh, incident, join, restored, run, tick, turnout

KEY = "polda i-a"


def eviction(source: str = "polda", from_ms: int = EIGHT_MS, to_ms: int = EIGHT_MS + HOUR_MS) -> Eviction:
    return Eviction(source, from_ms, to_ms, "operator", EvictReason.FLOOD)


def held(*more):
    reports = [incident("a", EIGHT_MS, severity=5, source="polda"), incident("b", EIGHT_MS, severity=5, source="kpu")]
    told = [*reports, turnout("t", EIGHT_MS, "TPS 1", 1, source="polda"), *more]
    table = restored(run([tick(EIGHT_MS), (PALEMBANG, told)], fresh()).state)
    return next(state for state in table if state.regency.code == PALEMBANG)


def test_an_eviction_says_what_it_would_take_out():
    assert eviction().found(held()) == (1, 1)
    assert eviction(from_ms=EIGHT_MS + 1).found(held()) == (0, 0)
    assert eviction("bawaslu").found(held()) == (0, 0)


def test_a_source_that_no_message_could_name_and_a_time_that_ends_before_it_begins_are_refused():
    with pytest.raises(CannotDecide, match="SOURCE: 'Polda'"):
        eviction("Polda")
    with pytest.raises(CannotDecide, match="--to: is before --from"):
        eviction(to_ms=EIGHT_MS - 1)


def test_an_entry_that_erases_does_not_hold_the_number():
    erasure = Erasure(KEY, "operator", EraseReason.PERSONAL_DATA_FOUND)
    assert erasure.entry(EIGHT_MS) == ["x", EIGHT_MS, incident_digest(KEY), "operator", "personal_data_found"]
    (frame,) = encode_frames([erasure.entry(EIGHT_MS)])
    assert b"i-a" not in frame and len(incident_digest(KEY)) == 16


def test_the_numbers_that_were_joined_with_an_erased_one_are_named():
    erasure = Erasure(KEY, "operator", EraseReason.REQUEST_OF_THE_PERSON)
    assert erasure.is_held(held()) and erasure.joined(held()) == []
    assert erasure.joined(held(join(EIGHT_MS, "kpu i-b", KEY))) == ["kpu i-b"]
    assert not Erasure("polda i-c", "operator", EraseReason.REQUEST_OF_THE_PERSON).is_held(held())


@pytest.mark.parametrize("decision", [eviction(), Erasure(KEY, "operator", EraseReason.PERSONAL_DATA_FOUND)])
def test_with_the_event_clock_a_decision_does_not_wait_for_a_watermark(decision):
    (value,) = encode_frames([decision.entry(EIGHT_MS)])
    sequencer = Sequencer(sources=1)
    assert list(sequencer.take(PALEMBANG.encode(), Frame(7, value, 0))) == [
        (7, PALEMBANG.encode(), [decision.entry(EIGHT_MS)])
    ]
    assert decision.entry(EIGHT_MS)[0] in DECISIONS and len(sequencer) == 0
