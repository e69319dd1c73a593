"""Rulesets on the days of several worlds, without turnout and baselines: the fast way to compare them.

    python -m apps.evaluation.worlds --days 20 [--seed 50001] [--rules FILE ...] [--worlds NAME,NAME]
        [--calibrate-days N] [--processes N]

One row per ruleset and world on standard output, then each ruleset's worst world. Seeds of held-out days begin at
30001: do not tune on those. Worlds of the split `test` are left out unless they are named.
"""

import argparse
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from agents.policy import load_ruleset
from apps.evaluation.calibrated import SUFFIX
from apps.evaluation.cases import Case
from apps.evaluation.experiment import EvaluatedDay, Progress, evaluate_days, simulated
from apps.evaluation.offline import TICK_MS
from apps.evaluation.progress import progress
from apps.evaluation.scoring import GRACE_MS, DetectorScore, score_days
from apps.evaluation.world_report import FOOT, world_figures, world_table, worst_line
from apps.simulation.worlds import WORLDS
from schemas.roster import Roster
from schemas.ruleset import Ruleset, RulesetError
from schemas.vocabulary import MINUTE_MS

TUNING_SEED = 50_001  # the packaged ruleset was tuned on days from this seed on


def world_cases(
    worlds: Iterable[str], first_seed: int, days: int, turnout_every_min: int = 0, background: float = 1.0
) -> dict[str, list[Case]]:
    """The same number of days of each world, by its name."""
    return {world: simulated(first_seed, days, turnout_every_min, background, world) for world in worlds}


def evaluate_worlds(
    cases: Mapping[str, Sequence[Case]],
    roster: Roster,
    rulesets: Mapping[str, Ruleset],
    processes: int,
    progress: Progress,
    tick_ms: int = TICK_MS,
    calibrate_days: int = 0,
) -> dict[str, list[EvaluatedDay]]:
    """Every world's days under every ruleset, all in one run of the processes.

    `calibrate_days`: each ruleset also as calibrated on so many days of the campaign before each day."""
    every = [case for days in cases.values() for case in days]
    evaluated = iter(evaluate_days(every, roster, rulesets, processes, progress, "days", tick_ms, calibrate_days))
    return {world: [next(evaluated) for _ in days] for world, days in cases.items()}


def score_worlds(
    evaluated: Mapping[str, Sequence[EvaluatedDay]], ruleset: str, grace_ms: int = GRACE_MS
) -> dict[str, DetectorScore]:
    """The score of one ruleset in each world."""
    return {
        world: score_days([day.truth for day in days], [day.raises[ruleset] for day in days], grace_ms)
        for world, days in evaluated.items()
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the rows; exit status 2 for a wrong argument."""
    parser = _parser()
    given = parser.parse_args(arguments)
    names = [name for name, world in WORLDS.items() if world.split != "test"]
    names = chosen_worlds(parser, given.worlds, names)
    if given.calibrate_days < 0:
        parser.error("--calibrate-days: must not be negative")
    if given.days < 1:
        parser.error("--days: must be at least 1")
    try:
        rulesets = {str(path): load_ruleset(path) for path in given.rules} or {"packaged": Ruleset.default()}
    except RulesetError as error:
        parser.error(str(error))
    processes = given.processes or os.cpu_count() or 1
    cases = world_cases(names, given.seed, given.days, 0, given.background)
    tick_ms = given.tick_min * MINUTE_MS
    evaluated = evaluate_worlds(cases, Roster.default(), rulesets, processes, progress, tick_ms, given.calibrate_days)
    worst = []
    rows = [name + suffix for name in rulesets for suffix in (("", SUFFIX) if given.calibrate_days else ("",))]
    for count, name in enumerate(rows):
        figures = world_figures(score_worlds(evaluated, name), name)
        print("\n".join(world_table(figures, "ruleset").splitlines()[2 if count else 0 :]))
        worst.append(f"{name}: {worst_line(figures)}")
    print("\n".join(("", *worst, "", FOOT)))
    return 0


def chosen_worlds(parser: argparse.ArgumentParser, given: str, otherwise: list[str]) -> list[str]:
    """The worlds of `--worlds`, `otherwise` without. An unknown one ends the program with exit status 2."""
    names = given.split(",") if given else otherwise
    if unknown := sorted(set(names) - set(WORLDS)):
        parser.error(f"--worlds: no world {', '.join(unknown)}")
    return names


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m apps.evaluation.worlds", description=__doc__.split("\n")[0])
    parser.add_argument("--days", type=int, default=20, help="days of each world")
    parser.add_argument("--seed", type=int, default=TUNING_SEED, help=f"of the first day ({TUNING_SEED})")
    parser.add_argument("--rules", type=Path, nargs="*", default=[], help="ruleset files; the packaged one without")
    parser.add_argument("--worlds", default="", help="names with commas between; all but the test family without")
    parser.add_argument("--background", type=float, default=1.0, help="factor on all base rates")
    parser.add_argument(
        "--calibrate-days", type=int, default=0, help="also with rulesets calibrated on so many campaign days before"
    )
    parser.add_argument("--processes", type=int, default=0, help="0: one per core")
    parser.add_argument("--tick-min", type=int, default=1, help="minutes between ticks; 2 takes half the time")
    return parser


if __name__ == "__main__":
    sys.exit(main())
