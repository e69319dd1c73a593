"""The trade-off curves as a picture. matplotlib is an optional extra (`pip install 'siaga[lab]'`)."""

from collections.abc import Callable, Mapping, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

from apps.evaluation.report import GOAL_DETECTION, GOAL_FALSE, SIAGA, DetectorResult
from apps.evaluation.scoring import DetectorScore

# Each has its own marker and colour; the colours are Okabe and Ito's.
_STYLES = {
    SIAGA: ("#000000", "o"),
    "fixed_count": ("#E69F00", "s"),
    "ears_c1": ("#56B4E9", "^"),
    "ears_c2": ("#009E73", "v"),
    "ears_c3": ("#0072B2", "<"),
    "poisson_cusum": ("#D55E00", "D"),
    "farrington": ("#CC79A7", "P"),
}


class PlotMissing(Exception):
    """matplotlib is not installed. One line that says what to install."""


def require_matplotlib() -> None:
    """Raises PlotMissing when it is absent; call it before minutes of work."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise PlotMissing("drawing needs matplotlib: pip install 'siaga[lab]', or leave --plot out") from None


def draw(
    path: Path, results: Mapping[str, DetectorResult], curves: Mapping[str, Sequence[DetectorScore]], days: int
) -> None:
    """Two panels over the false-escalation rate: share detected, and median delay. Raises PlotMissing, OSError."""
    require_matplotlib()
    from matplotlib.figure import Figure  # no pyplot: nothing global, no display

    figure = Figure(figsize=(11, 4.6), layout="constrained", dpi=130)
    panels = _panels(figure, 50)
    for name, result in results.items():
        _line(panels, name, _STYLES.get(name, ("#999999", "x")), curves.get(name, ()), result.score)
    panels[0][0].axhline(100 * GOAL_DETECTION, color="#555555", linewidth=0.8, linestyle=":")
    panels[0][0].legend(loc="lower right", fontsize=8)
    figure.suptitle(f"Held-out days ({days} regency-days): markers as tuned on training days, lines as thresholds move")
    figure.savefig(path, format="png")


def draw_worlds(
    path: Path, curves: Mapping[str, Sequence[DetectorScore]], shipped: Mapping[str, DetectorScore]
) -> None:
    """The panels of `draw` with one line per world as siaga's threshold moves, a marker for the ruleset in force.

    Raises PlotMissing, OSError."""
    require_matplotlib()
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.6), layout="constrained", dpi=130)
    panels = _panels(figure, 200)
    for (world, points), style in zip(curves.items(), cycle(_STYLES.values()), strict=False):
        _line(panels, world, style, points, shipped[world])
    panels[0][0].legend(loc="lower right", fontsize=8)
    figure.suptitle("Siaga on the held-out days of each world: markers as shipped, lines as siaga's threshold moves")
    figure.savefig(path, format="png")


Value = Callable[[DetectorScore], float | None]
Panels = tuple[tuple[Any, Value], tuple[Any, Value]]


def _panels(figure: Any, most: int) -> Panels:
    """Axes with what they show, over false rates from 0 to `most`."""
    detection, delay = figure.subplots(1, 2)
    _format_axes(detection, "flare-ups detected, %", (0, 102), most)
    _format_axes(delay, "median delay of the detected, minutes", (0, None), most)
    return (detection, _percent_detected), (delay, _median_delay)


def _line(
    panels: Panels, name: str, style: tuple[str, str], curve: Sequence[DetectorScore], score: DetectorScore
) -> None:
    colour, marker = style
    points = sorted(curve, key=lambda score: (score.false_per_100_regency_days, score.detected))
    for axes, value in panels:
        shown = [(point.false_per_100_regency_days, value(point)) for point in points if value(point) is not None]
        axes.plot(*zip(*shown, strict=True), color=colour, alpha=0.45, linewidth=1.2) if shown else None
        if value(score) is not None:
            spot = (score.false_per_100_regency_days, value(score))
            axes.plot(*spot, color=colour, marker=marker, markersize=8, linestyle="none", label=name)


def _format_axes(axes: Any, label: str, limits: tuple[float, float | None], most: int) -> None:
    ticks = [tick for tick in (0, 0.5, 1, 2, 5, 10, 20, 50, 100, 200) if tick <= most]
    axes.set_xscale("symlog", linthresh=0.5)
    axes.set_xlim(-0.05, most)
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_ylim(*limits)
    axes.set_xlabel("false escalations per 100 regency-days")
    axes.set_ylabel(label)
    axes.axvline(GOAL_FALSE, color="#555555", linewidth=0.8, linestyle=":")
    axes.grid(alpha=0.2)


def _percent_detected(score: DetectorScore) -> float | None:
    return None if score.detection_rate is None else 100 * score.detection_rate


def _median_delay(score: DetectorScore) -> float | None:
    # A median of a few detections is noise; the curve begins where a fifth is detected.
    return score.delay_min(0.5) if (score.detection_rate or 0) >= 0.2 else None
