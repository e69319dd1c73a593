"""A profile of a worker as a flame graph: where its processor time goes.

    python -m benchmarks drain --workers 1 --regencies 17 &
    py-spy record --pid WORKER --format raw --rate 200 --duration 12 --gil --output worker.raw
    python -m benchmarks.flame worker.raw worker.png

Read from below: each box is a function, as wide as its share of the samples, above its caller. Consecutive frames of a
library are one box with the name of the library. matplotlib is the optional extra `lab`."""

import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

OURS = ("apps", "agents", "streams", "schemas")
COLOURS = {"apps": "#CC79A7", "agents": "#56B4E9", "streams": "#E69F00", "schemas": "#009E73"}
LIBRARY = "#DDDDDD"
#: py-spy prints these files without their folder.
BATCHING = {path.stem for path in (Path(__file__).parents[1] / "agents" / "batching").rglob("*.py")}
WIDE, NARROW = 0.03, 0.002  # share of the width from which a box has a name, and below which it is left out
_FRAME = re.compile(r"^(.+) \((.+?)(?::\d+)?\)$")

Stack = tuple[str, ...]


def stacks(raw: str) -> Counter[Stack]:
    """Samples by stack from py-spy's raw lines `frame;frame;frame count`."""
    counts: Counter[Stack] = Counter()
    for line in raw.splitlines():
        frames, _, count = line.rpartition(" ")
        counts[_shortened(frames.split(";"))] += int(count)
    return counts


def _shortened(frames: list[str]) -> Stack:
    """Our own functions by name, frames of libraries by library."""
    names: list[str] = []
    for frame in frames:
        found = _FRAME.match(frame)
        if found is None:
            continue
        function, file = found.groups()
        package = file.split("/")[0].removesuffix(".py")
        package = "agents" if package in BATCHING else package
        name = f"{package}: {function}" if package in OURS else package.strip("<>").split(".")[0]
        if not names or names[-1] != name:
            names.append(name)
    return tuple(names)


def without_trunk(counts: Counter[Stack], least: float = 0.75) -> Counter[Stack]:
    """Drop the bottom frames that at least the share `least` of the samples have in common: the program's start."""
    total = sum(counts.values())
    while True:
        first: Counter[Stack] = Counter()
        for stack, count in counts.items():
            first[stack[:1]] += count
        (most, share), *_ = first.most_common(1)
        if not most or share < least * total:
            return counts
        shorter: Counter[Stack] = Counter()
        for stack, count in counts.items():
            shorter[stack[1:] if stack[:1] == most else stack] += count
        counts = shorter


def boxes(counts: Counter[Stack]) -> list[tuple[int, float, float, str]]:
    """(height, left, width, name) of each box, in shares of all samples; children side by side, in order of name."""
    total = sum(counts.values())
    placed: list[tuple[int, float, float, str]] = []

    def place(height: int, left: float, within: Counter[Stack]) -> None:
        children: dict[str, Counter[Stack]] = {}
        for stack, count in within.items():
            if stack:
                children.setdefault(stack[0], Counter())[stack[1:]] += count
        for name, of_child in sorted(children.items()):
            width = sum(of_child.values()) / total
            if width >= NARROW:
                placed.append((height, left, width, name))
                place(height + 1, left, of_child)
            left += width

    place(0, 0.0, counts)
    return placed


def draw(path: Path, counts: Counter[Stack]) -> None:
    """Raises ImportError without matplotlib."""
    from matplotlib.figure import Figure

    placed = boxes(counts)
    highest = max(height for height, *_ in placed) + 1
    figure = Figure(figsize=(13, 0.28 * highest + 0.6), layout="constrained", dpi=110)
    axes: Any = figure.subplots()
    for height, left, width, name in placed:
        colour = COLOURS.get(name.split(":")[0], LIBRARY)
        axes.barh(height, width, left=left, height=0.95, color=colour, edgecolor="white", linewidth=0.5)
        if width >= WIDE:
            text = f"{name.split(': ')[-1]} {width:.0%}"
            axes.text(left + width / 2, height, text[: int(width * 190)], ha="center", va="center", fontsize=7)
    axes.set_xlim(0, 1)
    axes.set_ylim(-0.6, highest - 0.4)
    axes.axis("off")
    figure.savefig(path, format="png")


def main() -> None:
    raw, picture = map(Path, sys.argv[1:])
    draw(picture, without_trunk(stacks(raw.read_text())))


if __name__ == "__main__":
    main()
