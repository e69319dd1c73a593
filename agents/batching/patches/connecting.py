"""How aiokafka's clients connect: no long wait for a broker that is mute, and a pause before one that is away."""

import asyncio
import functools
from time import monotonic
from typing import Any

from aiokafka import client as module
from aiokafka.client import AIOKafkaClient, ConnectionGroup


@functools.cache
def bound_connecting(milliseconds: int) -> None:
    """Have every client of this process give up a broker that does not answer its first requests within so long.

    aiokafka gives it as long as any request. A broker that is frozen or cut off without a word still has its
    connections accepted, by its kernel or a proxy: a client that begins there, or asks it where the leaders are, would
    not come to those that answer.
    """
    connect = module.create_conn

    async def bounded(*where: Any, **options: Any) -> Any:
        async with asyncio.timeout(milliseconds / 1000):
            return await connect(*where, **options)

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
