"""What was reported of a regency in the last day, by the hour of its report: the measure of its ordinary days.

By the regency's clock at admission, not by when an incident occurred: a thousand trifles that are dated back to this
morning say nothing of this morning. No agency alone makes the ordinary day busier than expected: of each at most what
the ruleset expects, or as much as all others together, counts.
"""

from collections.abc import Mapping
from typing import TypeVar

from schemas.vocabulary import HOUR_MS
from streams.risk.evidence import MILLI
from streams.risk.words import MANY

_Number = TypeVar("_Number", int, float)

#: Full hours before the hour of an evaluation: from the first on, up to and without the second. The last three are left
#: out, so that a flare-up does not raise its own threshold.
FROM_HOURS, UNTIL_HOURS = 24, 3


#: Counts by agency and group, and the time at which their hour begins and ends.
Hour = tuple[dict[str, list[int]], int, int]


class History:
    """Incidents that count, by hour (Unix time) of their `since_ms`, sole agency and group. Only its methods change it.

    `version` changes with what `reported` says at the time of the last `advance`.
    """

    __slots__ = ("version", "current", "_hours", "_groups", "_hour")

    def __init__(self, groups: int) -> None:
        self.version = 0
        #: Of the last three hours the one to which incidents were last added, see `hour`.
        self.current: Hour = {}, 0, 0
        self._groups = groups
        self._hours: dict[int, dict[str, list[int]]] = {}
        self._hour = 0  # of the last `advance`

    def hour(self, since_ms: int) -> Hour:
        """The counts of the hour in which this time lies, by agency one number for each group, and when it begins and
        ends. Whoever adds incidents of one hour changes the counts in place.
        """
        begins_ms = since_ms - since_ms % HOUR_MS
        found = self._counts(since_ms // HOUR_MS), begins_ms, begins_ms + HOUR_MS
        if not self._is_looked_at(since_ms // HOUR_MS):
            self.current = found
        return found

    def row(self) -> list[int]:
        """The counts of an agency that has reported nothing yet."""
        return [0] * self._groups

    def take_out(self, since_ms: int, group: int, agency: str) -> None:
        """An incident does not count any more. Its hour may be dropped already: it can occur after its report."""
        if counts := self._counts(since_ms // HOUR_MS).get(agency):
            counts[group] -= 1

    def advance(self, now_ms: int) -> None:
        """Let time pass to an evaluation time: drop the hours that no evaluation from now on looks at."""
        now = now_ms // HOUR_MS
        if now == self._hour:
            return
        self._hour, self.current = now, ({}, 0, 0)
        for hour in [hour for hour in self._hours if hour < now - FROM_HOURS]:
            del self._hours[hour]

    def reported(self, now_ms: int) -> list[dict[str, int]]:
        """By group, the incidents of each agency in the hours that an evaluation looks at, in thousandths."""
        found: list[dict[str, int]] = [{} for _ in range(self._groups)]
        last = now_ms // HOUR_MS
        for hour in range(last - FROM_HOURS, last - UNTIL_HOURS):
            for agency, counts in self._hours.get(hour, {}).items():
                for group, count in enumerate(counts):
                    if count:
                        found[group][agency] = found[group].get(agency, 0) + MILLI * count
        return found

    def _is_looked_at(self, hour: int) -> bool:
        return hour < self._hour - UNTIL_HOURS

    def _counts(self, hour: int) -> dict[str, list[int]]:
        self.version += self._is_looked_at(hour)
        return self._hours.setdefault(hour, {})


def counted(reported: Mapping[str, int], free: int) -> int:
    """How much of what agencies reported counts, see `bounded`. Whole numbers, so that the order of the agencies
    changes nothing.
    """
    return sum(bounded(reported, free).values())


def bounded(reported: Mapping[str, _Number], most: _Number) -> dict[str, _Number]:
    """What counts of each agency: at most `most`, or as much as all others together. What MANY agencies reported is
    nobody's alone.
    """
    total = sum(reported.values())
    return {
        agency: count if agency == MANY else min(count, max(most, total - count)) for agency, count in reported.items()
    }
