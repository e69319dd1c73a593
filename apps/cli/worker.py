"""`siaga worker`: intake and risk shards on Faust, metrics on loopback."""

import click

from agents.garbage_collection import gc_paused
from agents.settings import Settings
from apps.cli.options import CommandError, with_settings


@click.command()
@with_settings(
    "partitions",
    "lanes",
    "group",
    "instance",
    "roster",
    "stations",
    "rules",
    "sources_file",
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

    Start any number: they share the partitions of both stages, and those beyond twice the number of partitions stand
    by. With an --instance of its own, a worker that restarts within the session timeout (10 s) keeps its partitions."""
    with gc_paused():
        from agents.start_checks import StartRefused
        from agents.worker import WorkerEnded, run_worker

    try:
        run_worker(settings)
    except (StartRefused, WorkerEnded) as error:
        raise CommandError(str(error)) from None
