"""`siaga worker`: intake and risk shards on Faust, metrics on loopback."""

import click

from agents.collector import collector_rests
from agents.settings import Settings
from apps.cli.options import CommandError, with_settings


@click.command()
@with_settings(
    "partitions",
    "group",
    "instance",
    "roster",
    "rules",
    "clock",
    "tick_seconds",
    "idle_seconds",
    "metrics_host",
    "metrics_port",
    "sources",
    "log_format",
    "log_level",
)
def command(settings: Settings) -> None:
    """Run a worker: intake and risk.

    Start as many as you like: with one lane (SIAGA_LANES) two have a stage each, and what is beyond twice the lanes
    stands by. Give each an --instance of its own, and a restart within the session timeout (10 s) takes its partitions
    back at once."""
    with collector_rests():
        from agents.worker import WorkerError, run_worker

    try:
        run_worker(settings)
    except WorkerError as error:
        raise CommandError(str(error)) from None
