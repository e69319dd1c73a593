"""The network between brokers, and between workers and brokers, of our own: what goes over it can be cut.

Every listener that brokers and workers use advertises a proxy here. A connection's origin is the process that holds its
other end (/proc, so Linux only), so each pair of brokers has a line of its own. It runs in a thread with its own event
loop: a test that is busy must not look like a network that fails.
"""

import asyncio
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from apps.embedded import EmbeddedCluster, Extra
from apps.embedded.ports import LOOPBACK, free_port

WORKERS = 0  # in place of a node's number
CHUNK = 1 << 16
_POLL_S = 0.05
#: Loopback as the kernel writes it. Java's sockets are of IPv6, whatever they connect to.
_TABLES = (("tcp6", b"0000000000000000FFFF00000100007F"), ("tcp", b"0100007F"))


class Line(NamedTuple):
    """From whom (a node, or WORKERS) to which node; a cut is made in both directions."""

    source: int
    node: int


class Network:
    """Forwards each of its ports to a broker's. `mute` are lines on which nothing arrives and nothing is refused,
    `refused` those on which connections are reset."""

    def __init__(self) -> None:
        self.mute: frozenset[Line] = frozenset()
        self.refused: frozenset[Line] = frozenset()
        #: The node that each running process is.
        self.nodes_by_pid: Callable[[], dict[int, int]] = dict
        #: How often something was held back or refused since the last cut.
        self.stopped = 0
        self._open: dict[Line, set[asyncio.StreamWriter]] = {}
        self._servers: list[asyncio.Server] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="network", daemon=True)
        self._thread.start()

    def serve(self, port: int, target: int, node: int, is_for_workers: bool) -> None:
        """Forward `port` to `target`, a port of this node."""

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            origin = WORKERS if is_for_workers else self._origin(writer.get_extra_info("peername")[1], port)
            if origin is None:  # closed meanwhile
                writer.transport.abort()
                return
            await self._forward(reader, writer, target, Line(origin, node))

        serving = asyncio.start_server(connected, LOOPBACK, port, limit=CHUNK)
        self._servers.append(asyncio.run_coroutine_threadsafe(serving, self._loop).result())

    def cut(self, lines: set[Line], is_mute: bool) -> None:
        """Mute, or reset and refuse, what runs on these lines."""
        self.stopped = 0
        both = frozenset(lines) | {Line(line.node, line.source) for line in lines if line.source != WORKERS}
        if is_mute:
            self.mute = both
        else:
            self.refused = both
            self._loop.call_soon_threadsafe(self._reset, both)

    def heal(self) -> None:
        self.mute = self.refused = frozenset()

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _end(self) -> None:
        for server in self._servers:
            server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def _reset(self, lines: frozenset[Line]) -> None:
        for line in lines:
            for writer in self._open.get(line, ()):
                writer.transport.abort()

    def _origin(self, port: int, to: int) -> int | None:
        """The node whose process holds the other end of a connection between these ports."""
        inode = _inode_of(port, to)
        for pid, node in self.nodes_by_pid().items() if inode else ():
            if inode in _sockets_of(pid):
                return node
        return None

    async def _forward(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: int, line: Line
    ) -> None:
        if line in self.refused:
            self.stopped += 1
            writer.transport.abort()
            return
        try:
            back_reader, back_writer = await asyncio.open_connection(LOOPBACK, target, limit=CHUNK)
        except OSError:
            writer.transport.abort()
            return
        ends = {writer, back_writer}
        self._open.setdefault(line, set()).update(ends)
        there, back = self._copy(reader, back_writer, line), self._copy(back_reader, writer, line)
        try:
            await asyncio.wait(
                [asyncio.ensure_future(there), asyncio.ensure_future(back)], return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            self._open[line] -= ends
            for end in ends:
                end.transport.abort()

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, line: Line) -> None:
        with suppress(OSError):
            while chunk := await reader.read(CHUNK):
                self.stopped += line in self.mute
                while line in self.mute:
                    await asyncio.sleep(_POLL_S)
                writer.write(chunk)
                await writer.drain()


def _inode_of(port: int, to: int) -> str | None:
    """The socket of a loopback connection from `port` to `to`: one port may be of several.

    Searched for as text: a busy machine has thousands of connections, and a line that is cut is tried again and again.
    """
    for table, address in _TABLES:
        rows = Path("/proc/net", table).read_bytes()
        at = rows.find(b"%s:%04X %s:%04X" % (address, port, address, to))
        if at >= 0 and (inode := rows[at : rows.index(b"\n", at)].split()[8].decode()) != "0":
            return inode
    return None


def _sockets_of(pid: int) -> set[str]:
    found = set()
    with suppress(OSError):
        for entry in os.scandir(f"/proc/{pid}/fd"):
            with suppress(OSError):
                found.add(os.readlink(entry.path).removeprefix("socket:[").removesuffix("]"))
    return found


def networked_cluster(directory: Path, count: int, network: Network) -> tuple[EmbeddedCluster, str]:
    """A cluster (not started) whose brokers reach each other, and are reached by workers, over `network`; and the
    addresses that workers should be given. Publishers and the laws use the plain listeners."""
    nodes = range(1, count + 1)
    some = set[int]()
    while len(some) < 7 * count:
        some.add(free_port())
    ports = list(some)
    by_use = [dict(zip(nodes, ports[use * count :], strict=False)) for use in range(7)]
    plain, inner, outer, voter, seen_inner, seen_outer, seen_voter = by_use
    extras = {}
    for node in nodes:
        listeners = {"PLAINTEXT": plain, "CONTROLLER": voter, "INNER": inner, "OUTER": outer}
        advertised = {"PLAINTEXT": plain, "CONTROLLER": seen_voter, "INNER": seen_inner, "OUTER": seen_outer}
        extras[node] = Extra(
            properties={
                "listeners": _addresses(listeners, node),
                "advertised.listeners": _addresses(advertised, node),
                "listener.security.protocol.map": ",".join(f"{name}:PLAINTEXT" for name in listeners),
                "inter.broker.listener.name": "INNER",
            }
        )
        network.serve(seen_voter[node], voter[node], node, is_for_workers=False)
        network.serve(seen_inner[node], inner[node], node, is_for_workers=False)
        network.serve(seen_outer[node], outer[node], node, is_for_workers=True)
    cluster = EmbeddedCluster(
        directory, count, tuple(plain.values()), extras=extras, controllers=voter, controllers_seen=seen_voter
    )
    network.nodes_by_pid = lambda: _nodes_by_pid(cluster)
    return cluster, ",".join(f"{LOOPBACK}:{port}" for port in seen_outer.values())


def _nodes_by_pid(cluster: EmbeddedCluster) -> dict[int, int]:
    processes = [broker._process for broker in cluster.brokers]  # one may be killed this moment, in another thread
    return {process.pid: node for node, process in enumerate(processes, 1) if process is not None}


def _addresses(listeners: dict[str, dict[int, int]], node: int) -> str:
    return ",".join(f"{name}://{LOOPBACK}:{ports[node]}" for name, ports in listeners.items())
