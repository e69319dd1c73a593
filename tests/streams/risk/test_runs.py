"""Laws of runs: folded at once or one by one, the same comes out; what is not plain ends a run."""

import random
from collections import Counter, defaultdict

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from benchmarks.peers.ruleset import reference_ruleset
from schemas.ledger import Entry
from schemas.ruleset import Ruleset
from schemas.vocabulary import Category
from streams.risk.regency import RegencyState, step
from streams.risk.runs import fold_plain
from streams.rules import Rules
from streams.storage.segments import LARGEST
from streams.table import RiskTable
from tests.streams.ledgers import (
    COMPILED,
    EIGHT_MS,
    HOUR_MS,
    MINUTE_MS,
    PALEMBANG,
    ROSTER,
    Frame,
    fresh,
    incident,
    restored,
    run,
    tick,
    turnout,
)

ROLLING = Rules(Ruleset.parse(reference_ruleset(3_000)))  # thirty of the mildest are a point
SOURCES = ("bawaslu", "kpu", "polri")
MILD = ("reported", "reported", "verified", "resolved")


class OneByOne(RiskTable):
    """The same table without runs."""

    def _fold_entries(self, state: RegencyState, offset: int, entries: list[Entry]) -> None:
        for entry in entries:
            if step(state, entry, self._drained.outcomes):
                self._decide(state, offset)


def busy_hours(seed: int, oddity: float) -> list[Frame]:
    """Two hours of frames of up to forty entries within a minute, plain but for a share of `oddity`: repeats,
    revisions, exercises, late and grave ones, retractions, new sources, turnout, and entries after the next evaluation
    time."""
    rnd = random.Random(seed)
    at_ms, told, frames = EIGHT_MS, [], [tick(EIGHT_MS)]
    while at_ms < EIGHT_MS + 2 * HOUR_MS:
        at_ms += rnd.choice([MINUTE_MS, MINUTE_MS, 7 * MINUTE_MS])
        frames.append(tick(at_ms))
        now_ms, entries = at_ms, []
        for _ in range(rnd.choice([1, 4, 12, 40])):
            now_ms += rnd.choice([0, 1, 900])
            entries.append(_odd(rnd, now_ms, told) if rnd.random() < oddity else _plain(rnd, len(told), now_ms))
            told.append(entries[-1])
        frames.append((PALEMBANG, entries))
    return frames


def _plain(rnd: random.Random, number: int, at_ms: int, **given) -> Entry:
    fields = {"source": rnd.choice(SOURCES), "status": rnd.choice(MILD)} | given
    return incident(number, at_ms, rnd.choice(list(Category)).value, rnd.choice([1, 1, 2, 3]), **fields)


def _odd(rnd: random.Random, at_ms: int, told: list[Entry]) -> Entry:
    number, known = len(told), rnd.choice(told)[2].partition("-")[2] if told else 0
    return rnd.choice(
        [
            lambda: incident(known, at_ms),
            lambda: incident(number, at_ms, incident=known, revision=rnd.randint(1, 3), source=rnd.choice(SOURCES)),
            lambda: incident(known, at_ms, incident=number),
            lambda: _plain(rnd, number, at_ms, exercise=True),
            lambda: _plain(rnd, number, at_ms, occurred_ms=at_ms - rnd.choice([59, 60, 61, 400, 1500]) * MINUTE_MS),
            lambda: _plain(rnd, number, at_ms, status="retracted"),
            lambda: _plain(rnd, number, at_ms, source=f"desk-{number}"),
            lambda: incident(number, at_ms, "clash", rnd.choice([4, 5]), source=rnd.choice(SOURCES)),
            lambda: incident(number, at_ms + 2 * MINUTE_MS, source=rnd.choice(SOURCES)),
            lambda: turnout(number, at_ms, f"TPS {rnd.randint(0, 3)}", rnd.randint(0, 600)),
        ]
    )()


@pytest.mark.parametrize("rules", [COMPILED, ROLLING], ids=["packaged", "rolling"])
@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([0.0, 0.02, 0.1, 0.5]))
@example(1, 0.0)
def test_a_run_gives_what_its_reports_give_one_by_one(rules, seed, oddity):
    ledger = busy_hours(seed, oddity)
    at_once, one_by_one = fresh(rules=rules), fresh(OneByOne, rules)
    assert run(ledger, at_once) == run(ledger, one_by_one)
    assert list(map(_sums, at_once)) == list(map(_sums, one_by_one))


@pytest.mark.parametrize("rules", [COMPILED, ROLLING], ids=["packaged", "rolling"])
def test_what_runs_have_summed_is_what_a_restart_sums(rules):
    table = fresh(rules=rules)
    told = run(busy_hours(7, 0.1), table)
    assert list(map(_sums, table)) == list(map(_sums, restored(told.state, rules=rules)))


def _sums(state: RegencyState) -> tuple:
    held = state.incidents
    return held.totals, held.by_source, held.counts, held.weights, held.serious, held.confirmed, held.vouched


EVERY_KIND = [(category.value, severity) for category in Category for severity in (1, 2, 3)]


def calm(rules: Rules = COMPILED, kinds: list[tuple[str, int]] = EVERY_KIND) -> RegencyState:
    """A regency in which every source has told of these kinds within the hour, and nothing is due."""
    table = fresh(rules=rules)
    before = [
        incident(f"{source}{n}", EIGHT_MS + n, *kind, source=source)
        for source in SOURCES
        for n, kind in enumerate(kinds)
    ]
    run([tick(EIGHT_MS), (PALEMBANG, before), tick(EIGHT_MS + MINUTE_MS)], table)
    [state] = [state for state in table if state.regency is ROSTER[PALEMBANG]]
    return state


NOW_MS = EIGHT_MS + MINUTE_MS + 500


def mild(event: object, at_ms: int = NOW_MS, **fields) -> Entry:
    return incident(event, at_ms, "administration", 1, **fields)


ODD = {
    "a revision": mild("new", incident="kpu0", revision=2),
    "an exercise": mild("new", exercise=True),
    "an hour old": mild("new", occurred_ms=EIGHT_MS + MINUTE_MS - HOUR_MS),
    "a retraction": mild("new", status="retracted"),
    "a new source": mild("new", source="desk-9"),
    "after the next evaluation time": mild("new", EIGHT_MS + 2 * MINUTE_MS),
    "a grave one": incident("new", NOW_MS, "clash", 4),
    "turnout": turnout("new", NOW_MS, "TPS 1", 100),
}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_a_run_ends_before_what_is_not_plain(odd):
    outcomes = defaultdict(Counter)
    state, plain = calm(), [mild(n) for n in range(3)]
    assert fold_plain(state, [*plain, odd, mild("more")], 0, outcomes) == 3
    assert outcomes == {"i": {"applied": 3}}


def test_repeats_are_counted_and_do_not_end_a_run_but_are_no_report():
    """The clock is the last entry's; the silence began with the last report that told something."""
    outcomes = defaultdict(Counter)
    state = calm()
    entries = [mild(1), mild(1), mild("kpu0", incident="other"), mild(2), mild("kpu0", NOW_MS + 300, incident="kpu0")]
    assert fold_plain(state, entries, 0, outcomes) == 5
    assert outcomes == {"i": {"applied": 2, "duplicate": 3}} and state.excluded["duplicate"] == 3
    assert (state.observed_ms, state.clock_ms) == (NOW_MS, NOW_MS + 300)


@pytest.mark.parametrize("rules", [COMPILED, ROLLING], ids=["packaged", "rolling"])
def test_a_run_ends_before_the_report_that_could_bring_a_point(rules):
    entries, few = [mild(n) for n in range(100)], [("administration", 1)] * 2
    one_by_one, state = calm(rules, few), calm(rules, few)
    due = next(n for n, entry in enumerate(entries) if step(one_by_one, entry, defaultdict(Counter)))
    assert due > 0, "a first report that is due at once shows nothing"
    assert fold_plain(state, entries, 0, defaultdict(Counter)) == due


def test_nothing_is_taken_while_a_decision_is_due():
    state = calm()
    state.is_due = True
    assert fold_plain(state, [mild(1)], 0, defaultdict(Counter)) == 0


def test_a_run_ends_with_its_segment():
    """So that no record of the state is too large for Kafka; the next run has a segment of its own."""
    state = calm()
    state.needs = [float("inf")] * len(state.needs)
    entries, outcomes = [mild(n) for n in range(LARGEST + 10)], defaultdict(Counter)
    assert fold_plain(state, entries, 0, outcomes) == LARGEST
    assert fold_plain(state, entries, LARGEST, outcomes) == len(entries)
    assert [(segment.live, len(segment.ids)) for _, segment in state.segments.close_frame()] == [
        (LARGEST, LARGEST),
        (10, 10),
    ]
