"""The figures of a run as one table."""

from collections.abc import Iterable, Mapping
from typing import Any

Figures = Mapping[str, Any]

#: Column: names of the figures that go there. Figures without a column are only in the JSON lines.
COLUMNS = {
    "events/s": ("events_per_s",),
    "processor µs an event": ("cpu_s_per_million", "us"),  # seconds a million events are microseconds an event
    "start left out": ("cpu_us_per_event",),
    "of json.loads": ("of_json",),
    "p50 ms": ("p50_ms",),
    "p99 ms": ("p99_ms",),
    "seconds": ("resume_s", "new_topics_s", "after_kill_s"),
    "state records": ("restored_records",),
    "worker's MiB": ("memory_mib",),
}
SETTINGS = ("part", "workers", "regencies", "keys", "rate", "to_day")


def table(lines: Iterable[Figures]) -> str:
    """Markdown: a row for each measurement, a column for each kind of figure that occurs."""
    lines = list(lines)
    shown = {head: names for head, names in COLUMNS.items() if any(name in line for line in lines for name in names)}
    rows = [["", *shown], ["---"] * (1 + len(shown))]
    rows += [[_name(line), *(_cell(line, names) for names in shown.values())] for line in lines]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _name(line: Figures) -> str:
    settings = [f"{name} {line[name]:,}" if isinstance(line[name], int) else f"{name} {line[name]}"
                for name in SETTINGS if name in line]  # fmt: skip
    return f"{line['what']}: {', '.join(settings)}" if settings else str(line["what"])


def _cell(line: Figures, names: tuple[str, ...]) -> str:
    return "; ".join(_figure(line[name]) for name in names if name in line)


def _figure(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(_figure, value))
    return f"{value:,.0f}" if isinstance(value, int | float) and value >= 1000 else str(value)
