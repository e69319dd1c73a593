"""A small client of server-sent events."""

import asyncio
from typing import NamedTuple, Self

import aiohttp
import orjson


class Event(NamedTuple):
    name: str
    id: str | None
    data: dict


class Stream:
    """One connection to /events. `await stream.next()` returns the next event, heartbeats included."""

    def __init__(self, url: str, last_id: str | None = None) -> None:
        self._url = url + "events"
        self._headers = {"Last-Event-ID": last_id} if last_id else {}

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(read_bufsize=1 << 22)
        self._response = await self._session.get(self._url, headers=self._headers)
        assert self._response.status == 200
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._session.close()

    @property
    def headers(self):
        return self._response.headers

    async def next(self, within_s: float = 10) -> Event:
        return await asyncio.wait_for(self._next(), within_s)

    async def until(self, name: str) -> Event:
        """The next event of that name."""
        while (event := await self.next()).name != name:
            pass
        return event

    async def _next(self) -> Event:
        fields: dict[str, str] = {}
        while True:
            line = (await self._response.content.readuntil(b"\n")).decode().rstrip("\n")
            if not line and "event" in fields:
                return Event(fields["event"], fields.get("id"), orjson.loads(fields["data"]))
            name, _, value = line.partition(": ")
            if name:
                fields[name] = value
