"""Evaluates all detectors: folds days in parallel, tunes baselines on training days, scores on held-out days."""

import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from apps.evaluation.alarms import TAIL_MS
from apps.evaluation.calibrated import with_calibrated
from apps.evaluation.cases import Case, SimulatedCase
from apps.evaluation.claims import Claim, claims_of
from apps.evaluation.incident_counts import CountedIncident, IncidentCounter
from apps.evaluation.offline import TICK_MS, fold_ledger, raises_of, span_ms, write_ledger
from apps.evaluation.report import SIAGA, DetectorResult
from apps.evaluation.ruleset_variants import SHIPPED
from apps.evaluation.scoring import GRACE_MS, DetectorScore, Raise, score_days
from apps.evaluation.tuning import (
    BaselineSetting,
    MakeBaseline,
    ObservedDay,
    Tuned,
    baselines,
    score_at,
    score_baseline,
    traces,
    tune_baseline,
)
from apps.simulation.day import Plan
from apps.simulation.truth import Truth
from schemas.roster import Roster
from schemas.ruleset import Ruleset

# Seeds of the three sets never overlap, and none is 1, the demonstration's.
REFERENCE_SEED, TRAINING_SEED, HELD_OUT_SEED = 10_001, 20_001, 30_001
REFERENCE_DAYS = 5  # Farrington uses five earlier years; here five earlier days

BAWASLU = "bawaslu"  # the world of published rates, and the default

Progress = Callable[[Iterable[Any], int, str], Iterable[Any]]
"""Wraps an iterable of known length with a progress display and its label."""


@dataclass(frozen=True)
class EvaluatedDay:
    """One day: its truth, the input of the baselines, and by variant of the ruleset Siaga's raises and claims."""

    truth: Truth
    incidents: Mapping[str, Sequence[CountedIncident]]
    raises: Mapping[str, Sequence[Raise]]
    rejected: Mapping[str, int]
    claims: Mapping[str, Sequence[Claim]] = field(default_factory=dict)

    @property
    def observed(self) -> ObservedDay:
        """The day as the baselines see it."""
        return ObservedDay(self.truth, self.incidents)


@dataclass
class EvaluationResults:
    """Results by detector, and points of the trade-off curves."""

    detectors: dict[str, DetectorResult] = field(default_factory=dict)
    curves: dict[str, list[DetectorScore]] = field(default_factory=dict)


def evaluate_day(
    case: Case, roster: Roster, variants: Mapping[str, Ruleset], tick_ms: int = TICK_MS, calibrate_days: int = 0
) -> EvaluatedDay:
    """Load a day, admit its messages, and fold them under each variant of the ruleset (there may be none), and under
    each as calibrated on so many days of the campaign before."""
    variants = with_calibrated(case, roster, variants, calibrate_days)
    truth, messages = case.load(roster)
    ledger = write_ledger(messages, roster, *span_ms(truth.start_ms, truth.days, TAIL_MS), tick_ms)
    counters = {code: IncidentCounter() for code in roster}
    for regency, entry in ledger.entries():
        counters[regency].add(entry)
    escalations = {name: fold_ledger(ledger.frames, roster, rules) for name, rules in variants.items()}
    return EvaluatedDay(
        truth,
        {code: counter.incidents() for code, counter in counters.items()},
        {name: raises_of(items, roster) for name, items in escalations.items()},
        ledger.rejected,
        {name: claims_of(items, roster) for name, items in escalations.items()},
    )


def simulated(
    first_seed: int, days: int, turnout_every_min: int = 0, background: float = 1.0, world: str = BAWASLU
) -> list[Case]:
    """Random days, one per seed. Baselines need no turnout; it has random streams of its own."""
    plans = (
        Plan(first_seed + number, turnout_every_min=turnout_every_min, background=background, world=world)
        for number in range(days)
    )
    return [SimulatedCase(plan) for plan in plans]


def evaluate_days(
    cases: Sequence[Case],
    roster: Roster,
    variants: Mapping[str, Ruleset],
    processes: int,
    progress: Progress,
    label: str,
    tick_ms: int = TICK_MS,
    calibrate_days: int = 0,
) -> list[EvaluatedDay]:
    """Evaluate days on several processes; results keep the order of the cases, so timing does not matter."""
    job = partial(evaluate_day, roster=roster, variants=variants, tick_ms=tick_ms, calibrate_days=calibrate_days)
    if processes == 1 or len(cases) == 1:
        return list(progress(map(job, cases), len(cases), label))
    # Spawn, not fork: forking a process with threads may deadlock.
    with multiprocessing.get_context("spawn").Pool(min(processes, len(cases))) as pool:
        return list(progress(pool.imap(job, cases), len(cases), label))


def compare_detectors(
    training: Sequence[EvaluatedDay],
    reference: Sequence[EvaluatedDay],
    held_out: Sequence[EvaluatedDay],
    grace_ms: int = GRACE_MS,
) -> EvaluationResults:
    """Tune the baselines on the training days and score all detectors on the held-out days."""
    results = EvaluationResults()
    truths = [day.truth for day in held_out]
    for name in sorted({name for day in held_out for name in day.raises}):
        score = score_days(truths, [day.raises[name] for day in held_out], grace_ms)
        if name == SHIPPED:
            results.detectors[SIAGA] = DetectorResult(score, "ruleset as shipped")
        results.curves.setdefault(SIAGA, []).append(score)
    observed = [day.observed for day in held_out]
    for name, make in baselines([day.observed for day in reference]).items():
        tuned = tune_baseline(make, [day.observed for day in training], grace_ms)
        setting = f"{tuned.setting.step_min} min steps, above {tuned.setting.threshold:.3g}"
        results.detectors[name] = DetectorResult(score_baseline(make, tuned.setting, observed, grace_ms), setting)
        results.curves[name] = list(_curve(make, tuned, observed, grace_ms))
    return results


def _curve(
    make: MakeBaseline, tuned: Tuned[BaselineSetting], days: Sequence[ObservedDay], grace_ms: int
) -> Iterator[DetectorScore]:
    """A baseline's trade-off on the held-out days: its tuned step length at every threshold that was tried."""
    found = traces(make, tuned.setting.step_min, days)
    truths = [day.truth for day in days]
    for setting, _ in tuned.tried:
        if setting.step_min == tuned.setting.step_min:
            yield score_at(setting.threshold, truths, found, grace_ms)
