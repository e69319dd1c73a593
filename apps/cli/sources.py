"""`siaga sources`: check a sources file before the workers get it."""

from collections.abc import Sequence
from pathlib import Path

import click

from agents import policy
from agents.settings import Settings
from apps.cli.options import CommandError, load_settings
from schemas.sources import Source, Sources, SourcesError
from schemas.sources.doubts import doubts

_HEAD = ("source", "agency", "turnout", "reports", "regencies", "input")


@click.group(name="sources")
def command() -> None:
    """Sources files: which agency a publishing system belongs to, and what it may report
    (docs/operating/sources.md)."""


@command.command(name="check")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--roster", metavar="VALUE", help=f"{Settings.model_fields['roster'].description} [SIAGA_ROSTER]")
def check(file: Path | None, roster: str | None) -> None:
    """Read FILE, or the sources file in force, and print what it says.

    What is wrong is a line each. What is allowed and probably not meant, also beside the roster in force, is a warning.
    Exit status 0, 2 when the file cannot be used."""
    settings = load_settings(roster=roster)
    try:
        sources = policy.load_sources(file or settings.sources_file)
    except SourcesError as error:
        for problem in error.problems[:-1]:
            click.echo(f"Error: {problem}", err=True)
        raise CommandError(error.problems[-1], exit_code=2) from None
    _print(sources)
    for doubt in doubts(sources, settings.load_roster()):
        click.echo(f"warning: {doubt}", err=True)


def _print(sources: Sources) -> None:
    rows = [_HEAD, *(_cells(name, source) for name, source in sources.sources.items())]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo(_line(row, widths))
    click.echo(f"sources that are not named: {sources.unknown}ed")


def _cells(name: str, source: Source) -> tuple[str, ...]:
    turnout = "-" if source.turnout is None else str(source.turnout)
    regencies = "all" if source.regencies is None else str(len(source.regencies))
    return name, source.agency, turnout, ", ".join(source.only), regencies, source.input or "-"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
