"""Fits the ruleset's table `odds` on simulated days, and prints it.

    python -m apps.evaluation.odds --days 40 [--seed 50001] [--rules FILE] [--worlds NAME,NAME] [--processes N]

Every raise and amendment of the days is a sample: what the escalation says, and whether it came in a flare-up or in
another real grave incident. Every world has the same weight. Standard output is TOML, to be put in the place of the
table; standard error shows how honest it is on the same days. Worlds of the split `training` without --worlds.
"""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from agents.policy import load_ruleset
from apps.evaluation.claims import JudgedClaim
from apps.evaluation.logistic import Number, Sample, fit
from apps.evaluation.progress import progress
from apps.evaluation.reliability import ODDS_FOOT, claims_of_days, reliability, reliability_table
from apps.evaluation.ruleset_variants import SHIPPED
from apps.evaluation.worlds import TUNING_SEED, chosen_worlds, evaluate_worlds, world_cases
from apps.simulation.worlds import WORLDS
from schemas.roster import Roster
from schemas.ruleset import RulesetError
from schemas.ruleset.odds import OddsRule
from schemas.vocabulary import ALARMS, MINUTE_MS
from streams.risk.odds import odds, shares

FREE = (*ALARMS, "amended")
MORE = ("points", "points_per_report", "agencies", "several_groups", "grave")
LESS = ("unverified",)
MEANING = {
    **{level: f"where the odds of {level} begin" for level in ALARMS},
    "amended": "an amendment comes later in its episode than a raise",
    "points": "for each ten points of incidents",
    "points_per_report": "for each doubling of one and the points per cited incident: few grave reports against many",
    "agencies": "for each agency behind the cited incidents, up to four",
    "several_groups": "where incidents of several groups have points",
    "grave": "where a grave incident raised",
    "unverified": "while it rests on one agency",
}

Claims = Mapping[str, Sequence[JudgedClaim]]
"""By world."""


def fit_odds(claims: Claims) -> dict[str, Number]:
    """The numbers of the table. Raises ValueError without claims."""
    most = max((len(items) for items in claims.values()), default=0)
    samples = [
        Sample(shares(item.claim.basis), item.is_real, most / len(items)) for items in claims.values() for item in items
    ]
    # Weights that add up to the number of claims: errors are those of so many.
    scale = len(samples) / sum(sample.weight for sample in samples) if samples else 1.0
    return fit([sample._replace(weight=sample.weight * scale) for sample in samples], FREE, MORE, LESS)


def table(numbers: Mapping[str, Number], where: str) -> str:
    """The table in TOML. `where`: on which days it was fitted."""
    lines = ["[odds]", f"# Fitted on {where}; ±: standard error."]
    for name, number in numbers.items():
        # Two decimals: the odds have no more, and standard errors are larger.
        value, said = round(number.value, 2) or 0.0, f"fitted, ± {number.error:.2f}"
        if not number.error:
            said = "0, because the fit had the other sign"
        lines.append(f'{name} = {{ value = {value:g}, unit = "log odds", reason = "{MEANING[name]}; {said}" }}')
    return "\n".join(lines)


def rule_of(numbers: Mapping[str, Number]) -> OddsRule:
    """The table as the ruleset has it."""
    reason = {"unit": "log odds", "reason": "as fitted"}
    return OddsRule.model_validate({name: reason | {"value": round(of.value, 2)} for name, of in numbers.items()})


def with_odds(claims: Sequence[JudgedClaim], rule: OddsRule) -> list[JudgedClaim]:
    """The claims with the odds of this table."""
    return [item._replace(claim=item.claim._replace(odds=odds(rule, item.claim.basis))) for item in claims]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; exit status 2 for a wrong argument."""
    parser = _parser()
    given = parser.parse_args(arguments)
    names = [name for name, world in WORLDS.items() if world.split == "training"]
    names = chosen_worlds(parser, given.worlds, names)
    if given.days < 1:
        parser.error("--days: must be at least 1")
    try:
        ruleset = load_ruleset(given.rules)
    except RulesetError as error:
        parser.error(str(error))
    cases = world_cases(names, given.seed, given.days, 0, given.background)
    processes, tick_ms = given.processes or os.cpu_count() or 1, given.tick_min * MINUTE_MS
    evaluated = evaluate_worlds(cases, Roster.default(), {SHIPPED: ruleset}, processes, progress, tick_ms)
    claims = {world: claims_of_days(days, SHIPPED) for world, days in evaluated.items()}
    numbers = fit_odds({world: [*raises, *amendments] for world, (raises, amendments) in claims.items()})
    where = f"{given.days} days each of {', '.join(names)}, seeds {given.seed} on, ruleset {ruleset.id}"
    print(table(numbers, where))
    rule = rule_of(numbers)
    honest = {world: reliability(with_odds(raises, rule)) for world, (raises, _) in claims.items()}
    print("\n".join((reliability_table(honest), "", ODDS_FOOT)), file=sys.stderr)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m apps.evaluation.odds", description=__doc__.split("\n")[0])
    parser.add_argument("--days", type=int, default=40, help="days of each world")
    parser.add_argument("--seed", type=int, default=TUNING_SEED, help=f"of the first day ({TUNING_SEED})")
    parser.add_argument("--rules", type=Path, default=None, help="ruleset file; the packaged one without")
    parser.add_argument("--worlds", default="", help="names with commas between; the training worlds without")
    parser.add_argument("--background", type=float, default=1.0, help="factor on all base rates")
    parser.add_argument("--processes", type=int, default=0, help="0: one per core")
    parser.add_argument("--tick-min", type=int, default=2, help="minutes between ticks; 1 takes twice the time")
    return parser


if __name__ == "__main__":
    sys.exit(main())
