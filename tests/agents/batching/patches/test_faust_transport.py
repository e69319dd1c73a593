"""Faust's hooks: it calls what is overridden, and does around it what the transport relies on."""

import inspect

import faust
from faust.tables import TableManager
from faust.tables.recovery import Recovery
from faust.transport import consumer as faust_consumer
from faust.transport.drivers import aiokafka as driver

from agents.batching import Batch, BatchApp, BatchingOptions
from agents.batching.app import BatchTransport
from agents.batching.consumer.consumer import BatchConsumer
from agents.batching.patches.faust_transport import NoReadOffsets, NoTables


def parameters(function) -> list[str]:
    return list(inspect.signature(function).parameters)


def app() -> BatchApp:
    return BatchApp("law", batching=BatchingOptions(), broker="kafka://127.0.0.1:1")


def test_an_app_has_the_batching_transport_on_both_sides():
    made = app()
    assert isinstance(made.transport, BatchTransport) and isinstance(made.producer_transport, BatchTransport)
    assert BatchTransport.Consumer is BatchConsumer and issubclass(BatchConsumer, driver.Consumer)


def test_the_thread_makes_its_consumer_and_fetches_through_the_overridden_methods():
    thread = driver.AIOKafkaConsumerThread
    assert parameters(thread._create_worker_consumer) == ["self", "transport"]
    assert parameters(thread._fetch_records) == ["self", "consumer", "active_partitions", "timeout", "max_records"]
    assert "_fetch_records" in inspect.getsource(thread.getmany)


def test_faust_waits_a_second_for_tables_and_the_app_does_not():
    assert "self.sleep(1.0)" in inspect.getsource(TableManager.on_start)
    assert "_update_channels" in inspect.getsource(TableManager.on_start)
    assert isinstance(app().tables, NoTables)


def test_the_consumer_drains_through_getmany_and_acks_through_ack():
    assert "getmany(timeout=1.0)" in inspect.getsource(faust_consumer.Consumer._drain_messages)
    assert parameters(faust_consumer.Consumer.ack) == ["self", "message"]
    assert parameters(faust_consumer.Consumer.commit) == ["self", "topics", "start_new_transaction"]


def test_a_rebalance_seeks_to_the_committed_offsets():
    assert "perform_seek" in inspect.getsource(Recovery._resume_streams)


def test_faust_drops_nothing_as_read_before():
    offsets = NoReadOffsets()
    offsets["t", 0] = 1714
    assert offsets["t", 0] is None
    drain = inspect.getsource(faust_consumer.Consumer._drain_messages)
    assert "get_read_offset = self._read_offset.__getitem__" in drain


async def test_a_batch_passes_through_faust_undecoded():
    batch = Batch([], 0, 0, 0)
    position = {"topic": "t", "partition": 0, "offset": 0, "timestamp": 0.0, "timestamp_type": 0}
    message = faust.types.ConsumerMessage(**position, headers=[], key=None, value=batch, checksum=None)
    assert (await app().batches(["t"]).decode(message)).value is batch
