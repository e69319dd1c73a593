"""The board's web server: page, events, JSON, health and metrics. Every route is GET and changes nothing."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import orjson
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from agents import metrics
from agents.health import Health
from agents.settings import Settings
from agents.status import keep_status
from apps.board.allowed_hosts import AllowedHosts, HostCheck
from apps.board.board_state import BoardState, Staleness
from apps.board.broadcaster import Broadcaster
from apps.board.connections import ConnectionLimits, Connections
from apps.board.event_buffer import EventBuffer
from apps.board.file_descriptors import LARGEST, Capacity
from apps.board.kafka_reader import KafkaReader
from apps.board.listener import Listener, open_sockets
from apps.board.plain_errors import plain_errors
from apps.board.reader_progress import ReaderProgress
from apps.board.refusals import Refusals
from apps.board.security_headers import add_security_headers
from apps.board.static_files import build_of, load_static_files
from apps.board.viewers import ViewerConnections
from schemas.roster import Roster
from schemas.vocabulary import MINUTE_MS

STOP_S = 3.0
KEEP_ALIVE_S = 15.0
"""From the start of a connection, and from each answer, until the header of the next request must be complete. A page's
files come over one connection; a header of one packet that takes longer is held back on purpose."""
LINGER_S = 1.0
"""How long the body of a request, which no route reads, may still arrive."""
HEALTH_EVERY_S = 1.0
HEADERS_MAX, HEADER_MAX_BYTES = 64, 4096
"""Of a request. A browser behind a proxy sends some thirty, none of a kilobyte, since the board sets no cookies."""


log = logging.getLogger("siaga.board")


class BoardEnded(Exception):
    """The board can no longer show the table. One line that says why and what to do."""


class Board:
    """One board: reader, state, broadcaster and web application, wired together. Raises SettingsError."""

    def __init__(self, settings: Settings, roster: Roster, capacity: Capacity = LARGEST) -> None:
        self.settings, self.roster = settings, roster
        ruleset = settings.load_ruleset()
        self.state = BoardState(Staleness(ruleset.id, int(ruleset.silence.stale_after.value * MINUTE_MS)))
        self.buffer = EventBuffer()
        self.health = Health("board", settings.topic_prefix)
        self.reader = KafkaReader(settings, self.state, self._notify_changed, self.health)
        facts = {
            "clock": settings.clock.value,
            "build": build_of(),
            "deployment": settings.topic_prefix.rstrip("."),
            # By the wall clock each regency has a row at every grid time, as far as ticks come that often.
            "row_every_s": max(ruleset.ladder.step.value, settings.tick_seconds),
        }
        self.broadcaster = Broadcaster(roster, self.state, self.buffer, facts, self.reader.progress)
        self.viewers = ViewerConnections(self.buffer, self.broadcaster, viewers_max=capacity.viewers)
        self.refusals = Refusals()
        self._hosts = HostCheck(AllowedHosts(settings.board_hosts, settings.board_host), self.refusals)
        limits = ConnectionLimits.within(capacity.connections, settings.board_per_address)
        self.connections = Connections(limits, self.refusals)
        self.url = ""
        self._tasks: list[asyncio.Task[None]] = []

    def _notify_changed(self) -> None:
        self.broadcaster.notify_changed()

    @property
    def progress(self) -> ReaderProgress:
        """How far the board is behind Kafka."""
        return self.reader.progress

    def application(self) -> web.Application:
        """The routes, as an aiohttp application."""
        app = web.Application(middlewares=[self.connections.middleware(), self._hosts.middleware(), plain_errors()])
        app.on_response_prepare.append(add_security_headers)
        for url, file in load_static_files().items():
            app.router.add_get(url, file.respond)
        app.router.add_get("/events", self.viewers.events, allow_head=False)
        app.router.add_get("/api/risk", self.risk)
        app.router.add_get("/api/escalations", self.escalations)
        app.router.add_get("/api/regency/{code}", self.regency)
        app.router.add_get("/healthz", self.healthz)
        app.router.add_get("/metrics", self.metrics)
        return app

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator["Board"]:
        """Listen and read while the context lasts. Raises OSError when it cannot listen on the port."""
        runner = web.AppRunner(
            self.application(),
            handler_cancellation=True,
            access_log=None,
            shutdown_timeout=STOP_S,
            keepalive_timeout=KEEP_ALIVE_S,
            lingering_time=LINGER_S,
            max_headers=HEADERS_MAX,
            max_line_size=HEADER_MAX_BYTES,
            max_field_size=HEADER_MAX_BYTES,
        )
        await runner.setup()
        tasks = self._tasks = []
        listening: list[socket.socket] = []
        try:
            listening += await open_sockets(self.settings.board_host, self.settings.board_port)
            host, port = listening[0].getsockname()[:2]
            self.url = f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"
            works = {"reader": self.reader.run(), "broadcaster": self.broadcaster.run(), "health": self._watch_health()}
            works |= {"status": keep_status(self.settings, self.health)} | self._accepting(runner, listening)
            tasks += [asyncio.create_task(work, name=name) for name, work in works.items()]
            yield self
        finally:
            for task in tasks:
                task.cancel()
            self.viewers.close()
            await asyncio.gather(*tasks, return_exceptions=True)
            for one in listening:
                one.close()
            await runner.cleanup()

    def _accepting(self, runner: web.AppRunner, listening: list[socket.socket]) -> dict[str, Coroutine[Any, Any, None]]:
        """What accepts connections and ends them, by name."""
        assert runner.server is not None  # after setup()
        server = runner.server
        listeners = [Listener(one, server, self.connections, self.refusals) for one in listening]
        accepting = {f"listener {number}": listener.run() for number, listener in enumerate(listeners)}
        return {"sweep": self.connections.sweep()} | accepting

    async def _watch_health(self) -> None:
        """Raise BoardEnded when a part has made no progress for so long that a person should see it end."""
        while True:
            self.health.looked()
            await asyncio.sleep(HEALTH_EVERY_S)
            if stuck := self.health.hopeless():
                raise BoardEnded(stuck.line())

    async def until(self, stop: asyncio.Event) -> None:
        """Return when `stop` is set. Raises BoardEnded when a part of it ended: no board may serve old data, or
        nobody."""
        stopped = asyncio.create_task(stop.wait())
        done, _ = await asyncio.wait([stopped, *self._tasks], return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        for task in done - {stopped}:
            error = None if task.cancelled() else task.exception()
            if isinstance(error, BoardEnded):
                raise error
            log.debug("the %s ended", task.get_name(), exc_info=error)
            why = f"{type(error).__name__}: {error}" if error else "it was cancelled"
            raise BoardEnded(
                f"the board's {task.get_name()} ended ({why}), a defect of Siaga: start the board again and report this"
            )

    async def risk(self, request: web.Request) -> web.Response:
        """Every risk row with all fields, in code order."""
        return _json({"rows": [row for _, row in sorted(self.state.rows.items())], "provinces": self.state.provinces})

    async def escalations(self, request: web.Request) -> web.Response:
        """The newest escalations with all fields, newest first."""
        return _json({"escalations": self.state.escalations()})

    async def regency(self, request: web.Request) -> web.Response:
        """One regency with its row, escalations, score history and neighbours; 404 when nothing knows its code."""
        code = request.match_info["code"]
        place = self.roster.get(code)
        if place is None and code not in self.state.rows:
            return _json({"error": "no such regency"}, status=404)
        name = place.name if place else self.state.rows[code]["name"]
        neighbours = [[near, self.roster[near].name] for near in place.neighbours] if place else []
        return _json(self.state.regency(code) | {"name": name, "neighbours": neighbours})

    async def healthz(self, request: web.Request) -> web.Response:
        """200 when the reader was at the end of every partition seconds ago, else 503; the body says why."""
        stuck = self.health.report()
        view = self.progress.view() | {"regencies": len(self.state.rows), "viewers": self.broadcaster.viewers}
        view["unreadable_regencies"] = sorted(self.state.unreadable)
        if stuck["status"] == "ok":
            del stuck["status"]
        is_well = self.progress.healthy and not self.health.stuck()
        return _json(view | stuck, status=200 if is_well else 503)

    async def metrics(self, request: web.Request) -> web.Response:
        """The board's own metrics; its lag is measured at the moment of the request."""
        metrics.set_stuck(self.health)
        metrics.BOARD_BEHIND.set(self.broadcaster.behind_s)
        metrics.BOARD_LAG_RECORDS.set(self.progress.lag_records)
        return web.Response(body=generate_latest(metrics.BOARD), headers={"Content-Type": CONTENT_TYPE_LATEST})


def _json(value: object, status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(value), status=status, content_type="application/json")
