"""Tunes every baseline by one procedure: the best detection on the training days under the cap on false raises.

Ties go to the shorter median delay, then to fewer false raises. A baseline that exceeds the cap at every threshold gets
the threshold with the fewest false raises, and the report shows its rate."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from apps.evaluation.alarms import TAIL_MS, Trace, raises, trace
from apps.evaluation.baselines import Baseline, EarsC1, EarsC2, EarsC3, Farrington, FixedCount, PoissonCusum
from apps.evaluation.incident_counts import CountedIncident, counts_by_step
from apps.evaluation.scoring import GRACE_MS, DetectorScore, interpolated_quantile, score_days
from apps.simulation.truth import Truth
from schemas.vocabulary import DAY_MS, MINUTE_MS

FALSE_CAP = 1.0  # false raises per 100 regency-days: the goal for all detectors
THRESHOLDS = 80
# Short steps warn sooner, long steps see more; each baseline uses the length that is best on the training days.
STEPS_MIN = (15, 30, 60)

T = TypeVar("T")
MakeBaseline = Callable[[int], Baseline]
"""Makes a baseline for a step length in minutes."""


@dataclass(frozen=True)
class ObservedDay:
    """One day as the baselines see it: incidents by regency."""

    truth: Truth
    incidents: Mapping[str, Sequence[CountedIncident]]


@dataclass(frozen=True)
class BaselineSetting:
    """The parameters of a baseline that are tuned."""

    step_min: int
    threshold: float


@dataclass(frozen=True)
class Tuned(Generic[T]):
    """The chosen setting with its score on the training days, and every (setting, score) that was tried."""

    setting: T
    score: DetectorScore
    tried: tuple[tuple[T, DetectorScore], ...]


def baselines(reference: Sequence[ObservedDay]) -> dict[str, MakeBaseline]:
    """Every baseline by its name in the reports. `reference`: the earlier days that Farrington compares with."""
    return {
        "fixed_count": FixedCount,
        "ears_c1": EarsC1,
        "ears_c2": EarsC2,
        "ears_c3": EarsC3,
        "poisson_cusum": PoissonCusum,
        "farrington": lambda step_min: Farrington(step_min, _reference_counts(reference, step_min)),
    }


def traces(make: MakeBaseline, step_min: int, days: Sequence[ObservedDay]) -> list[Trace]:
    """A baseline's statistics on some days."""
    baseline = make(step_min)
    return [trace(baseline, step_min, day.truth, day.incidents) for day in days]


def tune_baseline(make: MakeBaseline, days: Sequence[ObservedDay], grace_ms: int = GRACE_MS) -> Tuned[BaselineSetting]:
    """Choose step length and threshold on the training days."""
    truths = [day.truth for day in days]
    by_step = {step_min: traces(make, step_min, days) for step_min in STEPS_MIN}
    settings = [BaselineSetting(step_min, value) for step_min in STEPS_MIN for value in thresholds(by_step[step_min])]
    return tune(settings, lambda setting: score_at(setting.threshold, truths, by_step[setting.step_min], grace_ms))


def score_baseline(
    make: MakeBaseline, setting: BaselineSetting, days: Sequence[ObservedDay], grace_ms: int = GRACE_MS
) -> DetectorScore:
    """A tuned baseline's score on held-out days."""
    return score_at(setting.threshold, [day.truth for day in days], traces(make, setting.step_min, days), grace_ms)


def tune(settings: Iterable[T], score: Callable[[T], DetectorScore], cap: float = FALSE_CAP) -> Tuned[T]:
    """Choose the best setting by its score. Raises ValueError when there are none."""
    tried = tuple((setting, score(setting)) for setting in settings)
    if not tried:
        raise ValueError("no setting to choose from")
    best, best_score = max(tried, key=lambda pair: _merit(pair[1], cap))
    return Tuned(best, best_score, tried)


def thresholds(traces: Sequence[Trace]) -> list[float]:
    """Candidate thresholds: quantiles of the statistics, denser towards the top, where the cap is kept."""
    values = sorted(
        {point.value for trace in traces for series in trace.values() for point in series if point.value > 0}
    )
    if not values:
        return [0.0]
    # From the top 1 in 2 to the top 1 in len(values), evenly on a logarithmic scale.
    shares = (0.5 ** (1 + 18 * index / (THRESHOLDS - 1)) for index in range(THRESHOLDS))
    return sorted({interpolated_quantile(values, 1 - share) for share in shares} | {values[-1]})


def score_at(
    threshold: float, truths: Sequence[Truth], traces: Sequence[Trace], grace_ms: int = GRACE_MS
) -> DetectorScore:
    """Score of one baseline at one threshold on some days."""
    return score_days(truths, [raises(trace, threshold) for trace in traces], grace_ms)


def _merit(score: DetectorScore, cap: float) -> tuple[bool, float, float, float]:
    false = score.false_per_100_regency_days
    if false > cap:
        return False, -false, 0.0, 0.0
    return True, score.detection_rate or 0.0, -(score.delay_min(0.5) or 0.0), -false


def _reference_counts(days: Sequence[ObservedDay], step_min: int) -> dict[str, list[list[int]]]:
    """By regency, for each day the counts of its steps."""
    steps = (DAY_MS + TAIL_MS) // (step_min * MINUTE_MS)
    found: dict[str, list[list[int]]] = {}
    for day in days:
        for regency, incidents in day.incidents.items():
            *_, last = counts_by_step(incidents, day.truth.start_ms, step_min * MINUTE_MS, steps)
            found.setdefault(regency, []).append(last)
    return found
