"""The board's connections: how many there may be, in all and of one address, and which of them are ended.

aiohttp ends a connection whose request header is not complete in time (`keepalive_timeout`, from its first byte or the
last answer on). It has no limit of connections, waits for ever for a client that does not read, and takes further
requests of a client whose event stream never ends. All of that is here, around its protocol."""

import asyncio
import ipaddress
import time
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple, cast

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from agents import metrics
from apps.board.refusals import Refusal, Refusals

SWEEP_S = 1.0
UNREAD_S = 30.0
"""A client that takes nothing of what waits for it for so long is cut off: a phone between two cells is back by then,
and a browser comes back with its last event id."""
IDLE_LEAST_S = 2.0
"""When all connections are taken, one that has asked nothing for so long, or nothing yet, is ended for a new one: the
packet of a request is there by then, and a browser whose connection ended while it was idle opens another."""
IPV6_PREFIX = 64
"""Of one subscriber: whoever has one IPv6 address has all that begin like it."""


class ConnectionLimits(NamedTuple):
    """How many connections there may be, and how many of one address."""

    total: int
    per_address: int

    @classmethod
    def within(cls, total: int, per_address: int) -> "ConnectionLimits":
        """`per_address` 0: no limit of its own. Else one address has half of `total` at most."""
        return cls(total, min(per_address, total // 2) if per_address else total)


class Connections:
    """All connections of one board, by address."""

    def __init__(self, limits: ConnectionLimits, refusals: Refusals, unread_s: float = UNREAD_S) -> None:
        self._limits, self._refusals, self._unread_s = limits, refusals, unread_s
        self._open: set[Connection] = set()
        self._idle: dict[Connection, float] = {}  # since when, the longest first
        self._by_address: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._open)

    def refusal(self, address: str) -> Refusal | None:
        """Why a further connection of this address is refused; None if it is not, for which an idle one may end."""
        if self._by_address[_counted(address)] >= self._limits.per_address:
            return Refusal.ADDRESS
        if len(self._open) >= self._limits.total and not self._end_an_idle_one():
            return Refusal.FULL
        return None

    def open(self, address: str, handler: asyncio.Protocol) -> "Connection":
        """The protocol of an accepted connection around aiohttp's, counted until it is lost or `close`d."""
        counted = _counted(address)
        connection = Connection(handler, lambda: self._remove(connection, counted), self._refusals)
        self._open.add(connection)
        self._idle[connection] = time.monotonic()
        self._by_address[counted] += 1
        metrics.BOARD_CONNECTIONS.set(len(self._open))
        return connection

    def middleware(self) -> Middleware:
        """For `web.Application`, as the first: it knows which connections have a request in progress."""

        @web.middleware
        async def busy(request: web.Request, handler: Handler) -> web.StreamResponse:
            connection = Connection.of(request)
            if connection is not None:
                self._idle.pop(connection, None)
            try:
                return await handler(request)
            finally:
                if connection in self._open:
                    self._idle[connection] = time.monotonic()

        return busy

    async def sweep(self) -> None:
        """Cut off clients that do not read, until cancelled."""
        while True:
            await asyncio.sleep(SWEEP_S)
            now_s = time.monotonic()
            for connection in tuple(self._open):
                if connection.unread_s(now_s) > self._unread_s:
                    connection.abort(Refusal.UNREAD, "a client that did not read what it asked for was cut off")

    def _end_an_idle_one(self) -> bool:
        """End the connection that has been idle for longest, if that is long enough and nothing waits for it."""
        now_s = time.monotonic()
        for connection, since_s in self._idle.items():
            if now_s - since_s < IDLE_LEAST_S:
                return False
            if not connection.waiting:
                connection.abort(Refusal.FULL, "too many connections: idle ones are ended for new ones")
                connection.close()
                return True
        return False

    def _remove(self, connection: "Connection", counted: str) -> None:
        if connection in self._open:
            self._open.remove(connection)
            self._idle.pop(connection, None)
            self._by_address[counted] -= 1
            if not self._by_address[counted]:
                del self._by_address[counted]
            metrics.BOARD_CONNECTIONS.set(len(self._open))


class Connection(asyncio.Protocol):
    """One connection: passes everything on to aiohttp's protocol.

    What a client sends while it does not read, or behind its request for events, is not taken: aiohttp would keep 32
    such requests in memory, a megabyte each."""

    def __init__(self, handler: asyncio.Protocol, closed: Callable[[], None], refusals: Refusals) -> None:
        self._handler, self._closed, self._refusals = handler, closed, refusals
        self._transport: asyncio.Transport | None = None
        self._streams = False
        self._unread, self._read_at_s = 0, time.monotonic()

    @staticmethod
    def of(request: web.Request) -> "Connection | None":
        """The connection that a request came by; None on a server that has none of these."""
        transport = request.transport
        found = transport.get_protocol() if transport is not None else None
        return found if isinstance(found, Connection) else None

    def expect_nothing_more(self) -> None:
        """The answer never ends, so nothing else may be asked: from here on what the client sends ends it."""
        self._streams = True

    @property
    def waiting(self) -> int:
        """Bytes that the client has not taken yet, beyond what the operating system holds for it."""
        return self._transport.get_write_buffer_size() if self._transport else 0

    def unread_s(self, now_s: float) -> float:
        """Seconds since the client last took a part of what waits for it; 0 when nothing waits. Call it regularly."""
        waiting = self.waiting
        if not waiting or waiting < self._unread:
            self._read_at_s = now_s
        self._unread = waiting
        return now_s - self._read_at_s

    def abort(self, reason: Refusal, what: str) -> None:
        """End it without waiting for what is unread. `what` is for the log."""
        self._refusals.add(reason, what)
        if self._transport is not None:
            self._transport.abort()

    def close(self) -> None:
        """Count it no more, before it is lost or when it was never made."""
        self._closed()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._handler.connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._closed()
        self._handler.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._streams:
            self.abort(Refusal.EXCESS, "a client that sent more behind its request for events was cut off")
        else:
            self._handler.data_received(data)

    def eof_received(self) -> bool | None:
        return self._handler.eof_received()

    def pause_writing(self) -> None:
        if self._transport is not None:
            self._transport.pause_reading()
        self._handler.pause_writing()

    def resume_writing(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()
        self._handler.resume_writing()


def _counted(address: str) -> str:
    """What connections are counted by: an IPv4 address, or the network of an IPv6 address."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    return str(parsed.ipv4_mapped or ipaddress.ip_network((parsed, IPV6_PREFIX), strict=False))
