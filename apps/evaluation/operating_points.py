"""Operating points: what more or fewer points give in each world, and which keep a false rate in all of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from apps.evaluation.experiment import EvaluatedDay
from apps.evaluation.ruleset_variants import SHIPPED
from apps.evaluation.scoring import GRACE_MS, DetectorScore
from apps.evaluation.worlds import score_worlds
from apps.simulation.worlds import WORLDS
from schemas.ruleset import Ruleset


@dataclass(frozen=True)
class OperatingPoint:
    """One variant of the ruleset: its points for each digit of evidence, and its score by world. `key`: in the table of
    variants."""

    key: str
    name: str
    points: float
    scores: Mapping[str, DetectorScore]


def operating_points(
    evaluated: Mapping[str, Sequence[EvaluatedDay]], rulesets: Mapping[str, Ruleset], grace_ms: int = GRACE_MS
) -> list[OperatingPoint]:
    """One point per ruleset, by ascending points. `evaluated`: the days of each world under all of them."""
    found = []
    for name, ruleset in rulesets.items():
        shown = "points × 1, as shipped" if name == SHIPPED else name
        points = ruleset.surprise.points_per_digit.value
        found.append(OperatingPoint(name, shown, points, score_worlds(evaluated, name, grace_ms)))
    return sorted(found, key=lambda point: point.points)


def curve_rows(points: Sequence[OperatingPoint]) -> str:
    """The curve of each world as a table: false escalations, detected share and median delay at each point."""
    worlds = list(points[0].scores)
    rows = ["| false¹: detected, median | " + " | ".join(worlds) + " |", "|---" * (1 + len(worlds)) + "|"]
    for point in points:
        rows.append(f"| {point.name} | " + " | ".join(_cell(point.scores[world]) for world in worlds) + " |")
    return "\n".join(rows)


def curve_json(points: Sequence[OperatingPoint], world: str) -> list[dict[str, Any]]:
    """The curve of one world as JSON types, by ascending points."""
    return [
        {
            "points_per_digit": point.points,
            "false_per_100_regency_days": round(point.scores[world].false_per_100_regency_days, 3),
            "detection_rate": _rounded(point.scores[world].detection_rate, 4),
            "delay_median_min": _rounded(point.scores[world].delay_min(0.5), 1),
        }
        for point in points
    ]


def chosen_on(points: Sequence[OperatingPoint]) -> list[str]:
    """The worlds that a point may be chosen on: not the test family, unless there is nothing else."""
    worlds = list(points[0].scores)
    return [world for world in worlds if world not in WORLDS or WORLDS[world].split != "test"] or worlds


def worst_false(point: OperatingPoint, worlds: Sequence[str]) -> tuple[float, str]:
    """The highest false rate of a point in some worlds, and where."""
    return max((point.scores[world].false_per_100_regency_days, world) for world in worlds)


def choose(points: Sequence[OperatingPoint], most: float) -> OperatingPoint | None:
    """The point with at most so many false per 100 regency-days in its worst world, None when there is none.

    Of several the one that detects most in the world where it detects least, then the one with more points: the sooner.
    """
    worlds = chosen_on(points)
    within = [point for point in points if worst_false(point, worlds)[0] <= most]
    return max(within, key=lambda point: (_least_detected(point, worlds), point.points), default=None)


def choice_line(points: Sequence[OperatingPoint], most: float) -> str:
    """One line that names the chosen point with its worst world, or says that there is none."""
    worlds = chosen_on(points)
    basis = f"worst of {', '.join(worlds)}"
    point = choose(points, most)
    if point is None:
        least = min(points, key=lambda point: worst_false(point, worlds))
        rate, world = worst_false(least, worlds)
        low, high = points[0].points, points[-1].points
        return (
            f"none of {low:g} to {high:g} points per digit has at most {most:g} false¹ ({basis}); "
            f"the least is {rate:.2f} in {world}: {least.name}"
        )
    rate, world = worst_false(point, worlds)
    return f"at most {most:g} false¹ ({basis}): {point.name}, {rate:.2f} in {world}"


def choice_basis(points: Sequence[OperatingPoint], point: OperatingPoint, days: int) -> str:
    """Why a point was chosen, as a ruleset's reason."""
    worlds = chosen_on(points)
    rate, world = worst_false(point, worlds)
    return f"{rate:.2f} false in {world}, the worst of {', '.join(worlds)} ({days} days each, siaga evaluate)"


def declared_line(points: Sequence[OperatingPoint], most: float) -> str:
    """One line: the point that the ruleset says it was chosen for, beside what was measured."""
    worlds = chosen_on(points)
    shipped = next(point for point in points if point.key == SHIPPED)
    rate, world = worst_false(shipped, worlds)
    kept, basis = "kept" if rate <= most else "NOT kept", f"worst of {', '.join(worlds)}"
    return f"the ruleset is chosen for at most {most:g} false¹: {kept}, {rate:.2f} in {world} ({basis})"


def _least_detected(point: OperatingPoint, worlds: Sequence[str]) -> float:
    rates = [point.scores[world].detection_rate for world in worlds]
    return min((rate for rate in rates if rate is not None), default=0.0)


def _cell(score: DetectorScore) -> str:
    detected = "-" if score.detection_rate is None else f"{100 * score.detection_rate:.0f} %"
    delay = score.delay_min(0.5)
    return f"{score.false_per_100_regency_days:.2f}: {detected}, {'-' if delay is None else f'{delay:.0f} min'}"


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
