"""What a regency was told in the last day, by the hour in which it was told: the measure of its ordinary days.

By the regency's clock at admission, not by when an incident occurred: a thousand trifles that are dated back to this
morning say nothing of this morning. No agency alone makes the ordinary day busier than expected: of each at most what
the ruleset expects, or as much as all others together, counts.
"""

from math import fsum

from schemas.vocabulary import HOUR_MS
from streams.risk.words import MANY

#: Full hours before the hour of an evaluation: from the first on, up to and without the second. The last six are left
#: out, so that a flare-up does not raise its own threshold.
FROM_HOURS, UNTIL_HOURS = 24, 6


class History:
    """Incidents that count, by hour (Unix time) of their `since_ms`, group and sole agency. Only its methods change it.

    `version` changes with what `told` and `counted` say.
    """

    __slots__ = ("version", "_hours")

    def __init__(self) -> None:
        self.version = 0
        self._hours: dict[int, dict[tuple[int, str], int]] = {}

    def hour(self, since_ms: int) -> dict[tuple[int, str], int]:
        """The counts of one hour, by group and agency. Whoever adds an incident of the current hour changes them in
        place; of another one, with `add`.
        """
        self.version += 1
        return self._hours.setdefault(since_ms // HOUR_MS, {})

    def add(self, since_ms: int, group: int, agency: str, count: int) -> None:
        """Count an incident (1), or take it out (-1)."""
        counts = self.hour(since_ms)
        left = counts.get((group, agency), 0) + count
        if left:
            counts[group, agency] = left
        else:
            del counts[group, agency]

    def forget(self, now_ms: int) -> None:
        """Drop the hours that no evaluation from now on looks at."""
        for hour in [hour for hour in self._hours if hour < now_ms // HOUR_MS - FROM_HOURS]:
            del self._hours[hour]

    def told(self, now_ms: int, groups: int) -> list[dict[str, int]]:
        """By group, the incidents of each agency in the hours that an evaluation looks at."""
        found: list[dict[str, int]] = [{} for _ in range(groups)]
        last = now_ms // HOUR_MS
        for hour in range(last - FROM_HOURS, last - UNTIL_HOURS):
            for (group, agency), count in self._hours.get(hour, {}).items():
                found[group][agency] = found[group].get(agency, 0) + count
        return found


def counted(told: dict[str, int], ordinary: float) -> float:
    """How many of the incidents that agencies told count, where an ordinary day brings `ordinary`. What MANY agencies
    told is nobody's alone.
    """
    total = sum(told.values())
    return fsum(count if agency == MANY else min(count, max(ordinary, total - count)) for agency, count in told.items())
