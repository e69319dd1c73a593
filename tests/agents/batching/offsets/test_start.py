"""Where reading a source starts, rule by rule, and what a batch means that does not continue there."""

import pytest
from aiokafka.structs import OffsetAndMetadata
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.batching import Batch
from agents.batching.offsets.start import RULES, Arrival, Known, Start, Verdict, arrival, decide, first_held, start_at

SEVEN, NINE, ZERO = OffsetAndMetadata(7, "seven"), OffsetAndMetadata(9, "nine"), OffsetAndMetadata(0, "")

VERDICTS = [
    (Known(SEVEN, None, 20), Verdict.GROUP),
    (Known(SEVEN, SEVEN, 20), Verdict.GROUP),
    (Known(NINE, SEVEN, 20), Verdict.GROUP),
    (Known(SEVEN, NINE, 20), Verdict.NOTE),
    (Known(SEVEN, NINE, 9), Verdict.NOTE),
    (Known(SEVEN, NINE, 8), Verdict.RECREATED),
    (Known(None, None, 20), Verdict.LOOK_FOR_OUTPUT),
    (Known(None, None, 20, has_written=True), Verdict.ASK_AGAIN),
    (Known(None, None, 20, has_written=False), Verdict.UNREAD),
    (Known(None, None, 20, has_written=True, is_second_answer=True), Verdict.UNREAD),
    (Known(None, None, 0), Verdict.UNREAD),
    (Known(None, NINE, 20), Verdict.ASK_AGAIN),
    (Known(None, NINE, 20, is_second_answer=True), Verdict.RECREATED),
    (Known(None, NINE, 0), Verdict.RECREATED),
    (Known(None, ZERO, 20), Verdict.ASK_AGAIN),
    (Known(None, ZERO, 20, is_second_answer=True), Verdict.UNREAD),
    (Known(SEVEN, ZERO, 20), Verdict.GROUP),
]


@pytest.mark.parametrize(("known", "verdict"), VERDICTS)
def test_what_is_known_leads_to_one_verdict(known, verdict):
    assert decide(known).verdict is verdict


def test_every_rule_decides_one_of_the_cases_above():
    assert {decide(known) for known, _ in VERDICTS} == set(RULES)


offsets = st.none() | st.integers(0, 30).map(lambda offset: OffsetAndMetadata(offset, ""))


@settings(deadline=None)
@given(st.builds(Known, offsets, offsets, st.integers(0, 30), st.none() | st.booleans(), st.booleans()))
def test_reading_never_starts_behind_the_end_of_the_source_by_its_note(known):
    verdict = decide(known).verdict
    start = start_at(verdict, known)
    if verdict in (Verdict.RECREATED, Verdict.UNREAD):
        assert start.offset == 0
    if verdict is Verdict.NOTE:
        assert start.offset <= known.end
    if verdict in (Verdict.LOOK_FOR_OUTPUT, Verdict.ASK_AGAIN):
        assert known.group is None and not known.is_second_answer


def test_a_start_carries_the_note_of_the_offset_it_takes():
    assert start_at(Verdict.NOTE, Known(SEVEN, NINE, 20)) == Start(Verdict.NOTE, 9, "nine")
    assert start_at(Verdict.GROUP, Known(SEVEN, NINE, 20)) == Start(Verdict.GROUP, 7, "seven")


@pytest.mark.parametrize(
    ("batch", "what"),
    [
        (Batch([], 10, 12, 12), Arrival.CONTINUES),
        (Batch([], 8, 12, 12), Arrival.CONTINUES),
        (Batch([], 8, 10, 10), Arrival.CONTINUES),  # all of it was read, and the source ends there
        (Batch([], 11, 12, 12), Arrival.GAP),
        (Batch([], 0, 2, 2), Arrival.RECREATED),
        (Batch([], 0, 12, 12, went_back=True), Arrival.RECREATED),  # however long the source is again
        (Batch([], 10, 12, 12, went_back=True), Arrival.CONTINUES),  # back to where the shard is, as after a seek
    ],
)
def test_what_a_batch_means_after_offset_10(batch, what):
    assert arrival(batch, 10) is what


@pytest.mark.parametrize(("beginning", "first"), [(0, 10), (12, 12), (14, 14), (15, None), (20, None)])
def test_a_gap_from_10_to_15_is_read_from_what_the_source_still_holds(beginning, first):
    assert first_held(10, 15, beginning) == first
