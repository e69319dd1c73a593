"""Scores on the days of several worlds side by side, and which of them is the worst."""

from collections.abc import Mapping
from typing import Any

from apps.evaluation.report import DetectorResult, figures_of, shown, span
from apps.evaluation.scoring import DetectorScore
from apps.simulation.worlds import WORLDS

Figures = Mapping[str, Mapping[str, Any]]
"""By world, as `figures_of` gives them."""

HEAD = (
    "| world | split | detected | told by 5 or more | delay median, min | p90, min | slow²: found, median, min "
    "| false¹ | hoaxes raised |"
)
FOOT = (
    "¹ escalations per 100 regency-days. ² flare-ups that last longer than 150 min. Brackets: 95 % intervals. "
    "Hoaxes: waves with a false escalation, of all."
)


def world_figures(scores: Mapping[str, DetectorScore], setting: str = "") -> dict[str, dict[str, Any]]:
    """The figures of each world, with its split. `scores`: by world."""
    return {
        world: {"world": world, "split": _split(world)} | figures_of(DetectorResult(score, setting))
        for world, score in scores.items()
    }


def world_table(figures: Figures, first: str = "") -> str:
    """One row per world. `first`: the heading of a column before, filled with each row's setting; none without."""
    before, rule = (f"| {first} ", "|---") if first else ("", "")
    rows = [before + HEAD, rule + "|---" * 9 + "|"]
    for item in figures.values():
        rows.append((f"| {item['setting']} " if first else "") + _row(item))
    return "\n".join(rows)


def worst_line(figures: Figures) -> str:
    """The worst world by false rate and by detection, with those figures."""
    false = max(figures, key=lambda world: figures[world]["false_per_100_regency_days"])
    line = f"worst: {false} with {figures[false]['false_per_100_regency_days']:.2f} false¹"
    with_flareups = [world for world, item in figures.items() if item["detection_rate"] is not None]
    if not with_flareups:
        return line
    missed = min(with_flareups, key=lambda world: figures[world]["detection_rate"])
    return f"{line}; {missed} with {100 * figures[missed]['detection_rate']:.1f} % detected"


def _split(world: str) -> str:
    return WORLDS[world].split if world in WORLDS else "given"


def _row(item: Mapping[str, Any]) -> str:
    rate = "-" if item["detection_rate"] is None else f"{100 * item['detection_rate']:.1f} %"
    return (
        f"| {item['world']} | {item['split']} | {rate} {span(item['detection_rate_ci95'], 100, 0)}"
        f" | {item['told_by_five']} | {shown(item['delay_median_min'])} {span(item['delay_median_ci95'], 1, 0)}"
        f" | {shown(item['delay_p90_min'])} | {item['slow']}, {shown(item['slow_delay_median_min'])}"
        f" | {item['false_per_100_regency_days']:.2f} {span(item['false_ci95'], 1, 2)}"
        f" | {item['hoaxes_raised']} of {item['hoaxes']} |"
    )
