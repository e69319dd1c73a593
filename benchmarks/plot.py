"""Cost and latency against load, and cost against regencies, as one picture. matplotlib is the optional extra `lab`."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.sheet import Figures

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw(path: Path, lines: Iterable[Figures]) -> None:
    """Two panels from the lines of a run; a panel without lines stays empty. Raises ImportError without matplotlib."""
    from matplotlib.figure import Figure

    lines = list(lines)
    figure = Figure(figsize=(11, 4.4), layout="constrained", dpi=130)
    load, places = figure.subplots(1, 2)
    steady = sorted((line for line in lines if _one_worker(line, "latency")), key=lambda line: line["rate"])
    rates = [line["rate"] for line in steady]
    for name, colour, marker in (("p50_ms", "#0072B2", "o"), ("p99_ms", "#D55E00", "s")):
        load.plot(
            rates, [line[name] for line in steady], color=colour, marker=marker, label=name.replace("_ms", ", ms")
        )
    _label(load, rates, "events a second", "from publish to a readable escalation, ms")
    share = load.twinx()
    share.plot(
        rates, [line["cpu_share"] for line in steady], color="#555555", marker="^", linestyle=":", label="cores busy"
    )
    share.set_ylim(0, 1)
    share.set_ylabel("cores that the worker uses")
    load.legend(handles=[*load.lines, *share.lines], loc="upper left", fontsize=8)
    costs = sorted((line["regencies"], line["cpu_us_per_event"]) for line in lines if _one_worker(line, "places"))
    if costs:
        places.plot(*zip(*costs, strict=True), color="#009E73", marker="D")
    _label(places, [regencies for regencies, _ in costs], "regencies", "processor µs an event, one worker in catch-up")
    figure.savefig(path, format="png")


def _one_worker(line: Figures, what: str) -> bool:
    """Whether the line is of `what` with one worker."""
    return (line["what"], line.get("workers")) == (what, 1)


def _label(axes: "Axes", ticks: list[int], across: str, up: str) -> None:
    axes.set_xscale("log")
    axes.set_xticks(ticks, [f"{number:,}" for number in ticks])
    axes.set_xticks([], minor=True)
    axes.set_ylim(0, axes.get_ylim()[1] * 1.1)
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.grid(alpha=0.2)
