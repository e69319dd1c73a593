"""`siaga calibrate`: a ruleset from weeks of recorded reports."""

import time
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agents.settings import Settings
from apps.cli.broker import CONNECT_S, ledger_errors
from apps.cli.options import CommandError, with_settings

if TYPE_CHECKING:
    from apps.calibration.calibrate import Period
    from apps.calibration.reports import Reports
    from schemas.roster import Roster
    from schemas.ruleset import Ruleset

FILE = click.Path(dir_okay=False, path_type=Path)


@click.command(name="calibrate")
@click.option("--incidents", "files", type=FILE, multiple=True, help="Recorded incidents, JSON lines; several times.")
@click.option("--base", type=FILE, help="Ruleset to start from; the packaged one if left out.")
@click.option("--from", "first", metavar="YYYY-MM-DD", help="First local day that counts.")
@click.option("--to", "last", metavar="YYYY-MM-DD", help="Last local day that counts.")
@click.option(
    "--election-day", "is_election_day", is_flag=True, help="The days are like those to come: hours count too."
)
@click.option("--out", type=FILE, help="Write the ruleset here, TOML.")
@with_settings("partitions", "roster", "sources_file", "clock")
def command(
    settings: Settings,
    files: Sequence[Path],
    base: Path | None,
    first: str | None,
    last: str | None,
    is_election_day: bool,
    out: Path | None,
) -> None:
    """Show what weeks of recorded reports make of a ruleset's rates and severities, and write it.

    Reads the ledger, or the files of --incidents instead, and changes nothing there. The more reports tell a number,
    the nearer is the new one to what was recorded; in --out its reason says how many, with its 90 % interval. Without
    --election-day the days are of the campaign, of lower level and other hours. docs/operating/calibrate.md says how
    that is carried over."""
    from apps.calibration.calibrate import Period, calibrate
    from apps.calibration.calibrated import calibrated
    from apps.calibration.estimates import TooLittle
    from apps.calibration.reports import Reports
    from apps.calibration.table import lines

    roster, ruleset = settings.load_roster(), _base(base)
    period = Period(_date("--from", first), _date("--to", last), is_election_day)
    if period.first and period.last and period.first > period.last:
        raise CommandError("--from, --to: the first day comes after the last", exit_code=2)
    reports = Reports(ruleset.election.offset_ms)
    if files:
        _read_files(settings, files, roster, reports)
    else:
        _read_ledger(settings, roster, reports)
        period = _finished(period, settings, reports, ruleset)
    for regency, count in sorted(reports.surplus.items()):
        click.echo(f"{regency}: {count} reports beyond what is held do not count", err=True)
    try:
        found = calibrate(reports, roster, ruleset, period)
    except TooLittle as error:
        raise CommandError(f"{error}; nothing is changed") from None
    new = calibrated(ruleset, found)
    for line in lines(found, ruleset, new):
        click.echo(line)
    if out is not None:
        _write(out, new, ruleset)


def _base(path: Path | None) -> "Ruleset":
    from agents.policy import load_ruleset
    from schemas.ruleset import RulesetError

    try:
        return load_ruleset(path)
    except RulesetError as error:
        raise CommandError(f"--base: {error}", exit_code=2) from None


def _date(flag: str, text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise CommandError(f"{flag}: {text!r} is not a date YYYY-MM-DD", exit_code=2) from None


def _read_files(settings: Settings, files: Sequence[Path], roster: "Roster", reports: "Reports") -> None:
    from apps.calibration.recorded import read_files
    from apps.evaluation.progress import progress
    from apps.publishing.lines import InputError

    wall_ms = int(time.time() * 1000)
    try:
        shown = progress(files, len(files), "files")
        read_files(shown, roster, settings.load_sources(), reports, wall_ms, _say)
    except InputError as error:
        raise CommandError(f"--incidents: {error}", exit_code=2) from None


def _read_ledger(settings: Settings, roster: "Roster", reports: "Reports") -> None:
    from apps.calibration.recorded import read_ledger
    from apps.evaluation.progress import progress

    with ledger_errors(settings):
        read_ledger(settings, roster, reports, CONNECT_S, progress, _say)


def _finished(period: "Period", settings: Settings, reports: "Reports", ruleset: "Ruleset") -> "Period":
    """Up to yesterday by the ledger's clock: a day that is not over has too few reports. The event clock only tells
    how far a replay has come, so there the last day is as whole as it is recorded."""
    from apps.calibration.tally import date_of
    from schemas.vocabulary import DAY_MS
    from streams.admission import ClockMode

    if period.last is not None or settings.clock is ClockMode.EVENT:
        return period
    today = date_of((reports.newest_ms + ruleset.election.offset_ms) // DAY_MS)
    return period._replace(last=today - timedelta(1))


def _say(line: str) -> None:
    click.echo(line, err=True)


def _write(out: Path, new: "Ruleset", base: "Ruleset") -> None:
    from apps.calibration.toml_text import toml_text

    head = (
        f"# By siaga calibrate from {base.id}: what it changed says so in its reason (docs/operating/calibrate.md).\n"
    )
    try:
        out.write_text(head + toml_text(new.model_dump(mode="json", exclude_none=True)), encoding="utf-8")
    except OSError as error:
        raise CommandError(f"--out: {out}: {error.strerror or error}") from None
    click.echo(f"{new.id} written to {out}", err=True)
