"""`siaga audit`: prove from the ledger what was published."""

import asyncio
import logging

import click
from aiokafka.errors import KafkaError

from agents.settings import Settings
from apps.cli.broker_errors import broker_errors
from apps.cli.options import CommandError, with_settings


@click.command()
@with_settings("partitions", "roster", "rules", "clock")
def command(settings: Settings) -> None:
    """Fold the ledger again and hold published escalations and rows against it.

    Use the roster, ruleset and clock the workers used. Exit status 0 when everything published follows from the ledger,
    1 when something does not."""
    from agents.policy import load_roster, load_ruleset
    from apps.history.audit import audit

    try:
        roster = load_roster(settings.roster)
        ruleset = load_ruleset(settings.rules)
    except (ValueError, OSError) as error:
        raise CommandError(str(error), exit_code=2) from None
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # the line below says it once
    try:
        with broker_errors(settings):
            result = asyncio.run(audit(settings, roster, ruleset))
    except ValueError as wrong:
        raise CommandError(
            f"the ledger was not written with this clock, roster and number of partitions: {wrong}", exit_code=2
        ) from None
    except KafkaError as error:
        raise CommandError(f"broker {settings.broker}: {type(error).__name__}: {error}") from None
    for finding in result.findings:
        click.echo(finding)
    for partition in result.truncated:
        click.echo(f"partition {partition}: the ledger no longer holds its beginning; nothing can be proven there")
    click.echo(f"{result.frames} frames folded; {result.escalations} escalations and {result.rows} rows agree")
    if result.findings:
        raise SystemExit(1)
