"""From a statistic per step to raises: the same rule for every baseline."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from apps.evaluation.baselines import UNDEFINED, Baseline
from apps.evaluation.scoring import Raise
from apps.evaluation.incident_counts import CountedIncident, histories
from apps.simulation.truth import DAY_MS, HOUR_MS, MINUTE_MS, Truth

# Messages about a day still come in after midnight; every detector, Siaga included, is watched until then.
TAIL_MS = 3 * HOUR_MS
# An alarm that has been silent this long and comes again is a new raise. As long as Siaga's own shortest hold at siaga
# would be unfair to neither side: at a cap of 1 per 100 regency-days repeated alarms are rare.
REARM_MS = HOUR_MS


class Point(NamedTuple):
    """A step's end and its statistic."""

    end_ms: int
    value: float


Trace = Mapping[str, Sequence[Point]]


def trace(baseline: Baseline, step_min: int, truth: Truth, sightings: Mapping[str, Sequence[CountedIncident]]) -> Trace:
    """The statistic of every regency at the end of every step; steps that say nothing are left out."""
    step_ms = step_min * MINUTE_MS
    steps = (truth.days * DAY_MS + TAIL_MS) // step_ms
    points: dict[str, list[Point]] = {}
    for regency, seen in sightings.items():
        counted = histories(seen, truth.start_ms, step_ms, steps)
        values = (
            (index, baseline.statistic(regency, counts, _within_day(index, step_ms, truth.days)))
            for index, counts in enumerate(counted)
        )
        points[regency] = [
            Point(truth.start_ms + (index + 1) * step_ms, value) for index, value in values if value > UNDEFINED
        ]
    return points


def _within_day(index: int, step_ms: int, days: int) -> int:
    """A step's place in its day; what comes after the last midnight still belongs to the last day."""
    per_day = DAY_MS // step_ms
    return index - per_day * min(index // per_day, days - 1)


def raises(points: Trace, threshold: float) -> list[Raise]:
    """Where the statistic goes above the threshold after at least REARM_MS below it."""
    found = []
    for regency, series in points.items():
        last_ms = None
        for end_ms, value in series:
            if value > threshold:
                if last_ms is None or end_ms - last_ms > REARM_MS:
                    found.append(Raise(regency, end_ms))
                last_ms = end_ms
    return found
