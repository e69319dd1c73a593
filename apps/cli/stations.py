"""`siaga stations`: what a station roster holds, beside the roster of regencies."""

from collections.abc import Iterator
from pathlib import Path

import click

from agents.settings import Settings
from apps.cli.options import CommandError, load_settings
from schemas.roster import Regency, Roster
from schemas.station_roster import StationRoster


@click.group(name="stations")
def command() -> None:
    """The station roster: which polling stations there are."""


@command.command()
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--roster", metavar="VALUE", help=f"{Settings.model_fields['roster'].description} [SIAGA_ROSTER]")
def check(file: Path | None, roster: str | None) -> None:
    """Read the station roster FILE, or that of SIAGA_STATIONS, as a worker would, and count.

    Prints a line for each regency of the roster: stations in FILE, in the roster, the difference; registered voters in
    FILE, in the roster, and stations for which FILE gives none. Then sums. Exit status 0 when the file can be used,
    also if counts differ; 2 when it cannot, with one line that names line and field.
    """
    settings = load_settings(roster=roster)
    path = file or settings.stations
    if path is None:
        raise CommandError("give a FILE or set SIAGA_STATIONS", exit_code=2)
    regencies = settings.load_roster()
    stations = settings.model_copy(update={"stations": path}).load_stations()
    assert stations is not None, "a path was given"
    for line in _report(regencies, stations):
        click.echo(line)


def _report(roster: Roster, stations: StationRoster) -> Iterator[str]:
    yield "regency  stations    roster      +/-   registered       roster  not given"
    for regency in roster.values():
        yield _counted(regency, stations)
    differing = sum(len(stations.of(code) or ()) != regency.stations for code, regency in roster.items())
    yield f"{len(stations)} stations, {sum(regency.stations for regency in roster.values())} in the roster"
    yield f"{differing} of {len(roster)} regencies differ in stations"


def _counted(regency: Regency, stations: StationRoster) -> str:
    listed = stations.of(regency.code)
    keys, count = listed or (), len(listed or ())
    given = [voters for key in keys if listed and (voters := listed.registered(key)) is not None]
    return (
        f"{regency.code:7} {count:9} {regency.stations:9} {count - regency.stations:+8}  "
        f"{sum(given):11}  {regency.registered:11} {count - len(given):10}  {regency.name}"
    )
