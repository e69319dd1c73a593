"""`siaga audit`: prove from the ledger what was published."""

import click

from agents.settings import Settings, SettingsError
from apps.cli.broker import CONNECT_S, broker_errors
from apps.cli.options import CommandError, with_settings


@click.command()
@with_settings("partitions", "roster", "stations", "rules", "sources_file", "clock")
def command(settings: Settings) -> None:
    """Fold the ledger again and compare published escalations and rows with the result.

    Give it the roster, station roster, ruleset and clock of the workers. Exit status 0 when everything published
    follows from the ledger, 1 when something does not."""
    from apps.history.audit import audit

    roster, ruleset, stations = settings.load_roster(), settings.load_ruleset(), settings.load_stations()
    try:
        with broker_errors(settings):
            result = audit(settings, roster, ruleset, stations, CONNECT_S)
    except SettingsError:
        raise
    except ValueError as error:
        raise CommandError(
            f"the ledger was not written with this clock, roster and number of partitions: {error}", exit_code=2
        ) from None
    for finding in result.findings:
        click.echo(finding)
    for partition in result.truncated:
        click.echo(f"partition {partition}: retention has deleted the ledger's beginning; nothing can be proven there")
    click.echo(f"{result.frames} frames folded; {result.escalations} escalations and {result.rows} rows agree")
    if result.findings:
        raise SystemExit(1)
