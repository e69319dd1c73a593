"""Which days an evaluation scores, and which the baselines are tuned on: worlds by name or scenarios by file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from apps.evaluation.cases import Case
from apps.evaluation.experiment import (
    BAWASLU,
    HELD_OUT_SEED,
    REFERENCE_DAYS,
    REFERENCE_SEED,
    TRAINING_SEED,
    simulated,
)
from apps.evaluation.scenario import ScenarioError, load_scenario
from apps.evaluation.scoring import GRACE_MS
from apps.evaluation.worlds import world_cases
from apps.simulation.worlds import WORLDS
from schemas.roster import Roster

SCENARIO = "scenario"
ALL = "all"


@dataclass(frozen=True)
class HeldOut:
    """The days that are scored, by world (or `scenario`), with their roster and the grace after a flare-up."""

    roster: Roster
    cases: Mapping[str, Sequence[Case]]
    grace_ms: int


@dataclass(frozen=True)
class TuningDays:
    """The days that the baselines are tuned on, and the earlier ones that Farrington compares with."""

    reference: Sequence[Case]
    training: Sequence[Case]


def held_out_days(world: str, days: int, seed: int, turnout_every: int, background: float, roster: Roster) -> HeldOut:
    """The held-out days of one world or, for ALL, of each. `seed` moves all seeds."""
    names = list(WORLDS) if world == ALL else [world]
    cases = world_cases(names, HELD_OUT_SEED + 1000 * seed, days, turnout_every, background)
    return HeldOut(roster, cases, GRACE_MS)


def scenario_days(path: Path, roster: Roster) -> HeldOut:
    """The days of a scenario. Raises ScenarioError."""
    given = load_scenario(path, roster)
    return HeldOut(given.roster, {SCENARIO: given.cases}, given.grace_ms)


def tuning_days(tune_on: str | None, held_out: HeldOut, days: int, seed: int) -> TuningDays:
    """`days` training days of a world, or the days of a scenario file; without `tune_on` of the world that is scored.

    A scenario of one's own says nothing of training days: without `tune_on` they are BAWASLU's. Of a file the first
    days are Farrington's. Raises ScenarioError."""
    (scored,) = held_out.cases
    chosen = tune_on or (BAWASLU if scored == SCENARIO else scored)
    if chosen in WORLDS:
        return TuningDays(
            simulated(REFERENCE_SEED + 1000 * seed, REFERENCE_DAYS, world=chosen),
            simulated(TRAINING_SEED + 1000 * seed, days, world=chosen),
        )
    given = load_scenario(Path(chosen), held_out.roster)
    if list(given.roster) != list(held_out.roster):
        raise ScenarioError(f"{chosen}, roster: must have the regencies of the days that are scored")
    if len(given.cases) < 2:
        raise ScenarioError(f"{chosen}, days: must be at least two, of which the first is Farrington's reference")
    first = min(REFERENCE_DAYS, len(given.cases) // 2)
    return TuningDays(given.cases[:first], given.cases[first:])
