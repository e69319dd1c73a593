"""A board in this process without Kafka: tests write its state, and say how far it has read."""

import asyncio
import time
from typing import Self

import orjson

from agents.settings import Settings
from apps.board.server import Board
from apps.board.trouble import Trouble
from schemas.roster import Roster
from tests.apps.board.records import current_row

AHEAD_S = 1_000_000.0


class BoardWithoutKafka:
    """An async context manager. It counts as read to the end until `unread` is called."""

    def __init__(self, **settings) -> None:
        self.settings = Settings.load({}, broker="127.0.0.1:1", topic_prefix="papan.", board_port=0, **settings)
        self._made()

    def _made(self) -> None:
        self.board = Board(self.settings, Roster.default())
        self.board.reader.run = self._read_nothing
        self.board.progress.caught_up = True
        self.board.progress.trouble = Trouble.NONE
        self.board.progress.at_end_s = time.monotonic() + AHEAD_S

    @staticmethod
    async def _read_nothing() -> None:
        await asyncio.Event().wait()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.stop()

    async def start(self) -> None:
        self._serving = self.board.serving()
        await self._serving.__aenter__()

    async def stop(self) -> None:
        await self._serving.__aexit__(None, None, None)

    async def restart(self) -> None:
        """Another board at the same address: another epoch, and nothing in its state."""
        port = int(self.board.url.rsplit(":", 1)[1].rstrip("/"))
        self.settings = self.settings.model_copy(update={"board_port": port})
        self._made()
        await self.start()

    def unread(self, seconds: float, trouble: Trouble = Trouble.BROKER) -> None:
        """It has not been at the end for so long, and why."""
        self.board.progress.at_end_s = time.monotonic() - seconds
        self.board.progress.trouble = trouble

    def write(self, *codes: str, ago_s: float = 0, **fields) -> None:
        """A row for each of these regencies (none: for all), written so long ago."""
        written_ms = int((time.time() - ago_s) * 1000)
        for code in codes or Roster.default():
            self.put(current_row(code, **fields | {"name": Roster.default()[code].name}), written_ms)

    def put(self, row: dict, written_ms: int | None = None) -> None:
        """One row."""
        written_ms = int(time.time() * 1000) if written_ms is None else written_ms
        self.board.state.put_row(row["regency"], orjson.dumps(row), written_ms)
        self.board.broadcaster.notify_changed()

    def escalate(self, escalation: dict) -> None:
        """One escalation."""
        self.board.state.put_escalation(orjson.dumps(escalation), int(time.time() * 1000), 0, 0)
        self.board.broadcaster.notify_changed()
