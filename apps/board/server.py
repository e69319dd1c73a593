"""The board's web server: pages, JSON, health and metrics. Everything is GET, nothing is writable."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import orjson
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from agents import metrics
from agents.settings import Settings
from apps.board.assets import load_assets
from apps.board.descriptors import VIEWERS_MAX
from apps.board.feed import Feed
from apps.board.headers import secure
from apps.board.journal import Journal
from apps.board.publisher import Publisher
from apps.board.table import BoardTable
from apps.board.viewers import Viewers
from schemas.roster import Roster

STOP_S = 3.0
KEEP_ALIVE_S = 15.0
"""A page's parts come over one connection; kept for longer it only holds a descriptor."""


class Board:
    """One board: table, journal, feed and web application, wired together. Raises SettingsError."""

    def __init__(self, settings: Settings, roster: Roster, viewers_most: int = VIEWERS_MAX) -> None:
        self.settings, self.roster = settings, roster
        self.table = BoardTable()
        self.journal = Journal()
        self.publisher = Publisher(roster, self.table, self.journal, {"clock": settings.clock.value})
        self.feed = Feed(settings, self.table, self.publisher.changed)
        self.publisher.state = self.feed.state
        self.viewers = Viewers(self.journal, self.publisher, most=viewers_most)
        self.url = ""
        self._tasks: list[asyncio.Task] = []

    def application(self) -> web.Application:
        app = web.Application()
        app.on_response_prepare.append(secure)
        for url, asset in load_assets().items():
            app.router.add_get(url, _serve_asset(asset))
        app.router.add_get("/events", self.viewers.events, allow_head=False)
        app.router.add_get("/api/risk", self.risk)
        app.router.add_get("/api/escalations", self.escalations)
        app.router.add_get("/api/regency/{code}", self.regency)
        app.router.add_get("/healthz", self.healthz)
        app.router.add_get("/metrics", self.metrics)
        return app

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator["Board"]:
        """Listen and read while the context lasts. Raises OSError when the port cannot be had."""
        runner = web.AppRunner(
            self.application(), handler_cancellation=True, access_log=None, shutdown_timeout=STOP_S, keepalive_timeout=KEEP_ALIVE_S,
        )  # fmt: skip
        await runner.setup()
        site = web.TCPSite(runner, self.settings.board_host, self.settings.board_port, backlog=1024)
        tasks = self._tasks = []
        try:
            await site.start()
            host, port = runner.addresses[0][:2]
            self.url = f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"
            tasks += [asyncio.create_task(self.feed.run()), asyncio.create_task(self.publisher.run())]
            yield self
        finally:
            for task in tasks:
                task.cancel()
            self.viewers.close()
            await asyncio.gather(*tasks, return_exceptions=True)
            await runner.cleanup()

    async def until(self, stop: asyncio.Event) -> None:
        """Return when `stop` is set. Raises what ended the reading or the publishing: a board that stands still must
        not stay up.
        """
        stopped = asyncio.create_task(stop.wait())
        done, _ = await asyncio.wait([stopped, *self._tasks], return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        for task in done:
            task.result()

    async def risk(self, request: web.Request) -> web.Response:
        """Every risk row in full, as on the topic, in code order."""
        return _json({"rows": [row for _, row in sorted(self.table.rows.items())], "provinces": self.table.provinces})

    async def escalations(self, request: web.Request) -> web.Response:
        """The newest escalations in full, newest first."""
        return _json({"escalations": self.table.escalations()})

    async def regency(self, request: web.Request) -> web.Response:
        code = request.match_info["code"]
        place = self.roster.get(code)
        if place is None and code not in self.table.rows:
            return _json({"error": "no such regency"}, status=404)
        name = place.name if place else self.table.rows[code].get("name", code)
        neighbours = [[near, self.roster[near].name] for near in place.neighbours] if place else []
        return _json(self.table.regency(code) | {"name": name, "neighbours": neighbours})

    async def healthz(self, request: web.Request) -> web.Response:
        """200 when every partition was read to its end within the last seconds, else 503 and why."""
        state = self.feed.state
        view = state.view() | {"regencies": len(self.table.rows), "viewers": self.publisher.viewers}
        return _json(view, status=200 if state.healthy else 503)

    async def metrics(self, request: web.Request) -> web.Response:
        """The board's own metrics; ages as of now."""
        metrics.BOARD_BEHIND.set(self.publisher.behind_s)
        metrics.BOARD_LAG_RECORDS.set(self.feed.state.lag_records)
        return web.Response(body=generate_latest(metrics.BOARD), headers={"Content-Type": CONTENT_TYPE_LATEST})


def _serve_asset(asset) -> Callable:
    async def handler(request: web.Request) -> web.Response:
        return asset.response(request)

    return handler


def _json(value: object, status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(value), status=status, content_type="application/json")
