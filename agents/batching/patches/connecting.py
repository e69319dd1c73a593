"""How aiokafka's clients connect: no long wait for a broker that is mute, and a pause before one that is away."""

import asyncio
import contextlib
import functools
from threading import Lock
from time import monotonic
from typing import Any
from weakref import WeakKeyDictionary

from aiokafka import client as module
from aiokafka.client import AIOKafkaClient, ConnectionGroup
from aiokafka.conn import AIOKafkaConnection, CloseReason
from aiokafka.errors import KafkaConnectionError


class OpenConnections:
    """The connections of this process, in all its threads."""

    def __init__(self) -> None:
        self._loops: WeakKeyDictionary[AIOKafkaConnection, asyncio.AbstractEventLoop] = WeakKeyDictionary()
        self._lock = Lock()

    def add(self, connection: AIOKafkaConnection) -> None:
        """Take up a connection that was made in the running loop."""
        with self._lock:
            self._loops[connection] = asyncio.get_running_loop()

    def close_to(self, host: str, port: int) -> int:
        """Close those to a broker, whose requests fail as if it had hung up. Return how many there were."""
        with self._lock:
            loops = [(conn, loop) for conn, loop in self._loops.items() if (conn.host, conn.port) == (host, port)]
        found = [(conn, loop) for conn, loop in loops if conn.connected()]
        error = KafkaConnectionError("the broker is no longer in the cluster")
        for conn, loop in found:
            with contextlib.suppress(RuntimeError):  # the loop is closed, and its connections with it
                loop.call_soon_threadsafe(conn.close, CloseReason.CONNECTION_BROKEN, error)
        return len(found)


#: Of every client of this process, from `bound_connecting` on.
open_connections = OpenConnections()


@functools.cache
def bound_connecting(milliseconds: int) -> None:
    """Have every client of this process give up a broker that does not answer its first requests within so long, and
    its connections stand in `open_connections`.

    aiokafka gives it as long as any request. A broker that is frozen or cut off without a word still has its
    connections accepted, by its kernel or a proxy: a client that begins there, or asks it where the leaders are, would
    not come to those that answer.
    """
    connect = module.create_conn

    async def bounded(*where: Any, **options: Any) -> Any:
        async with asyncio.timeout(milliseconds / 1000):
            connection = await connect(*where, **options)
        open_connections.add(connection)
        return connection

    module.create_conn = bounded


def pace_connecting(client: AIOKafkaClient, pause_s: float) -> None:
    """Have a client wait `pause_s` after a connection that failed before it tries the same node again.

    aiokafka tries as often as its retries come, and a producer with short transaction back-off has them every few
    milliseconds: a broker that comes up again would be met by hundreds of attempts a second of every lane.
    """
    connect = client._get_conn
    failed_at: dict[tuple[int, Any], float] = {}

    async def paced(node_id: int, *, group: Any = ConnectionGroup.DEFAULT, no_hint: bool = False) -> Any:
        left = failed_at.get((node_id, group), -pause_s) + pause_s - monotonic()
        if left > 0:
            await asyncio.sleep(left)
        connection = await connect(node_id, group=group, no_hint=no_hint)
        if connection is None:
            failed_at[node_id, group] = monotonic()
        return connection

    client._get_conn = paced
