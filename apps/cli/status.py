"""`siaga status`: who works, how far behind, what is stuck and what to do."""

import dataclasses

import click
import orjson

from agents.settings import Settings
from apps.cli.broker import CONNECT_S, broker_errors
from apps.cli.options import with_settings
from apps.status.overview import lines, problems
from apps.status.reading import overview


@click.command(name="status")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of lines.")
@with_settings("partitions", "group", "sources_file")
def command(settings: Settings, as_json: bool) -> None:
    """Print the deployment's processes, its lag in seconds, what makes no progress, why, and what to do.

    Read from Kafka: the workers' group, and what each process says of itself every few seconds. Exit status 0 when
    everything works, 1 when something does not or the broker does not answer."""
    with broker_errors(settings):
        found = overview(settings, CONNECT_S)
    if as_json:
        click.echo(orjson.dumps(dataclasses.asdict(found) | {"problems": problems(found)}))
    else:
        for line in lines(found):
            click.echo(line)
    if problems(found):
        raise SystemExit(1)
