"""`siaga board`: serve the risk table as one live page."""

import asyncio
import logging
import signal

import click

from agents.kafka.refusals import refusal
from agents.logs import configure_logging
from agents.settings import LogLevel, Settings
from apps.board.file_descriptors import Capacity, raise_descriptor_limit
from apps.board.server import Board, BoardEnded
from apps.cli.options import CommandError, with_settings


@click.command("board")
@with_settings(
    "roster",
    "rules",
    "clock",
    "tick_seconds",
    "board_host",
    "board_port",
    "board_hosts",
    "board_per_address",
    "log_format",
    "log_level",
)
def command(settings: Settings) -> None:
    """Serve the board: the risk table as one live page, read-only.

    Listens on loopback unless --board-host says otherwise. It has no login; beyond loopback, put an authenticating
    proxy in front of it."""
    roster = settings.load_roster()
    if line := refusal(settings):  # the board waits for an absent broker, but not for one that refuses it
        raise CommandError(line)
    configure_logging(settings)
    if settings.log_level is not LogLevel.DEBUG:  # the client logs each attempt; the board's own lines replace its
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    try:
        asyncio.run(_serve(Board(settings, roster, Capacity.of(raise_descriptor_limit()))))
    except BoardEnded as error:
        raise CommandError(str(error)) from None
    except OSError as error:
        where = f"{settings.board_host}:{settings.board_port}"
        raise CommandError(f"the board cannot listen on {where}: {error.strerror or error}") from None


async def _serve(board: Board) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with board.serving():
        click.echo(f"board: {board.url}")
        await board.until(stop)
