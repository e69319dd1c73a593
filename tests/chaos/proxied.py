"""A broker with a second listener, which advertises a proxy that delays, cuts and half-opens connections.

Publishers and the laws use the first listener, workers the second. The proxy knows one thing of Kafka's protocol: a
request is a length and an api key, so that it can hold back the requests that end transactions.
"""

import asyncio
import struct
from collections.abc import Callable
from contextlib import suppress

from apps.embedded import EmbeddedBroker
from apps.embedded.ports import LOOPBACK, free_port

END_TXN = 26
CHUNK = 1 << 16


class ProxiedBroker(EmbeddedBroker):
    """The embedded broker, and a listener PROXIED that advertises `proxy_port`."""

    def __init__(self, directory, proxy_port: int) -> None:
        super().__init__(directory)
        self.proxy_port = proxy_port
        self.back_port = free_port()

    def _prepare(self) -> None:
        super()._prepare()
        path = self.directory / "server.properties"
        lines = []
        for line in path.read_text().splitlines():
            name, _, value = line.partition("=")
            if name == "listeners":
                value += f",PROXIED://{LOOPBACK}:{self.back_port}"
            elif name == "advertised.listeners":
                value += f",PROXIED://{LOOPBACK}:{self.proxy_port}"
            elif name == "listener.security.protocol.map":
                value += ",PROXIED:PLAINTEXT"
            lines.append(f"{name}={value}")
        lines.append("inter.broker.listener.name=PLAINTEXT")
        path.write_text("\n".join(lines) + "\n")


class Proxy:
    """Forwards `port` to `target`. Its faults are attributes, live: set and reset them while connections run."""

    def __init__(self, port: int, target: int) -> None:
        self.port, self.target = port, target
        self.delay_s = 0.0
        self.refuse = False
        #: Accepts and swallows, forwards nothing either way: a half-open connection.
        self.mute = False
        #: Holds back EndTxn requests, and with them what follows on the same connection.
        self.hold_end_txn = False
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> "Proxy":
        self._server = await asyncio.start_server(self._serve, LOOPBACK, self.port, limit=CHUNK)
        return self

    async def stop(self) -> None:
        self._server.close()
        self.cut()

    def cut(self) -> None:
        """Reset every connection now."""
        for writer in list(self._writers):
            writer.transport.abort()

    def reset(self) -> None:
        self.delay_s, self.refuse, self.mute, self.hold_end_txn = 0.0, False, False, False

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refuse:
            writer.transport.abort()
            return
        try:
            back_reader, back_writer = await asyncio.open_connection(LOOPBACK, self.target)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, back_writer}
        try:
            await asyncio.gather(self._requests(reader, back_writer), self._answers(back_reader, writer))
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            for end in (writer, back_writer):
                self._writers.discard(end)
                end.transport.abort()

    async def _requests(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await reader.readexactly(6)
            size, api = struct.unpack("!ih", head)
            left = size - 2
            await self._hold_back(lambda api=api: self.mute or (self.hold_end_txn and api == END_TXN))
            writer.write(head)
            while left:
                chunk = await reader.readexactly(min(left, CHUNK))
                writer.write(chunk)
                await writer.drain()
                left -= len(chunk)

    async def _answers(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(CHUNK):
            await self._hold_back(lambda: self.mute)
            writer.write(chunk)
            await writer.drain()
        with suppress(OSError):
            writer.write_eof()
        raise ConnectionResetError

    async def _hold_back(self, held: Callable[[], bool]) -> None:
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        while held():
            await asyncio.sleep(0.05)
