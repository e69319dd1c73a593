"""From a statistic per step to raises: the same rule for every baseline."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from apps.evaluation.baselines import UNDEFINED, Baseline
from apps.evaluation.incident_counts import CountedIncident, counts_by_step
from apps.evaluation.scoring import Raise
from apps.simulation.truth import Truth
from schemas.vocabulary import DAY_MS, HOUR_MS, MINUTE_MS

# Messages about a day arrive after midnight too; all detectors, Siaga included, are watched until then.
TAIL_MS = 3 * HOUR_MS
# An alarm that returns after more than this time below the threshold is a new raise. The time equals Siaga's shortest
# hold at siaga; at a cap of 1 per 100 regency-days repeated alarms are rare.
REARM_MS = HOUR_MS


class Point(NamedTuple):
    """The end of a step and the statistic then."""

    end_ms: int
    value: float


Trace = Mapping[str, Sequence[Point]]
"""By regency, in order of time."""


def trace(baseline: Baseline, step_min: int, truth: Truth, incidents: Mapping[str, Sequence[CountedIncident]]) -> Trace:
    """The statistic of every regency at the end of every step, without steps where it is undefined."""
    step_ms = step_min * MINUTE_MS
    steps = (truth.days * DAY_MS + TAIL_MS) // step_ms
    points: dict[str, list[Point]] = {}
    for regency, counted in incidents.items():
        by_step = counts_by_step(counted, truth.start_ms, step_ms, steps)
        values = (
            (index, baseline.statistic(regency, counts, _step_of_day(index, step_ms, truth.days)))
            for index, counts in enumerate(by_step)
        )
        points[regency] = [
            Point(truth.start_ms + (index + 1) * step_ms, value) for index, value in values if value > UNDEFINED
        ]
    return points


def _step_of_day(index: int, step_ms: int, days: int) -> int:
    """A step's index within its day; steps after the last midnight belong to the last day."""
    per_day = DAY_MS // step_ms
    return index - per_day * min(index // per_day, days - 1)


def raises(points: Trace, threshold: float) -> list[Raise]:
    """When the statistic exceeds the threshold after more than REARM_MS at or below it."""
    found = []
    for regency, series in points.items():
        last_ms = None
        for end_ms, value in series:
            if value > threshold:
                if last_ms is None or end_ms - last_ms > REARM_MS:
                    found.append(Raise(regency, end_ms))
                last_ms = end_ms
    return found
