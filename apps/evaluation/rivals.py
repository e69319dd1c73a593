"""The baselines by name, each offered several step lengths, and their tuning."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from apps.evaluation.alarms import TAIL_MS, Trace, trace
from apps.evaluation.baselines import Baseline, EarsC1, EarsC2, EarsC3, Farrington, FixedCount, PoissonCusum
from apps.evaluation.scoring import GRACE_MS, Score
from apps.evaluation.incident_counts import CountedIncident, histories
from apps.evaluation.tuning import Tuned, scored_at, thresholds, tune
from apps.simulation.truth import DAY_MS, MINUTE_MS, Truth

# Short steps warn sooner, long steps see more; every baseline may take what suits it on the training days.
STEPS_MIN = (15, 30, 60)


@dataclass(frozen=True)
class ObservedDay:
    """One day as the baselines see it."""

    truth: Truth
    sightings: Mapping[str, Sequence[CountedIncident]]


@dataclass(frozen=True)
class Setting:
    """A baseline's free choices."""

    step_min: int
    threshold: float


Maker = Callable[[int], Baseline]


def makers(reference: Sequence[ObservedDay]) -> dict[str, Maker]:
    """Every baseline by its name in the reports. `reference`: the earlier days that Farrington compares with."""
    return {
        "fixed_count": FixedCount,
        "ears_c1": EarsC1,
        "ears_c2": EarsC2,
        "ears_c3": EarsC3,
        "poisson_cusum": PoissonCusum,
        "farrington": lambda step_min: Farrington(step_min, _references(reference, step_min)),
    }


def traces(make: Maker, step_min: int, days: Sequence[ObservedDay]) -> list[Trace]:
    """A baseline's statistics on some days."""
    baseline = make(step_min)
    return [trace(baseline, step_min, day.truth, day.sightings) for day in days]


def tune_rival(make: Maker, days: Sequence[ObservedDay], grace_ms: int = GRACE_MS) -> Tuned[Setting]:
    """Step length and threshold by the common procedure on the training days."""
    truths = [day.truth for day in days]
    seen = {step_min: traces(make, step_min, days) for step_min in STEPS_MIN}
    settings = [Setting(step_min, value) for step_min in STEPS_MIN for value in thresholds(seen[step_min])]
    return tune(settings, lambda setting: scored_at(setting.threshold, truths, seen[setting.step_min], grace_ms))


def score_rival(make: Maker, setting: Setting, days: Sequence[ObservedDay], grace_ms: int = GRACE_MS) -> Score:
    """A tuned baseline's score on days it has not seen."""
    seen = traces(make, setting.step_min, days)
    return scored_at(setting.threshold, [day.truth for day in days], seen, grace_ms)


def _references(days: Sequence[ObservedDay], step_min: int) -> dict[str, list[list[int]]]:
    steps = (DAY_MS + TAIL_MS) // (step_min * MINUTE_MS)
    found: dict[str, list[list[int]]] = {}
    for day in days:
        for regency, seen in day.sightings.items():
            *_, last = histories(seen, day.truth.start_ms, step_min * MINUTE_MS, steps)
            found.setdefault(regency, []).append(last)
    return found
