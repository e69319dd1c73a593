"""Rulesets for Siaga's trade-off curve: the shipped one, and copies with another threshold of siaga."""

from schemas.ruleset import Ruleset

SHIPPED = "shipped"
RAISE_AT = (40, 45, 55, 60, 65, 70)  # points, beside the shipped value; each costs a fold of every day


def variants(ruleset: Ruleset, curve: bool) -> dict[str, Ruleset]:
    """Rulesets by name: the shipped one, and with `curve` one for each other threshold of siaga."""
    found = {SHIPPED: ruleset}
    ladder = ruleset.ladder
    for points in RAISE_AT if curve else ():
        if ladder.waspada.raise_at.value < points < ladder.awas.raise_at.value:
            found[f"siaga at {points}"] = _with_threshold(ruleset, points)
    return found


def _with_threshold(ruleset: Ruleset, points: int) -> Ruleset:
    siaga = ruleset.ladder.siaga
    gap = siaga.raise_at.value - siaga.lower_below.value
    below = max(points - gap, ruleset.ladder.waspada.lower_below.value)
    changed = siaga.model_copy(
        update={
            "raise_at": siaga.raise_at.model_copy(update={"value": float(points)}),
            "lower_below": siaga.lower_below.model_copy(
                update={"value": min(below, ruleset.ladder.awas.lower_below.value)}
            ),
        }
    )
    return ruleset.model_copy(update={"ladder": ruleset.ladder.model_copy(update={"siaga": changed})})
