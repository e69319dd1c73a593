"""The ladder: every phase has an answer to every signal, it cannot flap, and its picture in the docs is current."""

import itertools
import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from streams.risk.levels import TRANSITIONS, Ladder, Phase, Signal, diagram, most_changes
from streams.rules import Rung
from tests.streams.ledgers import COMPILED, EIGHT_MS, HOUR_MS, MINUTE_MS, PALEMBANG, incident, run, tick

KEEP_MS = COMPILED.keep_ms
DOCS = Path(__file__).resolve().parents[3] / "docs" / "levels.md"
RAISED = (Phase.FIRING, Phase.KEEPING)
ONLY_IN = {Signal.HELD: Phase.PENDING, Signal.KEPT: Phase.KEEPING}


def climb(steps: list[tuple[int, int, int]], rungs: tuple[Rung, ...] = COMPILED.rungs) -> list[tuple[int, int]]:
    """(time, level) at every change, for steps of (milliseconds later, score, urgent level)."""
    ladder, now_ms, changes = Ladder(), EIGHT_MS, []
    for later_ms, score, urgent in steps:
        now_ms += later_ms
        before = ladder.level
        ladder.step(now_ms, score, urgent, rungs, KEEP_MS, False)
        if ladder.level != before:
            changes.append((now_ms, ladder.level))
    return changes


def test_every_phase_answers_every_signal_it_can_get_and_no_other():
    assert set(TRANSITIONS) == {
        (phase, signal) for phase, signal in itertools.product(Phase, Signal) if phase is ONLY_IN.get(signal, phase)
    }


def test_a_rung_is_raised_by_a_score_that_held_or_a_grave_incident_alone():
    for (phase, signal), transition in TRANSITIONS.items():
        if phase not in RAISED:
            assert (transition.to is Phase.FIRING) == (signal in (Signal.HELD, Signal.URGENT))
            assert transition.to is not Phase.KEEPING


def test_a_raised_rung_keeps_under_its_lower_threshold_and_fires_again_over_it():
    """And falls only from there, when it was kept long enough."""
    falling = {Signal.BELOW: Phase.KEEPING, Signal.KEPT: Phase.INACTIVE}
    for (phase, signal), transition in TRANSITIONS.items():
        if phase in RAISED:
            assert transition.to is falling.get(signal, Phase.FIRING)


def test_a_score_must_hold_before_it_raises():
    assert climb([(0, 30, 0), (59_000, 30, 0)]) == []
    assert climb([(0, 30, 0), (60_000, 30, 0)]) == [(EIGHT_MS + 60_000, 1)]


def test_a_score_that_falls_back_has_to_hold_from_the_start_again():
    assert climb([(0, 30, 0), (45_000, 20, 0), (15_000, 30, 0), (45_000, 30, 0)]) == []


def test_a_level_rises_at_its_threshold_and_falls_under_its_lower_one():
    waspada = COMPILED.rungs[0]
    raised = [(0, waspada.raise_at, 0), (waspada.hold_ms, waspada.raise_at, 0)]
    assert climb([(later_ms, score - 1, 0) for later_ms, score, _ in raised]) == []
    assert [level for _, level in climb([*raised, *[(KEEP_MS, waspada.lower_below, 0)] * 9])] == [1]
    assert [level for _, level in climb([*raised, *[(KEEP_MS, waspada.lower_below - 1, 0)] * 2])] == [1, 0]


def test_a_level_that_fires_carries_those_below_that_hold_longer():
    """Without it the level would count fewer rungs than fire, and later fall through a gap."""
    holds = (30 * MINUTE_MS, 20 * MINUTE_MS, MINUTE_MS)
    rungs = tuple(replace(rung, hold_ms=hold_ms) for rung, hold_ms in zip(COMPILED.rungs, holds, strict=True))
    assert climb([(0, 100, 0), (MINUTE_MS, 100, 0)], rungs) == [(EIGHT_MS + MINUTE_MS, 3)]
    ladder = Ladder()
    for now_ms in (EIGHT_MS, EIGHT_MS + MINUTE_MS):
        ladder.step(now_ms, 100, 0, rungs, KEEP_MS, False)
    assert ladder.phases == [Phase.FIRING] * 3 and ladder.since_ms == [EIGHT_MS + MINUTE_MS] * 3


def test_a_grave_incident_raises_at_once():
    assert climb([(0, 0, 3)]) == [(EIGHT_MS, 3)]


def test_the_level_falls_one_rung_at_a_time_each_after_the_keep_time():
    steps = [(0, 0, 3)] + [(MINUTE_MS, 0, 0)] * 120
    first_low_ms = EIGHT_MS + MINUTE_MS
    assert climb(steps) == [
        (EIGHT_MS, 3),
        (first_low_ms + KEEP_MS, 2),
        (first_low_ms + 2 * KEEP_MS, 1),
        (first_low_ms + 3 * KEEP_MS, 0),
    ]


def test_within_the_hysteresis_band_the_level_stays():
    steps = [(0, 60, 0), (60_000, 60, 0)] + [(MINUTE_MS, 40, 0)] * 600
    assert [level for _, level in climb(steps)] == [2]


def test_silence_holds_the_level():
    ladder = Ladder()
    ladder.step(EIGHT_MS, 0, 2, COMPILED.rungs, KEEP_MS, False)
    for minutes in range(1, 600):
        ladder.step(EIGHT_MS + minutes * MINUTE_MS, 0, 0, COMPILED.rungs, KEEP_MS, True)
    assert ladder.level == 2


def test_a_ladder_that_never_moved_is_stored_as_zeros():
    assert Ladder().stored() == {"phases": [0, 0, 0], "since_ms": [0, 0, 0], "changed_ms": 0}


@given(st.lists(st.tuples(st.integers(0, KEEP_MS), st.integers(0, 100), st.integers(0, 3)), max_size=20))
def test_a_restored_ladder_continues_like_one_that_never_stopped(steps):
    ladder, now_ms = Ladder(), EIGHT_MS
    for later_ms, score, urgent in steps:
        now_ms += later_ms
        again = Ladder()
        again.restore(json.loads(json.dumps(ladder.stored())))
        for either in (ladder, again):
            either.step(now_ms, score, urgent, COMPILED.rungs, KEEP_MS, False)
        assert again.stored() == ladder.stored()


def test_a_ladder_is_at_rest_until_a_score_counts_and_again_after_the_last_fall():
    ladder = Ladder()
    assert ladder.is_at_rest()
    ladder.step(EIGHT_MS, COMPILED.rungs[0].raise_at, 0, COMPILED.rungs, KEEP_MS, False)
    assert ladder.level == 0 and not ladder.is_at_rest()
    ladder.step(EIGHT_MS, 0, 0, COMPILED.rungs, KEEP_MS, False)
    assert ladder.is_at_rest()


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([0, 15_000, MINUTE_MS, 10 * MINUTE_MS, KEEP_MS]), st.integers(0, 100), st.integers(0, 3)
        ),
        max_size=120,
    )
)
@example([(MINUTE_MS, 100 * (n % 2), 3 * (n % 31 == 0)) for n in range(400)])
@example([(KEEP_MS, 0, 3 * (n % 2)) for n in range(40)])
def test_no_input_makes_it_flap(steps):
    """At most `most_changes` changes in any hour: seven with a keep time of half an hour."""
    times = [at_ms for at_ms, _ in climb(steps)]
    assert most_changes(KEEP_MS) == 7
    for index, start_ms in enumerate(times):
        assert sum(1 for at_ms in times[index:] if at_ms < start_ms + HOUR_MS) <= most_changes(KEEP_MS)


def test_changes_are_bounded_by_whole_falls_and_by_nothing_without_a_keep_time():
    assert [most_changes(minutes * MINUTE_MS) for minutes in (20, 30, 40, 60)] == [9, 7, 7, 5]
    with pytest.raises(ValueError, match="not bounded"):
        most_changes(0)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["a", "b", "c"]), st.booleans()), max_size=60))
def test_no_stream_of_reports_and_retractions_makes_the_escalations_flap(reports):
    """Through the whole fold: level changes as above, and one amendment per `amend_every`."""
    frames, at_ms = [tick(EIGHT_MS)], EIGHT_MS
    for number, (minutes, source, is_retracted) in enumerate(reports):
        at_ms += minutes * MINUTE_MS
        grave = incident(number, at_ms, "clash", 5, source=source, incident=number)
        frames.append((PALEMBANG, [grave]))
        if is_retracted:
            gone = incident(
                f"{number}r", at_ms, "clash", 5, source=source, incident=number, status="retracted", revision=2
            )
            frames.append((PALEMBANG, [gone]))
        frames.append(tick(at_ms + MINUTE_MS - 1))
    escalations = run(frames).changes(PALEMBANG)
    moves = [item for item in escalations if item["change"] in ("raised", "lowered", "cleared")]
    amendments = [item for item in escalations if item["change"] == "amended"]
    hours = (at_ms - EIGHT_MS) // HOUR_MS + 1
    assert len(moves) <= hours * most_changes(KEEP_MS)
    assert len(amendments) <= hours * (HOUR_MS // COMPILED.amend_ms + 1)


def test_the_diagram_in_the_docs_is_current():
    assert f"```mermaid\n{diagram()}```" in DOCS.read_text(encoding="utf-8"), (
        "put the text of streams.risk.levels.diagram() between the fences"
    )
