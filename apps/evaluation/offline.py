"""A day through the real intake gate and the real fold, without a broker: one partition, simulated wall clock.

What shards do through Kafka happens in memory: messages are admitted and stamped with their arrival, ticks come at
their interval, notices to neighbours are appended to the ledger."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from apps.evaluation.cases import Arrival
from apps.evaluation.scoring import NEVER_MS, Raise
from apps.simulation.truth import epoch_ms
from schemas.ledger import TICK_KEY, Entry
from schemas.roster import Roster
from schemas.ruleset import Ruleset
from schemas.topics import Topic
from schemas.vocabulary import DAY_MS, MINUTE_MS
from streams.admission import ClockMode, Gate, Rejection, tick_entry
from streams.table import RiskTable

TICK_MS = MINUTE_MS
# Simulated time between two drains of the table. Only notices to neighbours depend on it, which may be this late here;
# draining at every tick takes as long as the fold itself.
DRAIN_MS = 2 * MINUTE_MS
RAISED_LEVELS = frozenset({"siaga", "awas"})

Frame = tuple[bytes, list[Entry]]


@dataclass
class Ledger:
    """A day's ledger: frames (key, entries) in order, and the number of rejected messages by reason."""

    frames: list[Frame] = field(default_factory=list)
    rejected: dict[str, int] = field(default_factory=dict)

    def entries(self) -> Iterator[tuple[str, Entry]]:
        """Entries with their regency, without ticks."""
        for key, entries in self.frames:
            if key != TICK_KEY:
                for entry in entries:
                    yield key.decode(), entry


def write_ledger(
    messages: Iterable[Arrival], roster: Roster, start_ms: int, end_ms: int, tick_ms: int = TICK_MS
) -> Ledger:
    """Admit messages in order of arrival, with ticks from `start_ms` to `end_ms`.

    Messages after the last tick are admitted too."""
    gate, ledger = Gate(roster, ClockMode.WALL), Ledger()
    due_ms = start_ms
    for message in messages:
        while due_ms <= min(message.at_ms, end_ms):
            ledger.frames.append((TICK_KEY, [tick_entry(due_ms)]))
            due_ms += tick_ms
        decision = gate.admit(Topic(message.topic), message.value, (), message.at_ms)
        if isinstance(decision, Rejection):
            reason = decision.reason.value
            ledger.rejected[reason] = ledger.rejected.get(reason, 0) + 1
            continue
        ledger.frames.append((decision.regency.encode(), [decision.entry]))
    for at_ms in range(due_ms, end_ms + 1, tick_ms):
        ledger.frames.append((TICK_KEY, [tick_entry(at_ms)]))
    return ledger


def fold_ledger(frames: Iterable[Frame], roster: Roster, ruleset: Ruleset) -> list[dict[str, Any]]:
    """Escalations of a ledger, in order. Notices are appended every DRAIN_MS, before the tick then due."""
    table = RiskTable(0, 1, roster, ruleset)
    escalations: list[dict[str, Any]] = []
    offset, drained_ms = 0, 0
    for key, entries in frames:
        if key == TICK_KEY and entries[0][1] - drained_ms >= DRAIN_MS:
            offset, drained_ms = _drain(table, offset, escalations), entries[0][1]
        table.apply(offset, key, entries)
        offset += 1
    _drain(table, offset, escalations)
    return escalations


def _drain(table: RiskTable, offset: int, escalations: list[dict[str, Any]]) -> int:
    """Drain the table and apply its notices to neighbours, until it has none; returns the next offset."""
    while True:
        drained = table.drain()
        escalations += [orjson.loads(value) for _, value in drained.escalations]
        if not drained.notices:
            return offset
        for target, entry in drained.notices:
            table.apply(offset, target.encode(), [entry])
            offset += 1


def raises_of(escalations: Iterable[Mapping[str, Any]], roster: Roster) -> list[Raise]:
    """Rises of regencies from below siaga to siaga or above, in order, each with the time of the fall after it."""
    found: list[Raise] = []
    last: dict[str, int] = {}  # by regency, the index of its last raise
    for item in escalations:
        code, was, now = item["regency"], item["previous_level"] in RAISED_LEVELS, item["level"] in RAISED_LEVELS
        if code not in roster or was == now:
            continue
        at_ms = epoch_ms(item["event_time"])
        if now and item["change"] == "raised":
            last[code] = len(found)
            found.append(Raise(code, at_ms, NEVER_MS))
        elif was and code in last:
            found[last[code]] = found[last[code]]._replace(until_ms=at_ms)
    return found


def span_ms(start_ms: int, days: int, tail_ms: int) -> tuple[int, int]:
    """From the first midnight to the end of the last day's tail."""
    return start_ms, start_ms + days * DAY_MS + tail_ms
