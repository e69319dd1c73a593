"""The odds of an escalation: how likely it is that a flare-up is behind it, from what the escalation itself says.

    log odds = where the level reached begins, another number for an amendment
               + what the points of incidents, their points per report, agencies and several groups add
               + what a grave incident adds, - what is taken off while it is unverified

The numbers are the ruleset's table `odds`, fitted on simulated days (docs/risk-model.md). Whoever has the message and
the ruleset can compute it again.
"""

from collections.abc import Mapping
from math import exp, log2
from typing import Any, NamedTuple

from schemas.ruleset.odds import OddsRule
from schemas.vocabulary import ALARMS, GROUPS, Change, Reason

AGENCIES_MOST = 4
LEAST, MOST = 0.01, 0.99  # no report makes certain
#: What raises or corrects is judged; what says that reports stopped, or that a level fell, claims no flare-up.
JUDGED = frozenset({Change.RAISED.value, Change.AMENDED.value})
_GRAVE = frozenset({Reason.GRAVE_INCIDENT.value, Reason.GRAVE_INCIDENT_CONFIRMED.value})


class Basis(NamedTuple):
    """What the odds follow from. `level`: the name of the level reached; `points`: those of incidents; `reports`: how
    many incidents are cited; `agencies`: how many stand behind these; `groups`: how many have points.
    """

    level: str
    points: int
    reports: int
    agencies: int
    groups: int
    is_amended: bool = False
    is_grave: bool = False
    is_unverified: bool = False


def basis_of(escalation: Mapping[str, Any]) -> Basis:
    """Of an escalation of a regency, as it is published."""
    components, evidence = escalation["components"], escalation["evidence"]
    points = [components.get(group, 0) for group in GROUPS]
    return Basis(
        escalation["level"],
        sum(points),
        len(evidence),
        len({agency for item in evidence for agency in item["agencies"]}),
        sum(map(bool, points)),
        escalation["change"] == Change.AMENDED,
        escalation["reason"] in _GRAVE,
        escalation["unverified"],
    )


def shares(basis: Basis) -> dict[str, float]:
    """By how much each number of the table counts."""
    return {level: float(basis.level == level) for level in ALARMS} | {
        "amended": float(basis.is_amended),
        "points": basis.points / 10,
        "points_per_report": log2(1 + basis.points / max(1, basis.reports)),
        "agencies": float(min(basis.agencies, AGENCIES_MOST)),
        "several_groups": float(basis.groups > 1),
        "grave": float(basis.is_grave),
        "unverified": float(basis.is_unverified),
    }


def odds(rule: OddsRule, basis: Basis) -> float:
    """The probability, with two decimals."""
    log_odds = sum(getattr(rule, name).value * share for name, share in shares(basis).items())
    return min(MOST, max(LEAST, round(1 / (1 + exp(-log_odds)), 2)))


def odds_of(rule: OddsRule | None, escalation: Mapping[str, Any]) -> float | None:
    """The odds of a regency's escalation as it is published; None where it claims no flare-up, or without a table."""
    if rule is None or escalation["change"] not in JUDGED:
        return None
    return odds(rule, basis_of(escalation))
