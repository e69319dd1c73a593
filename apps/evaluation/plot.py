"""The trade-off curves as a picture. matplotlib is an optional extra (`pip install 'siaga[lab]'`)."""

from collections.abc import Callable, Mapping, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any, NamedTuple

from apps.evaluation.reliability import Reliability, interval_of
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


class Line(NamedTuple):
    """One line of the panels with its marker: colour and marker, the scores along it, and the score marked."""

    name: str
    style: tuple[str, str]
    curve: Sequence[DetectorScore]
    marked: DetectorScore


def draw(
    path: Path,
    results: Mapping[str, DetectorResult],
    curves: Mapping[str, Sequence[DetectorScore]],
    days: int,
    honest: Mapping[str, Reliability] | None = None,
) -> None:
    """Two panels over the false-escalation rate: share detected, and median delay. With `honest` a third, of the odds.

    Raises PlotMissing, OSError."""
    lines = [
        Line(name, _STYLES.get(name, ("#999999", "x")), curves.get(name, ()), result.score)
        for name, result in results.items()
    ]
    title = f"Held-out days ({days} regency-days): markers as tuned on training days, lines as thresholds move"
    figure = trade_off(lines, title, 50, honest)
    figure.axes[0].axhline(100 * GOAL_DETECTION, color="#555555", linewidth=0.8, linestyle=":")
    figure.savefig(path, format="png")


def draw_worlds(
    path: Path,
    curves: Mapping[str, Sequence[DetectorScore]],
    shipped: Mapping[str, DetectorScore],
    honest: Mapping[str, Reliability] | None = None,
) -> None:
    """The panels of `draw` with one line per world as the points of evidence change, a marker for the ruleset in force.

    Raises PlotMissing, OSError."""
    styles = cycle(_STYLES.values())
    lines = [Line(world, next(styles), curve, shipped[world]) for world, curve in curves.items()]
    title = "Siaga on the held-out days of each world: markers as shipped, lines as evidence gives more or fewer points"
    trade_off(lines, title, 200, honest).savefig(path, format="png")


def trade_off(lines: Sequence[Line], title: str, most: int, honest: Mapping[str, Reliability] | None = None) -> Any:
    """The figure with both panels, over false rates from 0 to `most`, and one of the odds. Raises PlotMissing."""
    require_matplotlib()
    from matplotlib.figure import Figure  # no pyplot: nothing global, no display

    panels = 3 if honest else 2
    figure = Figure(figsize=(5.5 * panels, 4.6), layout="constrained", dpi=130)
    detection, delay, *rest = figure.subplots(1, panels)
    for line in lines:
        _plot(detection, line, _percent_detected)
        _plot(delay, line, _median_delay)
    # After the lines: a lower limit set before them would fix the upper one too.
    _format_axes(detection, "flare-ups detected, %", (0, 102), most)
    _format_axes(delay, "median delay of the detected, minutes", (0, None), most)
    detection.legend(loc="lower right", fontsize=8)
    for axes in rest:
        _reliability_panel(axes, honest or {})
    figure.suptitle(title)
    return figure


def _reliability_panel(axes: Any, honest: Mapping[str, Reliability]) -> None:
    """Real share over mean odds in each bin, with 95 % intervals; honest odds lie on the diagonal."""
    axes.plot((0, 1), (0, 1), color="#555555", linewidth=0.8, linestyle=":")
    for (name, figures), (colour, marker) in zip(honest.items(), cycle(_STYLES.values()), strict=False):
        shown = [(item.mean_odds, item.share, *interval_of(item)) for item in figures.bins if item.share is not None]
        if shown:
            odds, real, low, high = zip(*shown, strict=True)
            below = [share - end for share, end in zip(real, low, strict=True)]
            above = [end - share for share, end in zip(real, high, strict=True)]
            style = {"color": colour, "marker": marker, "linewidth": 1.2, "elinewidth": 0.8, "alpha": 0.8}
            axes.errorbar(odds, real, yerr=(below, above), label=name, **style)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.02)
    axes.set_xlabel("odds of raises, mean of each bin")
    axes.set_ylabel("share that was real")
    axes.legend(loc="upper left", fontsize=8)
    axes.grid(alpha=0.2)


def _plot(axes: Any, line: Line, value: Callable[[DetectorScore], float | None]) -> None:
    colour, marker = line.style
    points = sorted(line.curve, key=lambda score: (score.false_per_100_regency_days, score.detected))
    shown = [(point.false_per_100_regency_days, value(point)) for point in points if value(point) is not None]
    axes.plot(*zip(*shown, strict=True), color=colour, alpha=0.45, linewidth=1.2) if shown else None
    if value(line.marked) is not None:
        spot = (line.marked.false_per_100_regency_days, value(line.marked))
        axes.plot(*spot, color=colour, marker=marker, markersize=8, linestyle="none", label=line.name)


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
