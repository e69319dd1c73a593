"""The ruleset with its new numbers: each says what it comes from, and the name says up to which day."""

import re
from collections.abc import Mapping, Sequence
from math import floor, log10
from typing import Any

from apps.calibration.estimates import Estimates, Numbers
from apps.calibration.posteriors import Posterior
from schemas.ruleset import Ruleset

NAME_MOST = 64
_CALIBRATED = re.compile(r"-calibrated-\d{8}$")
#: A share has so many decimals, a rate so many digits.
_DECIMALS, _DIGITS = 4, 3

Tables = dict[str, Any]
"""A ruleset as TOML types."""


def calibrated(base: Ruleset, found: Estimates) -> Ruleset:
    """The ruleset `base` with the estimates that are not kept."""
    tables = base.model_dump(mode="json", exclude_none=True)
    stem = _CALIBRATED.sub("", base.name)
    suffix = f"-calibrated-{found.last:%Y%m%d}"
    tables["name"] = stem[: NAME_MOST - len(suffix)] + suffix
    tables["version"] = base.version + (stem != base.name)
    tables["about"] = f"{base.about} Calibrated from {base.id}: {_days(found)}."
    for category, rate in found.rates.items():
        if not rate.kept:
            number = tables["categories"][category]["base_rate"]
            number["value"] = rounded(rate.after[0].value)
            number["reason"] = f"{_origin(rate, found)}; 90 % {_span(rate.after[0])}; {base.id} has {rate.before[0]:g}"
    _replace(tables, "mixes", "mix", "shares", found.mixes, found, base)
    _replace(tables, "profiles", "profile", "hours", found.hours, found, base)
    return Ruleset.model_validate(tables)


def _replace(
    tables: Tables,
    kind: str,
    of_category: str,
    field: str,
    numbers: Mapping[str, Numbers],
    found: Estimates,
    base: Ruleset,
) -> None:
    """Give each category whose shares are known better a table of its own; drop those that nobody uses any more."""
    for category, item in numbers.items():
        if item.kept:
            continue
        shown = ", ".join(f"{after.low:.3f} to {after.high:.3f}" for after in item.after)
        was = ", ".join(f"{share:.3g}" for share in item.before)
        tables[kind][f"{category}_calibrated"] = {
            field: whole_shares(item.after),
            "reason": f"{_origin(item, found)}; 90 % {shown}; {base.id} has {was}",
        }
        tables["categories"][category][of_category] = f"{category}_calibrated"
    used = {rule[of_category] for rule in tables["categories"].values()}
    tables[kind] = {name: table for name, table in tables[kind].items() if name in used}


def _origin(item: Numbers, found: Estimates) -> str:
    return f"{item.reports:.0f} reports of {found.regency_days} regency-days, {_days(found)}"


def _days(found: Estimates) -> str:
    kind = "election" if found.is_election_day else "campaign"
    return f"{found.days} {kind} days from {found.first} to {found.last}"


def _span(number: Posterior) -> str:
    return f"{rounded(number.low):g} to {rounded(number.high):g}"


def rounded(value: float) -> float:
    """With as many digits as are shown."""
    return round(value, _DIGITS - 1 - floor(log10(value))) if value > 0 else 0.0


def whole_shares(found: Sequence[Posterior]) -> list[float]:
    """Rounded shares that add up to 1: the greatest takes the rest."""
    shares = [round(item.value, _DECIMALS) for item in found]
    greatest = max(range(len(shares)), key=shares.__getitem__)
    shares[greatest] = round(1 - sum(share for index, share in enumerate(shares) if index != greatest), _DECIMALS)
    return shares
