"""Claims: escalations that say that a flare-up is likely, each with its odds and with whether one was there."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from apps.evaluation.scoring import GRACE_MS, Raise, score_day
from apps.simulation.truth import Truth, epoch_ms
from schemas.roster import Roster
from streams.risk.odds import JUDGED, Basis, basis_of


class Claim(NamedTuple):
    """An escalation of a regency that raises or amends a level. `odds`: None under a ruleset without them."""

    regency: str
    at_ms: int
    basis: Basis
    odds: float | None


class JudgedClaim(NamedTuple):
    """A claim, and whether it came in a flare-up or in another real grave incident, by the rule of scoring."""

    claim: Claim
    is_real: bool


def claims_of(escalations: Iterable[Mapping[str, Any]], roster: Roster) -> list[Claim]:
    """The claims among escalations as they were published, in order."""
    return [
        Claim(item["regency"], epoch_ms(item["event_time"]), basis_of(item), item["odds"])
        for item in escalations
        if item["regency"] in roster and item["change"] in JUDGED
    ]


def judged_claims(truth: Truth, claims: Sequence[Claim], grace_ms: int = GRACE_MS) -> list[JudgedClaim]:
    """A day's claims with their verdicts. What is tolerated is real: somebody had to be woken."""
    ordered = sorted(claims, key=lambda claim: claim.at_ms)
    score = score_day(truth, [Raise(claim.regency, claim.at_ms) for claim in ordered], grace_ms)
    return [JudgedClaim(claim, judged.verdict != "false") for claim, judged in zip(ordered, score.judged, strict=True)]
