"""`siaga convert`: convert spreadsheets and public election files into JSON lines."""

import csv
import re
import sys
from collections.abc import Callable, Iterable
from datetime import timedelta, timezone
from pathlib import Path

import click

from apps.cli.options import CommandError
from apps.cli.terminal import discard_output
from apps.conversion.convert import Tally, convert
from apps.conversion.mapping import CsvMapping, MappingError
from apps.publishing.lines import InputError, open_input, unpacked
from apps.replay import italy2020, press_events
from schemas.roster import REQUIRED

FILE = click.Path(path_type=Path, dir_okay=False)
_OFFSET = re.compile(r"([+-])(0[0-9]|1[0-4]):([0-5][0-9])")


@click.group(name="convert")
def command() -> None:
    """Convert spreadsheets and public election files into JSON lines for publish and replay."""


def _zone(_context: click.Context, _option: click.Parameter, value: str | None) -> timezone | None:
    if value is None:
        return None
    match = _OFFSET.fullmatch(value)
    if match is None:
        raise CommandError(f"--utc-offset: {value!r} is not an offset like +07:00", exit_code=2)
    span = timedelta(hours=int(match[2]), minutes=int(match[3]))
    return timezone(-span if match[1] == "-" else span)


@command.command("csv")
@click.argument("file", default="-", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--mapping", type=FILE, required=True, help="The TOML file that says which column is which field.")
@click.option(
    "--utc-offset", callback=_zone, help="UTC offset of the times that name none: +07:00 is WIB. Without it: rejected."
)
def csv_file(file: Path, mapping: Path, utc_offset: timezone | None) -> None:
    """Print the lines of FILE, a CSV as Excel saves it, as JSON lines for publish; - is standard input.

    A line that is no message is not printed but reported with its number, field and column. The mapping file is
    described in docs/publishing.md. Exit status 0 when every line was converted, 1 when one was rejected, 2 for wrong
    arguments, a wrong mapping file, or a FILE that cannot be read."""
    tally = Tally()
    try:
        rules = CsvMapping.read(mapping)
        with unpacked(sys.stdin.buffer) if str(file) == "-" else open_input(file) as stream:
            for value in convert(stream, rules, utc_offset, tally, lambda text: click.echo(text, err=True)):
                sys.stdout.buffer.write(value + b"\n")
            sys.stdout.buffer.flush()
    except (InputError, MappingError) as error:
        raise CommandError(str(error), exit_code=2) from None
    except BrokenPipeError:
        discard_output()
    click.echo(f"{tally.read} read, {tally.converted} converted, {tally.rejected} rejected", err=True)
    if tally.rejected:
        raise SystemExit(1)


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
