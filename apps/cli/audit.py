"""`siaga audit`: prove from the ledger what was published."""

from typing import TYPE_CHECKING

import click

from agents.settings import Settings
from apps.cli.broker import CONNECT_S, ledger_errors
from apps.cli.options import with_settings

if TYPE_CHECKING:
    from apps.history.audit import Audit


@click.command()
@with_settings("partitions", "roster", "stations", "rules", "sources_file", "clock")
def command(settings: Settings) -> None:
    """Fold the ledger again and compare published escalations and rows, and the ledger with the inputs.

    Every escalation, row and notice must follow from the ledger, every report on it from the input record that it
    names, and every input must be on it or rejected, once. Records of the ledger that are no frames and decisions of
    people are listed. Give it the roster, station roster, ruleset, sources file and clock of the workers. Exit status 0
    when everything follows, 1 when something does not."""
    from apps.history.audit import audit

    roster, ruleset, stations = settings.load_roster(), settings.load_ruleset(), settings.load_stations()
    with ledger_errors(settings):
        result = audit(settings, roster, ruleset, stations, CONNECT_S)
    for line in lines(result):
        click.echo(line)
    if result.findings:
        raise SystemExit(1)


def lines(result: "Audit") -> list[str]:
    """What is printed: decisions and what is no frame, findings, what cannot be proven, and counts."""
    inputs = result.inputs
    unproven = [
        f"partition {partition}: retention has deleted the ledger's beginning; what was published cannot be proven"
        for partition in result.truncated
    ]
    unproven += [f"{count} {what} cannot be proven" for what, count in sorted(inputs.unproven.items())]
    noted = []
    if inputs.stamped_early:
        noted.append(f"{inputs.stamped_early} entries have a time before the append: a broker's clock was ahead")
    if inputs.admitted_now:
        noted.append(f"{inputs.admitted_now} rejected inputs would be admitted now, by these files or another clock")
    counts = [
        f"{inputs.records} inputs, {result.notices} notices, {len(result.quarantined)} records that are no frames",
        f"{result.frames} frames folded; {result.escalations} escalations and {result.rows} rows agree",
    ]
    return [*result.changes, *result.decisions, *result.quarantined, *result.findings, *unproven, *noted, *counts]
