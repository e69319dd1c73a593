"""Silence: every phase answers every signal, flags follow the table, and its picture in the docs is current."""

import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.risk.silence import STATUS, TRANSITIONS, Phase, Publish, Signal, Silence, diagram
from tests.streams.ledgers import COMPILED, EIGHT_MS, MINUTE_MS

DOCS = Path(__file__).resolve().parents[3] / "docs" / "levels.md"
STALE = (Phase.STALE, Phase.STALE_PUBLISHED)
HOLDING = (Phase.SILENT_HOLDING, Phase.LIVE_HOLDING)
NEVER_REPORTED = {Phase.SILENT, Phase.SILENT_HOLDING}
STATIONS = 2264


def silence(minutes: int, level: int = 0, reported: bool = True, stations: int = STATIONS) -> Silence:
    """A regency after a report, if any, and so many minutes of ticks, evaluated after each."""
    silence, now_ms = Silence(COMPILED, stations), EIGHT_MS
    silence.begin(now_ms)
    if reported:
        silence.report(now_ms)
        silence.evaluate(level, now_ms)
    _pass(silence, now_ms, minutes, level)
    return silence


def _pass(silence: Silence, now_ms: int, minutes: int, level: int) -> list[Publish]:
    published = []
    for minute in range(1, minutes + 1):
        silence.tick(now_ms + minute * MINUTE_MS)
        silence.pass_grid()
        published.append(silence.evaluate(level, now_ms + minute * MINUTE_MS))
    return [publish for publish in published if publish]


def test_every_phase_answers_every_signal_it_can_get_and_no_other():
    never = {(phase, signal) for phase in NEVER_REPORTED for signal in (Signal.OVERDUE, Signal.NOTABLE)}
    never.add((Phase.STALE_PUBLISHED, Signal.NOTABLE))
    assert set(TRANSITIONS) == set(itertools.product(Phase, Signal)) - never


def test_a_report_makes_every_phase_live_and_only_it_publishes_recovered():
    for (phase, signal), transition in TRANSITIONS.items():
        assert signal is not Signal.REPORT or transition.to is Phase.LIVE
        is_recovery = phase is Phase.STALE_PUBLISHED and signal is Signal.REPORT
        assert (transition.publish is Publish.RECOVERED) == is_recovery


def test_stale_is_published_on_the_way_into_its_phase_and_nowhere_else():
    for (phase, _), transition in TRANSITIONS.items():
        is_entry = transition.to is Phase.STALE_PUBLISHED and phase is not Phase.STALE_PUBLISHED
        assert (transition.publish is Publish.STALE) == is_entry


def test_until_stale_only_the_length_of_silence_decides_whether_levels_are_held():
    for (phase, signal), transition in TRANSITIONS.items():
        if phase not in STALE and signal in (Signal.RECENT, Signal.LONG):
            assert STATUS[transition.to] == STATUS[phase]
            assert (transition.to in HOLDING) == (signal is Signal.LONG)


def test_stale_remains_until_a_report_and_remembers_that_it_was_published():
    for (phase, signal), transition in TRANSITIONS.items():
        if signal in (Signal.OVERDUE, Signal.NOTABLE) or (phase in STALE and signal is not Signal.REPORT):
            is_published = phase is Phase.STALE_PUBLISHED or signal is Signal.NOTABLE
            assert transition.to is STALE[is_published]


def test_silence_holds_levels_after_falls_within_and_is_stale_after_stale_after():
    falls, stale = COMPILED.falls_within_ms // MINUTE_MS, COMPILED.stale_ms // MINUTE_MS
    assert not silence(falls - 1).holds_levels and silence(falls).holds_levels
    assert silence(stale - 1).status == "live" and silence(stale).status == "stale"


@pytest.mark.parametrize("reported", [True, False])
def test_silence_is_counted_to_the_millisecond(reported):
    state = silence(COMPILED.falls_within_ms // MINUTE_MS - 1, reported=reported)
    at_ms = EIGHT_MS + COMPILED.falls_within_ms
    for now_ms, holds in ((at_ms - 1, False), (at_ms, True)):
        state.tick(now_ms)
        state.pass_grid()
        state.evaluate(0, now_ms)
        assert state.holds_levels is holds


def test_a_regency_without_reports_is_stored_with_no_silence_counted():
    counted = {"silent_ms": 0, "silent_at_grid_ms": -1, "observed_ms": 0}
    assert Silence(COMPILED, STATIONS).stored() == {"phase": "silent", **counted}


def test_stale_is_published_where_ordinary_days_would_have_brought_reports():
    """Of a regency with many stations; of one alone nobody expects any."""
    stale = COMPILED.stale_ms // MINUTE_MS
    assert silence(stale - 1).phase is Phase.LIVE_HOLDING
    assert silence(stale).phase is Phase.STALE_PUBLISHED
    assert silence(stale, stations=1).phase is Phase.STALE


def test_a_regency_that_never_reported_is_silent_and_never_stale():
    never = silence(1000, level=2, reported=False)
    assert (never.status, never.holds_levels) == ("silent", True)
    assert never.report(EIGHT_MS) and never.evaluate(0, EIGHT_MS) is Publish.NOTHING and never.status == "live"


def test_stale_is_published_once_and_so_is_the_report_that_ends_it():
    state, stale = silence(0), COMPILED.stale_ms // MINUTE_MS
    assert _pass(state, EIGHT_MS, stale + 100, level=1) == [Publish.STALE]
    assert state.report(EIGHT_MS) and state.evaluate(1, EIGHT_MS) is Publish.RECOVERED
    assert not state.report(EIGHT_MS) and state.evaluate(1, EIGHT_MS) is Publish.NOTHING


def test_stale_at_night_is_published_once_a_level_is_held():
    """Nothing was to be expected; then neighbours raise the level."""
    state = Silence(COMPILED, 1)
    state.report(EIGHT_MS)
    state.evaluate(0, EIGHT_MS)
    assert _pass(state, EIGHT_MS, COMPILED.stale_ms // MINUTE_MS, level=0) == [] and state.phase is Phase.STALE
    assert state.evaluate(1, EIGHT_MS) is Publish.STALE


def test_a_jump_of_the_clock_counts_as_one_long_tick_at_most():
    state = silence(0)
    state.tick(EIGHT_MS + 10 * COMPILED.stale_ms)
    state.pass_grid()
    state.evaluate(3, EIGHT_MS + 10 * COMPILED.stale_ms)
    assert state.phase is Phase.LIVE


@given(st.integers(0, 400), st.booleans(), st.integers(0, 1))
def test_restored_silence_continues_like_one_that_never_stopped(minutes, reported, level):
    state, again = silence(minutes, level, reported), Silence(COMPILED, STATIONS)
    again.restore(state.stored())
    now_ms = EIGHT_MS + minutes * MINUTE_MS
    assert (again.status, again.holds_levels) == (state.status, state.holds_levels)
    assert again.evaluate(1, now_ms) is state.evaluate(1, now_ms)
    assert _pass(again, now_ms, 200, 1) == _pass(state, now_ms, 200, 1)
    assert again.stored() == state.stored()


def test_the_diagram_in_the_docs_is_current():
    assert f"```mermaid\n{diagram()}```" in DOCS.read_text(encoding="utf-8"), (
        "put the text of streams.risk.silence.diagram() between the fences"
    )
