"""Listens and accepts for the board. asyncio's own accept loop has no limit of connections, and when file descriptors
run out it logs an error for each place of the backlog, a thousand at once, every second."""

import asyncio
import contextlib
import errno
import socket

from aiohttp import web

from apps.board.connections import Connections
from apps.board.refusals import Refusal, Refusals

BACKLOG = 1024
ACCEPT_RETRY_S = 0.2
"""Between two tries while no descriptor is free: five a second cost nothing, and nobody notices the delay."""

_OUT_OF_RESOURCES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_WHAT = {
    Refusal.FULL: "too many connections; a higher limit of file descriptors admits more",
    Refusal.ADDRESS: "too many connections of one address; behind a proxy set SIAGA_BOARD_PER_ADDRESS=0",
}


async def open_sockets(host: str, port: int) -> list[socket.socket]:
    """Listening sockets, one for each address of `host`. Raises OSError when one of them cannot be had."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    with contextlib.ExitStack() as opened:
        sockets = []
        for family, address in dict.fromkeys((entry[0], entry[4]) for entry in found):
            made = opened.enter_context(socket.create_server(address, family=family, backlog=BACKLOG))
            made.setblocking(False)
            sockets.append(made)
        opened.pop_all()
    return sockets


class Listener:
    """Accepts the connections of one listening socket."""

    def __init__(
        self, listening: socket.socket, server: web.Server, connections: Connections, refusals: Refusals
    ) -> None:
        self._listening, self._server = listening, server
        self._connections, self._refusals = connections, refusals

    async def run(self) -> None:
        """Accept until cancelled. What cannot be accepted at the moment is tried again."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                accepted, peer = await loop.sock_accept(self._listening)
            except OSError as error:  # or one that was lost before it was accepted: the next may be whole
                if error.errno in _OUT_OF_RESOURCES:
                    self._refusals.add(Refusal.DESCRIPTORS, f"cannot accept a connection: {error.strerror}")
                await asyncio.sleep(ACCEPT_RETRY_S)
                continue
            await self._admit(accepted, peer[0])

    async def _admit(self, accepted: socket.socket, address: str) -> None:
        if reason := self._connections.refusal(address):
            self._refusals.add(reason, _WHAT[reason])
            _refuse(accepted, _WHAT[reason])
            return
        connection = self._connections.open(address, self._server())
        try:
            await asyncio.get_running_loop().connect_accepted_socket(lambda: connection, accepted)
        except OSError:  # lost meanwhile
            connection.close()
            accepted.close()


def _refuse(accepted: socket.socket, what: str) -> None:
    """Say why, if the socket takes it at once, and close it."""
    body = what.encode() + b"\n"
    head = (
        "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\nCache-Control: no-store\r\n"
        f"Connection: close\r\nRetry-After: 15\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with accepted, contextlib.suppress(OSError):
        accepted.send(head.encode() + body)
        accepted.shutdown(socket.SHUT_WR)
