"""`siaga convert`: convert public election files into a roster and JSON lines."""

import csv
from collections.abc import Callable, Iterable
from pathlib import Path

import click

from apps.cli.options import CommandError
from apps.replay import italy2020, press_events
from schemas.roster import REQUIRED

FILE = click.Path(path_type=Path, dir_okay=False)


@click.group(name="convert")
def command() -> None:
    """Convert public election files into a roster and JSON lines for publish and replay."""


@command.command("italy-2020")
@click.argument("comuni", type=FILE)
@click.option("--roster", type=FILE, required=True, help="Write the roster CSV here.")
@click.option("--turnout", type=FILE, required=True, help="Write the turnout JSON lines here.")
def italy_2020(comuni: Path, roster: Path, turnout: Path) -> None:
    """Italy's referendum of September 2020; COMUNI is onData's affluenzaComuni CSV.

    A region becomes a regency (39.01 to 39.20), a municipality a station; one of more than 100,000 voters becomes
    several.
    """

    def write() -> None:
        municipalities = list(italy2020.read(comuni))
        rows = italy2020.roster_rows(municipalities)
        with roster.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, REQUIRED, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        count = _write_lines(turnout, italy2020.turnout_lines(municipalities))
        stations = sum(municipality.parts for municipality in municipalities)
        click.echo(
            f"{len(municipalities)} municipalities, {stations} stations, {len(rows)} regions, {count} messages",
            err=True,
        )

    _run(write)


@command.command("sumsel-press")
@click.argument("events", type=FILE)
@click.option("--incidents", type=FILE, required=True, help="Write the incident JSON lines here.")
def sumsel_press(events: Path, incidents: Path) -> None:
    """South Sumatra's press-reported events; EVENTS is sumsel_press_events.csv.

    How each row is read (counts, second reports, re-votes, the exercise) is documented in apps/replay/press_events.py.
    """
    _run(lambda: click.echo(f"{_write_lines(incidents, press_events.incident_lines(events))} messages", err=True))


def _write_lines(path: Path, lines: Iterable[bytes]) -> int:
    count = 0
    with path.open("wb") as file:
        for line in lines:
            file.write(line + b"\n")
            count += 1
    return count


def _run(write: Callable[[], None]) -> None:
    try:
        write()
    except italy2020.SourceError as error:
        raise CommandError(str(error)) from None
    except OSError as error:
        raise CommandError(f"{error.filename}: {error.strerror}") from None
