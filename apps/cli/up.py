"""`siaga up`: all of Siaga on this machine."""

import os
import sys

import click

from agents.settings import Settings
from apps.cli.options import CommandError, load_settings
from apps.cli.terminal import siaga_command
from apps.devstack.ports import choose_ports
from apps.devstack.run_directory import RunDirectory, UpError
from apps.devstack.session import RunOptions, Session
from apps.embedded import BrokerError, private
from apps.embedded.home import home
from apps.embedded.jars import Progress

DEFAULT_BROKER_PORT = 9092
DEFAULT_SPEED = 120.0
_MIB = 1 << 20


@click.command(name="up")
@click.option("--fresh", is_flag=True, help="Delete the data of earlier runs first.")
@click.option("--speed", default=DEFAULT_SPEED, show_default=True, help="Simulated seconds per second.")
@click.option(
    "--broker-port", default=DEFAULT_BROKER_PORT, show_default=True, help="0 takes a free one, as for all ports."
)
@click.option(
    "--board-port", metavar="VALUE", help=f"{Settings.model_fields['board_port'].description} [SIAGA_BOARD_PORT]"
)
@click.option("--metrics-port", metavar="VALUE", help="port of the first worker's /metrics [SIAGA_METRICS_PORT]")
@click.option(
    "--brokers", type=click.Choice(["1", "3"]), default="1", show_default=True, help="3: any one may be killed."
)
def command(
    fresh: bool, speed: float, broker_port: int, board_port: str | None, metrics_port: str | None, brokers: str
) -> None:
    """Run all of Siaga on this machine: Kafka, topics, two workers, the board and a simulated election day.

    Kafka is downloaded on the first run and its data survives a restart; each run simulates the next day. Prints level
    changes. Ctrl-C stops everything. SIAGA_HOME names another directory than `.siaga` for the data. With --brokers 3
    every record has three copies, two of which must be written; the ports are --broker-port and the two after it."""
    if not 0 < speed <= 100_000:
        raise CommandError("--speed: must be above 0 and at most 100000", exit_code=2)
    if not 0 <= broker_port <= 65535:
        raise CommandError("--broker-port: must be 0 to 65535", exit_code=2)
    settings = load_settings(board_port=board_port, metrics_port=metrics_port)
    os.umask(private.UMASK)  # reports and logs are for this user only
    directory = RunDirectory(home() / "up")
    try:
        with directory.locked():
            ports = choose_ports(broker_port, settings.board_port, settings.metrics_port, int(brokers))
            directory.prepare(fresh)
            options = RunOptions(speed, click.echo, _progress(), siaga_command())
            Session(settings, directory, ports, options).run()
    except (UpError, BrokerError) as error:
        raise CommandError(str(error)) from None
    click.echo("all stopped")


def _progress() -> Progress:
    """Print how much of Kafka is downloaded: one line that is rewritten on a terminal, else a line per quarter."""
    printed = -1

    def report(done: int, total: int) -> None:
        nonlocal printed
        step = done * (100 if sys.stderr.isatty() else 4) // total
        if step == printed:
            return
        printed = step
        text = f"downloading Apache Kafka, {done / _MIB:.0f} of {total / _MIB:.0f} MiB"
        if sys.stderr.isatty():
            click.echo(f"\r{text}" + ("\n" if done == total else ""), nl=False, err=True)
        else:
            click.echo(text, err=True)

    return report
