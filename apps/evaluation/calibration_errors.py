"""How far rates and severities are off before and after calibration on simulated campaigns, and what intervals hold.

    python -m apps.evaluation.calibration_errors [--campaigns 20] [--days 14] [--seed 60001] [--worlds NAME,NAME]

One row per world. Rates: root mean square of the logarithm of expected by true, over the categories that occur every
day (more than 1 per 1000 stations and day). Severities: total variation. Without names the test family is left out.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from math import log, sqrt
from statistics import fmean

from apps.calibration.calibrated import calibrated
from apps.evaluation.calibrated import estimates_before
from apps.evaluation.worlds import chosen_worlds
from apps.simulation.base_rates import BASE_RATES
from apps.simulation.day import Plan
from apps.simulation.worlds import WORLDS, bulletins, clusters, drift, nature, shifts
from schemas.roster import Roster
from schemas.ruleset import Ruleset

HEAD = (
    "| world | rates off, packaged | calibrated | intervals of 90 % hold | ratio off | severities off, packaged "
    "| calibrated |\n|---|---|---|---|---|---|---|"
)
SEVERITIES: dict[str, Callable[[int], dict[str, list[float]]]] = {
    "clusters": clusters.severities,
    "bulletins": bulletins.severities,
    "shifts": shifts.severities,
    "drift": drift.severities,
}
USUAL_FROM = 1.0  # per 1000 stations and day


def true_rates(plan: Plan) -> dict[str, float]:
    """Of an election day, per 1000 stations, by category."""
    if plan.world in SEVERITIES:
        return {category: 1000 * rate for category, rate in nature.rates(plan, plan.world).items()}
    found: dict[str, float] = {}
    for rate in BASE_RATES:
        found[rate.category] = found.get(rate.category, 0.0) + 1000 * rate.per_station
    return found


def row(world: str, seeds: Sequence[int], days: int, roster: Roster, base: Ruleset) -> str:
    """The figures of one world, over campaigns of these seeds."""
    usual = [name for name, rule in base.categories.items() if rule.base_rate.value > USUAL_FROM]
    before, after, held, ratios = list[float](), list[float](), list[bool](), list[float]()
    mixed_before, mixed_after = list[float](), list[float]()
    for seed in seeds:
        plan = Plan(seed, world=world, turnout_every_min=0)
        found = estimates_before(plan, roster, base, days)
        new, true = calibrated(base, found), true_rates(plan)
        before += [log(base.categories[name].base_rate.value / true[name]) for name in usual]
        after += [log(new.categories[name].base_rate.value / true[name]) for name in usual]
        intervals = {name: found.rates[name].after[0] for name in usual}
        held += [interval.low <= true[name] <= interval.high for name, interval in intervals.items()]
        levels = Plan(seed, world=world, is_campaign=True).course.levels
        ratios.append(log(found.ratio.value) - fmean(log(levels[name]) for name in usual))
        if world in SEVERITIES:
            shares = SEVERITIES[world](seed)
            mixed_before += [_apart(base, name, shares[name]) for name in usual]
            mixed_after += [_apart(new, name, shares[name]) for name in usual]
    mixes = f"{fmean(mixed_before):.2f} | {fmean(mixed_after):.2f}" if mixed_before else "- | -"
    rates = f"{_rms(before):.2f} | {_rms(after):.2f} | {sum(held)} of {len(held)} | {_rms(ratios):.2f}"
    return f"| {world} | {rates} | {mixes} |"


def _rms(errors: Sequence[float]) -> float:
    return sqrt(fmean(error * error for error in errors))


def _apart(ruleset: Ruleset, category: str, true: Sequence[float]) -> float:
    shares = ruleset.mixes[ruleset.categories[category].mix].shares
    return sum(abs(a - b) for a, b in zip(shares, [*true, 0.0, 0.0], strict=True)) / 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the rows."""
    parser = argparse.ArgumentParser(prog="python -m apps.evaluation.calibration_errors", description=__doc__)
    parser.add_argument("--campaigns", type=int, default=20)
    parser.add_argument("--days", type=int, default=14, help="of each campaign")
    parser.add_argument("--seed", type=int, default=60_001, help="of the first campaign")
    parser.add_argument("--worlds", default="", help="names with commas between; all but the test family without")
    given = parser.parse_args(arguments)
    names = chosen_worlds(parser, given.worlds, [world.name for world in WORLDS.values() if world.split != "test"])
    if given.campaigns < 1 or given.days < 1:
        parser.error("--campaigns, --days: must be at least 1")
    print(HEAD)
    for name in names:
        print(
            row(name, range(given.seed, given.seed + given.campaigns), given.days, Roster.default(), Ruleset.default())
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
