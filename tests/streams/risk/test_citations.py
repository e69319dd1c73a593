"""Which incidents an escalation cites: those that reading all of the day gives, though only the newest are read."""

import random
from collections import Counter, defaultdict

import pytest

from schemas.ruleset import Ruleset
from streams.risk.citations import CITED_MOST, cite
from streams.risk.record import Record
from streams.risk.regency import RegencyState
from streams.rules import Rules
from tests.streams.ledgers import COMPILED, EIGHT_MS, HOUR_MS, MINUTE_MS, PALEMBANG, ROSTER, incident, tick

ROLLING = Rules(Ruleset.packaged("rolling-sum-60min"))
PLACES = (None, None, "16.71.01.1001 TPS 001", " TPS 001")
STATUSES = ("reported", "reported", "verified", "resolved", "retracted")


def day_of(rules: Rules, seed: int, count: int) -> RegencyState:
    """A regency after a day of reports of every kind, late ones, corrections, retractions and words of other sources
    among them.
    """
    rnd, state, entries = random.Random(seed), RegencyState(ROSTER[PALEMBANG], rules), []
    categories = sorted({category for category, _ in rules.kinds})
    for n in range(count):
        at_ms = EIGHT_MS + n * 26 * HOUR_MS // count
        late_ms = rnd.choice((0, 0, 0, MINUTE_MS, 3 * HOUR_MS, 30 * HOUR_MS))
        subject = rnd.randrange(count) if rnd.random() < 0.3 else n
        severity = rnd.choices((1, 2, 3, 4, 5), rnd.choice(((5, 4, 2, 0, 0), (5, 3, 2, 1, 1))))[0]
        entries.append(incident(
            n, at_ms, rnd.choice(categories), severity, source=f"s{n % 5}", status=rnd.choice(STATUSES), revision=n + 1,
            incident=subject, origin=f"s{subject % 5}", occurred_ms=at_ms - late_ms, place=rnd.choice(PLACES),
        ))  # fmt: skip
        if n % 7 == 0:
            entries.append(tick(at_ms)[1][0])
    for _ in state.fold(0, entries, defaultdict(Counter)):
        pass
    return state


def cited_of_all(state: RegencyState, groups: tuple[int, ...]) -> list[str]:
    """What `cite` returns, by reading every incident that is held."""
    incidents = state.incidents
    found = [
        record
        for record in incidents.records.values()
        if incidents.is_counted(record) and record.kind.pressure_milli[record.status]
        and (not groups or record.kind.group in groups)
    ]  # fmt: skip

    def heaviest(record: Record) -> tuple:
        return -record.kind.window_milli, -record.occurred_ms, record.incident

    def most(record: Record) -> tuple:
        is_urgent = record.incident in incidents.urgent
        return not is_urgent, -incidents.evidence(record), -record.occurred_ms, record.incident

    if state.rules.rolling_milli is None:
        found = sorted(found, key=most)[:CITED_MOST]
    return [record.incident for record in sorted(found, key=heaviest)[:CITED_MOST]]


@pytest.mark.parametrize("rules", [COMPILED, ROLLING], ids=["points", "rolling sum"])
@pytest.mark.parametrize("count", [15, 200, 3_000])
def test_citations_are_those_that_reading_all_of_the_day_gives(rules, count):
    for seed in range(8):
        state = day_of(rules, seed, count)
        for groups in ((), (0,), (1, 2), (3,)):
            cited = [record.incident for record in cite(state.rules, state.incidents, groups)]
            assert cited == cited_of_all(state, groups), (seed, groups)


def test_of_a_busy_day_only_the_newest_incidents_are_read(monkeypatch):
    state = day_of(ROLLING, 1, 3_000)
    buckets = list(state.incidents.newest_first())
    read = []
    whole = type(state.incidents).newest_first

    def counted(incidents):
        for until_ms, records in whole(incidents):
            read.append(until_ms)
            yield until_ms, records

    monkeypatch.setattr(type(state.incidents), "newest_first", counted)
    assert len(cite(state.rules, state.incidents, ())) == CITED_MOST
    assert 0 < len(read) < len(buckets) / 2
