"""Watches which brokers the cluster has, and closes the connections to one that it has given up.

A broker that is frozen or cut off holds every request until its timeout, which must be longer than a group's session.
The controllers give it up after its own session (`broker.session.timeout.ms`), and the metadata name it no longer: from
then on others lead, and no request that it still holds can succeed (docs/decisions/0026-cluster.md).
"""

import asyncio
import contextlib
import logging

from aiokafka.client import AIOKafkaClient
from aiokafka.cluster import ClusterMetadata
from aiokafka.errors import KafkaError

from .options import BatchingOptions
from .patches.connecting import OpenConnections, open_connections

log = logging.getLogger(__name__)


class ClusterWatch:
    """Asks every `watch_ms` which brokers there are, from `start` to `close`. `topic` is any of the app's."""

    def __init__(self, options: BatchingOptions, topic: str, connections: OpenConnections = open_connections) -> None:
        self._options, self._topic, self._connections = options, topic, connections
        self._known: set[tuple[str, int]] = set()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Watch in a task of its own, which waits for a cluster that does not answer."""
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """End the task and close its connections."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def compare(self, cluster: ClusterMetadata) -> None:
        """Close the connections to brokers that the metadata named before and do not name now."""
        known = {(broker.host, broker.port) for broker in cluster.brokers()}
        for host, port in self._known - known:
            closed = self._connections.close_to(host, port)
            log.warning("broker %s:%d is no longer in the cluster: %d connections to it are closed", host, port, closed)
        self._known = known

    async def _run(self) -> None:
        try:
            await self._ask_for_ever()
        except Exception:
            log.exception("brokers that the cluster gives up are waited for until a request's timeout from now on")

    async def _ask_for_ever(self) -> None:
        every_s = self._options.watch_ms / 1000
        client = AIOKafkaClient(
            **self._options.client,
            request_timeout_ms=2 * self._options.watch_ms,  # then another broker is asked
            metadata_max_age_ms=self._options.watch_ms,
        )
        client.cluster.add_listener(self.compare)
        try:
            while not self._known:
                with contextlib.suppress(KafkaError):
                    await client.bootstrap()
                await asyncio.sleep(every_s)
            await client.set_topics([self._topic])  # else it asks for all topics of the cluster
            await asyncio.Event().wait()
        finally:
            await client.close()
