"""A ledger folded by the plain job of stream benchmarks: the severity sum of the last hour against one threshold.

What `model = "rolling_sum"` means (schemas/rulesets/rolling-sum-60min.toml), with a window that moves by the minute and
severities that weigh 1, 2, 4, 8 and 16. Fast enough for a million events: the sum is kept, not taken again.
"""

from collections import defaultdict
from typing import Any, NamedTuple

from tests.recount.ledger import EVERYONE, Entry
from tests.recount.outcomes import Outcomes
from tests.recount.policy import WINDOWS_MS

MINUTE_MS = 60_000


def weight(severity: int) -> int:
    return 1 << (severity - 1)


class HourSum:
    """The weight of incidents that occurred less than an hour before the last full minute of the clock."""

    def __init__(self) -> None:
        self.total = 0
        self._edge = -1
        self._by_minute: dict[int, int] = defaultdict(int)

    def pass_to(self, clock_ms: int) -> None:
        self._edge = clock_ms // MINUTE_MS - 60
        for minute in [minute for minute in self._by_minute if minute < self._edge]:
            self.total -= self._by_minute.pop(minute)

    def add(self, occurred_ms: int, weight: int) -> None:
        minute = (occurred_ms - 1) // MINUTE_MS  # a full minute belongs to the one before it: the window is open there
        if minute >= self._edge:
            self._by_minute[minute] += weight
            self.total += weight


class Crossing(NamedTuple):
    """An escalation that must be published. `offset` is that of the ledger, `at_ms` event time."""

    regency: str
    change: str
    episode: int
    at_ms: int
    partition: int
    offset: int


class Regency:
    """`take` its entries and those for everyone, in the order of the fold."""

    def __init__(self, code: str, threshold: int) -> None:
        self.code, self.threshold = code, threshold
        self.outcomes, self.hour, self.offset = Outcomes(offset_ms=0), HourSum(), -1
        self.folded = self.episode = 0
        self.is_raised = False
        self.crossings: list[Crossing] = []
        self._occurred: list[tuple[int, int]] = []  # (Unix ms, weight)

    def take(self, entry: Entry) -> None:
        at_ms, clock_ms = entry.fields[1], self.outcomes.clock_ms
        if entry.key == EVERYONE and at_ms // MINUTE_MS <= clock_ms // MINUTE_MS:
            return  # a tick within the minute changes nothing
        self.offset, known = entry.offset, len(self.outcomes.words)
        self.outcomes.take(entry.fields)
        if at_ms > clock_ms:
            self.hour.pass_to(at_ms)
        if entry.key != EVERYONE:
            self.folded += 1
        if len(self.outcomes.words) > known:
            severity, occurred_ms = entry.fields[7], entry.fields[9]
            self.hour.add(occurred_ms, weight(severity))
            self._occurred.append((occurred_ms, weight(severity)))
        self._decide(entry.partition)

    def _decide(self, partition: int) -> None:
        is_above = self.hour.total >= self.threshold
        if is_above != self.is_raised:
            self.is_raised = is_above
            self.episode += is_above
            change, at_ms = "raised" if is_above else "cleared", self.outcomes.clock_ms
            self.crossings.append(Crossing(self.code, change, self.episode, at_ms, partition, self.offset))

    @property
    def duplicates(self) -> int:
        return self.outcomes.excluded["duplicate"]

    def row(self) -> dict[str, Any]:
        """What its risk row must say, in short."""
        windows = {}
        for name, length_ms in WINDOWS_MS.items():
            inside = [weight for at_ms, weight in self._occurred if at_ms > self.outcomes.clock_ms - length_ms]
            windows[name] = {"incidents": len(inside), "weight": sum(inside)}
        return {
            "clock_ms": self.outcomes.clock_ms,
            "level": "waspada" if self.is_raised else "normal",
            "windows": windows,
            "duplicates": self.duplicates,
            "offset": self.offset,
        }
