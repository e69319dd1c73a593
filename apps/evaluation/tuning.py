"""One procedure tunes every detector: the best detection on the training days under the cap on false raises.

Ties go to the shorter median delay, then to fewer false raises. A detector that cannot keep the cap at any threshold
gets the threshold with the fewest false raises, and the table shows it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from apps.evaluation.alarms import Trace, raises
from apps.evaluation.scoring import GRACE_MS, Score, quantile, score_days
from apps.simulation.truth import Truth

FALSE_CAP = 1.0  # false raises per 100 regency-days: the goal all detectors are held to
THRESHOLDS = 80

Setting = TypeVar("Setting")


@dataclass(frozen=True)
class Tuned(Generic[Setting]):
    """A setting with its score on the training days, and all that was tried: (setting, score)."""

    setting: Setting
    score: Score
    tried: tuple[tuple[Setting, Score], ...]


def tune(settings: Iterable[Setting], scored: Callable[[Setting], Score], cap: float = FALSE_CAP) -> Tuned[Setting]:
    """Choose among settings. Raises ValueError when there are none."""
    tried = tuple((setting, scored(setting)) for setting in settings)
    if not tried:
        raise ValueError("no setting to choose from")
    setting, score = max(tried, key=lambda pair: _merit(pair[1], cap))
    return Tuned(setting, score, tried)


def thresholds(traces: Sequence[Trace]) -> list[float]:
    """Candidate thresholds: quantiles of the statistics seen, denser towards the top, where the cap is kept."""
    values = sorted(
        {point.value for trace in traces for series in trace.values() for point in series if point.value > 0}
    )
    if not values:
        return [0.0]
    # From the top 1 in 2 to the top 1 in len(values), evenly on a logarithmic scale.
    shares = (0.5 ** (1 + 18 * index / (THRESHOLDS - 1)) for index in range(THRESHOLDS))
    return sorted({quantile(values, 1 - share) for share in shares} | {values[-1]})


def scored_at(threshold: float, truths: Sequence[Truth], traces: Sequence[Trace], grace_ms: int = GRACE_MS) -> Score:
    """Score of one baseline at one threshold on some days."""
    return score_days(truths, [raises(trace, threshold) for trace in traces], grace_ms)


def _merit(score: Score, cap: float) -> tuple[bool, float, float, float]:
    false = score.false_per_100_regency_days
    if false > cap:
        return False, -false, 0.0, 0.0
    return True, score.detection_rate or 0.0, -(score.delay_min(0.5) or 0.0), -false
