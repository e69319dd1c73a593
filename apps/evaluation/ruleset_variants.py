"""Rulesets for Siaga's trade-off curve: the shipped one, and copies in which all evidence gives more or fewer points.

A factor on `points_per_digit` moves all levels together, so their order and all that the ruleset limits in points stays
valid: each copy is a ruleset that workers can use.
"""

from schemas.ruleset import Ruleset

SHIPPED = "shipped"
FACTORS = (0.5, 0.6, 0.7, 0.8, 0.9, 1.2)  # on the shipped value, which is 1; each costs a fold of every day


def variants(ruleset: Ruleset, curve: bool) -> dict[str, Ruleset]:
    """Rulesets by name: the shipped one, and with `curve` one for each factor. A rolling sum has no such points."""
    found = {SHIPPED: ruleset}
    for factor in FACTORS if curve and ruleset.rolling_sum is None else ():
        found[f"points × {factor:g}"] = with_points(ruleset, factor)
    return found


def with_points(ruleset: Ruleset, factor: float) -> Ruleset:
    """The ruleset with so many times as many points for each digit of evidence."""
    points = ruleset.surprise.points_per_digit
    changed = points.model_copy(update={"value": points_at(ruleset, factor)})
    surprise = ruleset.surprise.model_copy(update={"points_per_digit": changed})
    return ruleset.model_copy(update={"surprise": surprise})


def points_at(ruleset: Ruleset, factor: float) -> float:
    """So many times the ruleset's points for each digit, with four decimals, as a file holds them."""
    return round(ruleset.surprise.points_per_digit.value * factor, 4)
