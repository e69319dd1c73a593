"""Run the laboratory: evaluate_day days in parallel, tune the baselines on training days, score everybody on held-out days."""

import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from apps.evaluation.alarms import TAIL_MS
from apps.evaluation.cases import Case, SimulatedCase
from apps.evaluation.offline import fold_ledger, raises_of, span_ms, write_ledger
from apps.evaluation.report import SIAGA, DetectorResult
from apps.evaluation.tuning import ObservedDay, makers, score_rival, traces, tune_rival
from apps.evaluation.scoring import GRACE_MS, Raise, Score, score_days
from apps.evaluation.incident_counts import IncidentCounter, CountedIncident
from apps.evaluation.ruleset_variants import SHIPPED
from apps.evaluation.tuning import scored_at
from apps.simulation.day import Plan
from apps.simulation.truth import Truth
from schemas.roster import Roster
from schemas.ruleset import Ruleset

# Seeds of the three sets never meet, and none is 1, the demo's.
REFERENCE_SEED, TRAINING_SEED, HELD_OUT_SEED = 10_001, 20_001, 30_001
REFERENCE_DAYS = 5  # Farrington's five earlier years, here five earlier days

Progress = Callable[[Iterable, int, str], Iterable]


@dataclass(frozen=True)
class EvaluatedDay:
    """One day: its truth, what the baselines see, where Siaga raised under each variant of the ruleset."""

    truth: Truth
    sightings: Mapping[str, Sequence[CountedIncident]]
    raises: Mapping[str, Sequence[Raise]]
    rejected: Mapping[str, int]

    @property
    def watched(self) -> ObservedDay:
        return ObservedDay(self.truth, self.sightings)


@dataclass
class EvaluationResults:
    """Everything a report needs: results by detector, points of the trade-off curves, refused messages by reason."""

    results: dict[str, DetectorResult] = field(default_factory=dict)
    curves: dict[str, list[Score]] = field(default_factory=dict)
    rejected: dict[str, int] = field(default_factory=dict)


def evaluate_day(case: Case, roster: Roster, variants: Mapping[str, Ruleset]) -> EvaluatedDay:
    """Load a day, admit its messages, and fold them under each variant (none: the fold is left out)."""
    truth, messages = case.load(roster)
    ledger = write_ledger(messages, roster, *span_ms(truth.start_ms, truth.days, TAIL_MS))
    books = {code: IncidentCounter() for code in roster}
    for regency, entry in ledger.entries():
        books[regency].note(entry)
    raised = {name: raises_of(fold_ledger(ledger.frames, roster, rules), roster) for name, rules in variants.items()}
    return EvaluatedDay(truth, {code: book.sightings() for code, book in books.items()}, raised, ledger.rejected)


def simulated(first_seed: int, days: int, turnout_every_min: int = 0, background: float = 1.0) -> list[Case]:
    """Days left to chance, one per seed. Baselines need no turnout: its chance is a stream of its own."""
    plans = (
        Plan(first_seed + number, turnout_every_min=turnout_every_min, background=background) for number in range(days)
    )
    return [SimulatedCase(plan) for plan in plans]


def evaluate_days(
    cases: Sequence[Case],
    roster: Roster,
    variants: Mapping[str, Ruleset],
    processes: int,
    progress: Progress,
    label: str,
) -> list[EvaluatedDay]:
    """Examine days on several processes; the order of the cases is kept, so the result does not depend on timing."""
    job = partial(evaluate_day, roster=roster, variants=variants)
    if processes == 1 or len(cases) == 1:
        return list(progress(map(job, cases), len(cases), label))
    # Spawned, not forked: a fork of a process with threads may hang.
    with multiprocessing.get_context("spawn").Pool(min(processes, len(cases))) as pool:
        return list(progress(pool.imap(job, cases), len(cases), label))


def evaluate(
    training: Sequence[EvaluatedDay], reference: Sequence[EvaluatedDay], held_out: Sequence[EvaluatedDay], grace_ms: int = GRACE_MS
) -> EvaluationResults:
    """Tune the baselines on the training days and score all detectors on the held-out days."""
    outcome = EvaluationResults()
    truths = [day.truth for day in held_out]
    for name in sorted({name for day in held_out for name in day.raises}):
        score = score_days(truths, [day.raises[name] for day in held_out], grace_ms)
        if name == SHIPPED:
            outcome.results[SIAGA] = DetectorResult(score, "ruleset as shipped")
        outcome.curves.setdefault(SIAGA, []).append(score)
    watched = [day.watched for day in held_out]
    for name, make in makers([day.watched for day in reference]).items():
        tuned = tune_rival(make, [day.watched for day in training], grace_ms)
        words = f"{tuned.setting.step_min} min steps, above {tuned.setting.threshold:.3g}"
        outcome.results[name] = DetectorResult(score_rival(make, tuned.setting, watched, grace_ms), words)
        outcome.curves[name] = list(_curve(make, tuned, watched, grace_ms))
    for day in held_out:
        for reason, count in day.rejected.items():
            outcome.rejected[reason] = outcome.rejected.get(reason, 0) + count
    return outcome


def _curve(make, tuned, watched: Sequence[ObservedDay], grace_ms: int) -> Iterator[Score]:
    """A baseline's trade-off on the held-out days: its tuned step length at every threshold that was tried."""
    seen = traces(make, tuned.setting.step_min, watched)
    truths = [day.truth for day in watched]
    for setting, _ in tuned.tried:
        if setting.step_min == tuned.setting.step_min:
            yield scored_at(setting.threshold, truths, seen, grace_ms)
