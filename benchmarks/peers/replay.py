"""The outputs that Siaga must have, computed from its ledger by the rules of docs/architecture.md and of this job.

Shares no code with Siaga; slow and simple on purpose. Per regency: entries in order of event time, released by the
intake shards' watermarks; a tick at every full minute; a window of one hour that moves by the minute; one threshold.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Any

MINUTE_MS, HOUR_MS = 60_000, 3_600_000
WINDOWS_MS = {"1h": HOUR_MS, "6h": 6 * HOUR_MS, "24h": 24 * HOUR_MS}
EVERYBODY = "*"
Escalation = tuple[str, str, int, int, int, int]


class Hour:
    """The rolling sum: incidents that occurred later than an hour before the last full minute of the clock."""

    def __init__(self) -> None:
        self.total = 0
        self._edge = -1
        self._by_minute: dict[int, int] = defaultdict(int)

    def pass_to(self, clock_ms: int) -> None:
        self._edge = clock_ms // MINUTE_MS - 60
        for minute in [minute for minute in self._by_minute if minute < self._edge]:
            self.total -= self._by_minute.pop(minute)

    def add(self, occurred_ms: int, weight: int) -> None:
        minute = (
            occurred_ms - 1
        ) // MINUTE_MS  # a full minute belongs to the minute before: the window is open at that end
        if minute >= self._edge:
            self._by_minute[minute] += weight
            self.total += weight


@dataclass
class Regency:
    """The expected state of one regency."""

    clock_ms: int = 0
    offset: int = -1
    ids: set[str] = field(default_factory=set)
    incidents: dict[str, tuple[int, int]] = field(default_factory=dict)  # id -> (occurred, weight)
    duplicates: int = 0
    hour: Hour = field(default_factory=Hour)
    is_raised: bool = False
    episode: int = 0

    def row(self) -> dict[str, Any]:
        """The fields that its risk row must have."""
        windows = {}
        for name, length in WINDOWS_MS.items():
            live = [weight for occurred, weight in self.incidents.values() if occurred > self.clock_ms - length]
            windows[name] = {"incidents": len(live), "weight": sum(live)}
        return {
            "clock_ms": self.clock_ms,
            "level": "waspada" if self.is_raised else "normal",
            "windows": windows,
            "duplicates": self.duplicates,
            "offset": self.offset,
        }


class Replay:
    """One ledger partition.

    `escalations`: (regency, change, episode, event time in ms, partition, offset) of each.
    """

    def __init__(self, partition: int, regencies: list[str], threshold: int, shards: int) -> None:
        self.partition, self.threshold, self.shards = partition, threshold, shards
        self.regencies = {code: Regency() for code in regencies}
        self.escalations: list[Escalation] = []
        self.folded = 0
        # Heaps of (time, revision, id, offset, number within the record, entry).
        self._waiting: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
        self._released = 0
        self._ticked: int | None = None
        self._watermarks: dict[str, tuple[int, bool]] = {}

    def take(self, offset: int, key: str, entries: list[list[Any]]) -> None:
        """The next record of the ledger."""
        if key == EVERYBODY:
            for _, at_ms, shard, is_idle in entries:
                self._watermark(offset, at_ms, shard, is_idle)
        elif key in self.regencies:
            late = [entry for entry in entries if entry[1] <= self._released]
            self._fold(offset, key, late)
            for number, entry in enumerate(entries):
                if entry[1] > self._released:
                    heappush(self._waiting[key], (entry[1], entry[4], entry[2], offset, number, entry))

    def _watermark(self, offset: int, at_ms: int, shard: str, is_idle: bool) -> None:
        self._watermarks[shard] = max(at_ms, self._watermarks.get(shard, (0, False))[0]), is_idle
        if len(self._watermarks) < self.shards:
            return
        active = [at for at, idle in self._watermarks.values() if not idle]
        until = min(active) if active else max(at for at, _ in self._watermarks.values())
        if not until:
            return  # no shard has read anything yet
        if self._ticked is None:
            first = min([until, *(waiting[0][0] for waiting in self._waiting.values() if waiting)])
            self._ticked = first // MINUTE_MS * MINUTE_MS
        while self._ticked + MINUTE_MS <= until:
            self._ticked += MINUTE_MS
            self._release(offset, self._ticked)
            self._tick(offset, self._ticked)
        self._release(offset, until)
        self._released = max(self._released, until)
        if not active and until > self._ticked:
            self._ticked = until
            self._tick(offset, until)

    def _release(self, offset: int, until: int) -> None:
        for key, waiting in self._waiting.items():
            due = []
            while waiting and waiting[0][0] <= until:
                due.append(heappop(waiting)[-1])
            self._fold(offset, key, due)

    def _tick(self, offset: int, at_ms: int) -> None:
        """A tick applies to a regency when it passes a full minute, the step of the job's ruleset."""
        for code, regency in self.regencies.items():
            if at_ms // MINUTE_MS <= regency.clock_ms // MINUTE_MS:
                continue
            regency.offset = offset
            self._pass_to(regency, at_ms)
            self._decide(code, regency)

    def _fold(self, offset: int, code: str, entries: list[list[Any]]) -> None:
        regency = self.regencies[code]
        for _, at_ms, event_id, incident_id, _, _, _, severity, _, occurred, _, _, _ in entries:
            self.folded += 1
            regency.offset = offset
            self._pass_to(regency, at_ms)
            if event_id in regency.ids or incident_id in regency.incidents:
                regency.duplicates += 1
            else:
                weight = 1 << (severity - 1)
                regency.incidents[incident_id] = occurred, weight
                regency.hour.add(occurred, weight)
            regency.ids.add(event_id)
            self._decide(code, regency)

    def _pass_to(self, regency: Regency, at_ms: int) -> None:
        if at_ms > regency.clock_ms:
            regency.clock_ms = at_ms
            regency.hour.pass_to(at_ms)

    def _decide(self, code: str, regency: Regency) -> None:
        is_above = regency.hour.total >= self.threshold
        if is_above != regency.is_raised:
            regency.is_raised = is_above
            regency.episode += is_above
            change = "raised" if is_above else "cleared"
            self.escalations.append((code, change, regency.episode, regency.clock_ms, self.partition, regency.offset))


def crossings(events: list[tuple[str, int, int]]) -> Iterator[tuple[int, int]]:
    """Each change of a sum, as (before, after), of (regency, occurred, weight) in order of event time."""
    hours: dict[str, Hour] = defaultdict(Hour)
    clock: dict[str, int] = {}
    for regency, occurred, weight in sorted(events, key=lambda event: event[1]):
        hour, before = hours[regency], hours[regency].total
        if occurred // MINUTE_MS != clock.get(regency):
            clock[regency] = occurred // MINUTE_MS
            hour.pass_to(occurred)
            before = hour.total
        hour.add(occurred, weight)
        yield before, hour.total


def calibrate(events: list[tuple[str, int, int]], target: int) -> tuple[int, int]:
    """(threshold, times it is reached): the quantile of the sum that is reached closest to `target` times."""
    steps = list(crossings(events))
    sums = sorted(after for _, after in steps)
    counted = []
    for percent in (50, 60, 70, 75, 80, 85, 90, 93, 95, 97, 98, 99, 99.5):
        threshold = sums[int(len(sums) * percent / 100)]
        count = sum(1 for before, after in steps if before < threshold <= after)
        counted.append((abs(count - target), threshold, count))
    _, threshold, count = min(counted)
    return threshold, count
