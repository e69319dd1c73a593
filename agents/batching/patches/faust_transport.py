"""Faust's private hooks under public names: subclasses of its transport and app that call and are called by them."""

from collections.abc import Mapping
from typing import Any

import faust
from aiokafka import AIOKafkaConsumer
from faust.tables import TableManager
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from faust.types.tuples import Message
from mode.utils.futures import notify

from ..fold import Batch


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """Owns the aiokafka consumer, in a thread with its own event loop."""

    def new_consumer(self) -> AIOKafkaConsumer:
        """The consumer of a worker, not yet started."""
        raise NotImplementedError

    async def fetch(self, active: set[TP], timeout_s: float, max_records: int) -> dict[TP, Batch]:
        """Batches of partitions that have records, or {} after the timeout."""
        raise NotImplementedError

    @property
    def kafka_consumer(self) -> AIOKafkaConsumer:
        """The consumer. Raises Faust's ConsumerNotStarted."""
        return self._ensure_consumer()

    def _create_worker_consumer(self, transport: driver.Transport) -> AIOKafkaConsumer:
        return self.new_consumer()

    async def _fetch_records(  # type: ignore[override]  # batches instead of lists of records
        self,
        consumer: AIOKafkaConsumer,
        active_partitions: set[TP],
        timeout: float | None = None,
        max_records: int | None = None,
    ) -> dict[TP, Batch]:
        return await self.fetch(active_partitions, timeout or 0.0, max_records or 1)


class NoReadOffsets(dict[TP, int | None]):
    """In place of the dict by which Faust drops records that it has read before. A shard reads a gap again, and a batch
    that Faust dropped then would stay in flight for ever; shards skip what they have folded already.
    """

    def __getitem__(self, tp: TP) -> None:
        return None

    def __setitem__(self, tp: TP, offset: int | None) -> None:
        pass


class Consumer(driver.Consumer):
    """Faust's consumer with its acks and commits switched off: lanes commit offsets in their transactions."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._read_offset = NoReadOffsets()

    def new_thread(self) -> ConsumerThread:
        """The thread of this consumer."""
        raise NotImplementedError

    def _new_consumer_thread(self) -> ConsumerThread:
        return self.new_thread()

    @property
    def thread(self) -> Any:
        """What `new_thread` returned."""
        return self._thread

    async def next_batches(self, timeout_s: float) -> dict[TP, Batch]:
        """What the thread's `fetch` brings; waits while the flow is stopped."""
        batches, _ = await self._wait_next_records(timeout_s)
        return batches or {}  # type: ignore[return-value]  # see ConsumerThread.fetch

    def ack(self, message: Message) -> bool:
        """Count a message as done; nothing is committed."""
        message.acked = True
        self._unacked_messages.discard(message)
        notify(self._waiting_for_ack)
        return True

    async def commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:
        """Commit nothing."""
        return False

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        return False

    async def verify_all_partitions_active(self) -> None:
        """Do nothing: Faust judges progress by its own commits, of which there are none."""


class Producer(driver.Producer):
    """Faust's plain producer, for what an app sends outside of transactions."""

    def connection_options(self) -> Mapping[str, Any]:
        """What aiokafka's producer needs to connect."""
        raise NotImplementedError

    async def stop_half_started(self) -> None:
        """Stop aiokafka's producer after a start that failed."""
        await self._ensure_producer().stop()

    def _settings_auth(self) -> Mapping[str, Any]:
        return self.connection_options()


class NoTables(TableManager):
    """The table manager of an app without tables. Faust's own waits a second at every start for tables that are defined
    late, before any consumer begins.
    """

    async def on_start(self) -> None:
        """Start what recovers tables, at once: it also seeks after a rebalance."""
        await self._update_channels()
        await self.recovery.start()


class App(faust.App):
    """A Faust app with a transport of its own."""

    def new_transport(self, urls: Any) -> driver.Transport:
        """The transport of consumer or producer."""
        raise NotImplementedError

    def _new_transport(self) -> driver.Transport:
        return self.new_transport(self.conf.broker_consumer)

    def _new_producer_transport(self) -> driver.Transport:
        return self.new_transport(self.conf.broker_producer)

    def _create_directories(self) -> None:
        """Do nothing: only Faust's tables need a data directory; shards keep their state in Kafka."""
