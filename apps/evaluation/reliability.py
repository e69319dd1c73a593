"""Whether odds are honest: of the claims that were given 0.3, three in ten should be real.

Claims lie in bins by their odds. The Brier score is the mean square of odds minus what was (0 or 1); the calibration
error is the mean over the claims of the difference between a bin's mean odds and its real share (Naeini et al., 2015).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from apps.evaluation.claims import JudgedClaim, judged_claims
from apps.evaluation.experiment import EvaluatedDay
from apps.evaluation.intervals import wilson
from apps.evaluation.scoring import GRACE_MS

#: Where the bins begin, each up to the next.
BINS = (0.0, 0.2, 0.4, 0.6, 0.8)
NAMES = tuple(f"{low:g}-{high:g}" for low, high in zip(BINS, (*BINS[1:], 1), strict=True))
ODDS_FOOT = (
    "Odds: their mean → the share that was real, its 95 % interval (Wilson), of how many. Brier score: 0 is best. "
    "Error: the mean difference of both."
)


class Bin(NamedTuple):
    """The claims in one bin: how many, how many of them real, and their mean odds (None without any)."""

    name: str
    total: int
    real: int
    mean_odds: float | None

    @property
    def share(self) -> float | None:
        """The share that was real."""
        return self.real / self.total if self.total else None


class Reliability(NamedTuple):
    """The figures of some claims; None where there are none."""

    bins: tuple[Bin, ...]
    brier: float | None
    calibration_error: float | None

    @property
    def total(self) -> int:
        """How many claims."""
        return sum(item.total for item in self.bins)

    @property
    def real(self) -> int:
        """How many of them were real."""
        return sum(item.real for item in self.bins)


def claims_of_days(
    days: Iterable[EvaluatedDay], ruleset: str, grace_ms: int = GRACE_MS
) -> tuple[list[JudgedClaim], list[JudgedClaim]]:
    """The raises among the claims of some days under one ruleset, and the amendments."""
    found = [item for day in days for item in judged_claims(day.truth, day.claims.get(ruleset, ()), grace_ms)]
    return (
        [item for item in found if not item.claim.basis.is_amended],
        [item for item in found if item.claim.basis.is_amended],
    )


def raises_by_world(
    evaluated: Mapping[str, Iterable[EvaluatedDay]], ruleset: str, grace_ms: int = GRACE_MS
) -> dict[str, Reliability]:
    """The figures of each world's raises under one ruleset."""
    return {world: reliability(claims_of_days(days, ruleset, grace_ms)[0]) for world, days in evaluated.items()}


def reliability(claims: Iterable[JudgedClaim]) -> Reliability:
    """The figures of the claims that have odds."""
    pairs = [(item.claim.odds, item.is_real) for item in claims if item.claim.odds is not None]
    sorted_in: list[list[tuple[float, bool]]] = [[] for _ in BINS]
    for odds, is_real in pairs:
        sorted_in[sum(odds >= low for low in BINS[1:])].append((odds, is_real))
    bins = tuple(
        Bin(name, len(held), sum(real for _, real in held), sum(odds for odds, _ in held) / len(held) if held else None)
        for name, held in zip(NAMES, sorted_in, strict=True)
    )
    if not pairs:
        return Reliability(bins, None, None)
    off = sum(abs(item.real - item.total * (item.mean_odds or 0)) for item in bins)
    brier = sum((odds - is_real) ** 2 for odds, is_real in pairs) / len(pairs)
    return Reliability(bins, brier, off / len(pairs))


def reliability_table(by_world: Mapping[str, Reliability]) -> str:
    """One row per world."""
    head = f"| odds of raises | real | {' | '.join(NAMES)} | Brier | error |"
    rows = [head, "|---" * (4 + len(NAMES)) + "|"]
    for world, figures in by_world.items():
        cells = " | ".join(map(_cell, figures.bins))
        brier, error = _shown(figures.brier, 3), _shown(figures.calibration_error, 3)
        rows.append(f"| {world} | {figures.real} of {figures.total} | {cells} | {brier} | {error} |")
    return "\n".join(rows)


def reliability_json(raises: Sequence[JudgedClaim], amendments: Sequence[JudgedClaim]) -> dict[str, Any]:
    """The figures of the raises, of those to each level, and of the amendments, as JSON types."""
    levels = dict.fromkeys(item.claim.basis.level for item in raises)
    by_level = {level: [item for item in raises if item.claim.basis.level == level] for level in levels}
    return {
        "raises": _json(reliability(raises)),
        "raises_by_level": {level: _json(reliability(of)) for level, of in sorted(by_level.items())},
        "amendments": _json(reliability(amendments)),
    }


def _json(figures: Reliability) -> dict[str, Any]:
    return {
        "count": figures.total,
        "real": figures.real,
        "brier": _rounded(figures.brier),
        "calibration_error": _rounded(figures.calibration_error),
        "bins": [
            {
                "odds": item.name,
                "count": item.total,
                "real": item.real,
                "mean_odds": _rounded(item.mean_odds),
                "real_share": _rounded(item.share),
                "real_share_ci95": None if item.share is None else list(map(_rounded, interval_of(item))),
            }
            for item in figures.bins
        ],
    }


def interval_of(item: Bin) -> tuple[float, float]:
    """The 95 % interval of the share that was real."""
    return wilson(item.real, item.total) or (0.0, 1.0)


def _cell(item: Bin) -> str:
    if item.share is None:
        return "-"
    low, high = interval_of(item)
    return f"{_shown(item.mean_odds, 2)} → {item.share:.2f} [{low:.2f}, {high:.2f}], {item.total}"


def _shown(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
