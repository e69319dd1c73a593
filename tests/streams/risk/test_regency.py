"""A run of reports gives what its entries give one by one, and a decision comes after the same entry."""

import random
from collections import Counter, defaultdict
from collections.abc import Iterator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from benchmarks.peers.ruleset import reference_ruleset
from schemas.ledger import Entry
from schemas.ruleset import Ruleset
from schemas.vocabulary import Category
from streams.risk.decisions import Evaluation
from streams.risk.regency import Outcomes, RegencyState
from streams.rules import Rules
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
    join,
    restored,
    run,
    tick,
    turnout,
)

ROLLING = Rules(Ruleset.parse(reference_ruleset(3_000)))  # thirty of the mildest are a point
BOTH_RULES = pytest.mark.parametrize("rules", [COMPILED, ROLLING], ids=["packaged", "rolling"])
SOURCES = ("bawaslu", "kpu", "polri")
MILD = ("reported", "reported", "verified", "resolved")
NOW_MS = EIGHT_MS + MINUTE_MS + 500


class Split(RegencyState):
    """A regency whose frames are folded in pieces of one entry."""

    def _fold_entries(self, entries: list[Entry], outcomes: Outcomes) -> Iterator[Evaluation]:
        for entry in entries:
            yield from super()._fold_entries([entry], outcomes)


def busy_hours(seed: int, oddity: float) -> list[Frame]:
    """Two hours of frames of up to forty entries within a minute, plain but for a share of `oddity`: repeats,
    revisions, exercises, late and grave ones, retractions, new sources, turnout, and entries after the next evaluation
    time."""
    rnd = random.Random(seed)
    at_ms, sent, frames = EIGHT_MS, [], [tick(EIGHT_MS)]
    while at_ms < EIGHT_MS + 2 * HOUR_MS:
        at_ms += rnd.choice([MINUTE_MS, MINUTE_MS, 7 * MINUTE_MS])
        frames.append(tick(at_ms))
        now_ms, entries = at_ms, []
        for _ in range(rnd.choice([1, 4, 12, 40])):
            now_ms += rnd.choice([0, 1, 900])
            entries.append(_odd(rnd, now_ms, sent) if rnd.random() < oddity else _plain(rnd, len(sent), now_ms))
            sent.append(entries[-1])
        frames.append((PALEMBANG, entries))
    return frames


def _plain(rnd: random.Random, number: int, at_ms: int, **given) -> Entry:
    fields = {"source": rnd.choice(SOURCES), "status": rnd.choice(MILD)} | given
    return incident(number, at_ms, rnd.choice(list(Category)).value, rnd.choice([1, 1, 2, 3]), **fields)


def _odd(rnd: random.Random, at_ms: int, sent: list[Entry]) -> Entry:
    number, known = len(sent), rnd.choice(sent)[2].partition("-")[2] if sent else 0
    return rnd.choice(
        [
            lambda: incident(known, at_ms),
            lambda: incident(number, at_ms, incident=known, revision=rnd.randint(1, 3), source=rnd.choice(SOURCES)),
            lambda: incident(number, at_ms, incident=known, origin=rnd.choice(SOURCES), source=rnd.choice(SOURCES)),
            lambda: incident(number, at_ms, place="16.71.01.1001 TPS 001", source=rnd.choice(SOURCES)),
            lambda: join(at_ms, *(f"{rnd.choice(SOURCES)} i-{rnd.randint(0, number)}" for _ in range(2))),
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


@BOTH_RULES
@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([0.0, 0.02, 0.1, 0.5]))
@example(1, 0.0)
def test_a_run_gives_what_its_entries_give_one_by_one(rules, seed, oddity):
    ledger = busy_hours(seed, oddity)
    at_once, one_by_one = fresh(rules), fresh(rules, state=Split)
    assert run(ledger, at_once) == run(ledger, one_by_one)
    assert list(map(_sums, at_once)) == list(map(_sums, one_by_one))


@BOTH_RULES
def test_a_restart_restores_the_sums_of_the_runs_before(rules):
    table = fresh(rules)
    outputs = run(busy_hours(7, 0.1), table)
    assert list(map(_sums, table)) == list(map(_sums, restored(outputs.state, rules)))


def _sums(state: RegencyState) -> tuple:
    held = state.incidents
    pairs = held.candidates.pairs, held.candidates.doubles, held.candidates.newest_pairs(10)
    return held.totals, held.by_agency, held.counts, held.weights, held.verified, pairs


def calm(rules: Rules = COMPILED) -> RegencyState:
    """Palembang, an evaluation after two mild reports of each source."""
    table = fresh(rules)
    before = [
        incident(f"{source}{n}", EIGHT_MS + n, "administration", 1, source=source) for source in SOURCES for n in (0, 1)
    ]
    run([tick(EIGHT_MS), (PALEMBANG, before), tick(EIGHT_MS + MINUTE_MS)], table)
    [state] = [state for state in table if state.regency is ROSTER[PALEMBANG]]
    return state


def mild(event: object, at_ms: int = NOW_MS, **fields) -> Entry:
    return incident(event, at_ms, "administration", 1, **fields)


@BOTH_RULES
def test_a_run_ends_with_the_report_that_could_bring_a_point(rules):
    """The next evaluation comes after it, and the report before it was not enough for one."""
    entries, state = [mild(n) for n in range(100)], calm(rules)
    taken = state._take(entries, 0, defaultdict(Counter))
    assert 1 < taken < len(entries)
    before = calm(rules)
    assert before._take(entries[: taken - 1], 0, defaultdict(Counter)) == taken - 1
    assert (before._is_due, state._is_due) == (False, True)


def test_a_duplicate_moves_the_clock_and_does_not_end_the_silence():
    state, outcomes = calm(), defaultdict(Counter)
    entries = [
        mild(1), mild(1), mild("kpu0", incident="other", source="kpu"),
        mild("kpu0", NOW_MS + 300, occurred_ms=EIGHT_MS, reported_ms=EIGHT_MS, source="kpu"),
    ]  # fmt: skip
    for _ in state.fold(9, entries, outcomes):
        pass
    assert outcomes == {"i": {"applied": 1, "duplicate": 2, "id_reused": 1}}
    assert (state.excluded["duplicate"], state.excluded["id_reused"]) == (2, 1)
    assert (state.silence.stored()["observed_ms"], state.clock_ms) == (NOW_MS, NOW_MS + 300)
