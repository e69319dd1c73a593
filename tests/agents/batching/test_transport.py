"""The private parts of Faust and aiokafka that the transport stands on, held against the pinned versions.

When a pin moves and one of these fails, read that part again before touching the transport.
"""

import asyncio
import inspect
import random
from time import monotonic
from types import SimpleNamespace

import cramjam
import faust
import pytest
import zstandard
from aiokafka.client import AIOKafkaClient
from aiokafka.consumer import fetcher, group_coordinator
from aiokafka.consumer.subscription_state import TopicPartitionState
from aiokafka.errors import ProducerFenced
from aiokafka.producer import sender
from aiokafka.producer.producer import AIOKafkaProducer
from aiokafka.producer.transaction_manager import TransactionManager
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from faust.tables import TableManager
from faust.transport import consumer as faust_consumer
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from agents.batching.fold import Batch
from agents.batching.options import BatchingOptions
from agents.batching.producing import compress_zstd_at, pace_connecting, while_sending
from agents.batching.tableless import NoTables
from agents.batching.transport import (
    BatchApp,
    BatchConsumer,
    BatchTransport,
    _Available,
    _NoReadOffsets,
)


def parameters(function) -> list[str]:
    return list(inspect.signature(function).parameters)


def test_faust_asks_the_app_for_its_transport_and_the_transport_for_its_consumer():
    app = BatchApp("law", batching=BatchingOptions(), broker="kafka://127.0.0.1:1")
    assert isinstance(app.transport, BatchTransport) and isinstance(app.producer_transport, BatchTransport)
    assert BatchTransport.Consumer.__mro__[1] is driver.Consumer


def test_the_thread_builds_the_consumer_and_fetches_through_the_methods_we_override():
    thread = driver.AIOKafkaConsumerThread
    assert parameters(thread._create_worker_consumer) == ["self", "transport"]
    assert parameters(thread._fetch_records) == ["self", "consumer", "active_partitions", "timeout", "max_records"]
    assert "_fetch_records" in inspect.getsource(thread.getmany)


def test_faust_waits_a_second_for_tables_and_the_app_has_a_manager_that_does_not():
    assert "self.sleep(1.0)" in inspect.getsource(TableManager.on_start)
    assert "_update_channels" in inspect.getsource(TableManager.on_start)
    app = BatchApp("law", batching=BatchingOptions(), broker="kafka://127.0.0.1:1")
    assert isinstance(app.tables, NoTables)


def test_the_consumer_drains_through_getmany_and_acks_through_ack():
    assert "getmany(timeout=1.0)" in inspect.getsource(faust_consumer.Consumer._drain_messages)
    assert parameters(faust_consumer.Consumer.ack) == ["self", "message"]
    assert parameters(faust_consumer.Consumer.commit) == ["self", "topics", "start_new_transaction"]


def test_a_rebalance_seeks_to_committed_offsets_so_that_batches_left_behind_are_read_again():
    from faust.tables.recovery import Recovery

    assert "perform_seek" in inspect.getsource(Recovery._resume_streams)


def test_fetched_records_only_asks_membership_and_truth_of_the_partitions():
    source = inspect.getsource(fetcher.Fetcher.fetched_records)
    assert "if partitions and tp not in partitions" in source
    assert "_wait_consume_future" in source


def test_the_fetcher_has_the_parts_we_reach_for():
    source = inspect.getsource(fetcher.Fetcher.__init__)
    for part in ("_records", "_prefetch_backoff", "_fetcher_timeout", "_fetch_waiters", "_subscriptions"):
        assert f"self.{part} =" in source, part
    assert {"_create_fetch_waiter", "_notify"} <= set(dir(fetcher.Fetcher))
    state = TopicPartitionState.__init__.__code__.co_names + tuple(dir(TopicPartitionState))
    assert {"lso", "highwater", "position", "has_valid_position"} <= set(state)


def test_the_pause_between_transactions_is_a_constant_of_the_sender():
    assert "BACKOFF_OVERRIDE" in inspect.getsource(sender.AddPartitionsToTxnHandler)
    assert 0 < sender.BACKOFF_OVERRIDE <= 0.02


def test_a_producers_batches_are_compressed_at_the_level_we_choose():
    compress_zstd_at(BatchingOptions().zstd_level)
    builder = DefaultRecordBatchBuilder(2, 4, True, 7, 0, -1, 1 << 20)  # 4: zstd
    value = random.Random(7).randbytes(2_000).hex().encode()
    builder.append(0, timestamp=0, key=None, value=value, headers=[])
    built = bytes(builder.build())
    records = zstandard.ZstdDecompressor().decompress(built[61:])  # behind the head of a batch
    at = {level: bytes(cramjam.zstd.compress(records, level=level)) for level in (1, 3)}
    assert at[1] != at[3] and built[61:] == at[1]


def test_a_client_connects_through_the_method_we_pace():
    assert parameters(AIOKafkaClient._get_conn) == ["self", "node_id", "group", "no_hint"]
    assert "self._get_conn(" in inspect.getsource(AIOKafkaClient.ready)


async def test_a_node_that_does_not_answer_is_tried_again_only_after_the_pause():
    class Client:
        tried: list[float] = []

        async def _get_conn(self, node_id, *, group, no_hint):
            self.tried.append(monotonic())

    client = Client()
    pace_connecting(client, 0.05)
    for _ in range(3):
        assert await client._get_conn(1) is None
    assert await client._get_conn(2) is None
    first, second, third, other = client.tried
    assert second - first >= 0.05 and third - second >= 0.05 and other - third < third - second


async def test_who_waits_for_a_delivery_hears_of_the_end_of_the_sender():
    async def fenced() -> None:
        raise ProducerFenced

    async def forgotten() -> None:
        await asyncio.get_running_loop().create_future()

    producer = SimpleNamespace(_sender=SimpleNamespace(sender_task=asyncio.create_task(fenced())))
    with pytest.raises(ProducerFenced):
        await asyncio.wait_for(while_sending(producer, forgotten()), 5)
    assert "sender_task" in dir(sender.Sender)


def test_a_group_and_partitions_without_records_can_be_put_into_a_transaction():
    assert parameters(sender.Sender._do_add_offsets_to_txn) == ["self", "group_id"]
    assert "consumer_group_added" in inspect.getsource(sender.AddOffsetsToTxnHandler.handle_response)
    assert parameters(TransactionManager.maybe_add_partition_to_txn) == ["self", "tp"]
    assert "_txn_consumer_group" in inspect.getsource(TransactionManager.is_empty_transaction)


def test_producer_batches_can_be_built_by_hand_and_sent_inside_a_transaction():
    assert parameters(AIOKafkaProducer.send_batch) == ["self", "batch", "topic", "partition"]
    assert "is_in_transaction" in inspect.getsource(AIOKafkaProducer.send_batch)


def test_a_partition_in_flight_is_not_available_until_it_is_released():
    a, b = ("t", 0), ("t", 1)
    in_flight = {a}
    available = _Available({a, b}, in_flight)
    assert a not in available and b in available
    in_flight.clear()
    assert a in available
    assert available  # an empty set would mean "any partition" to aiokafka


def consumer_with(**in_flight: float) -> BatchConsumer:
    made = BatchConsumer.__new__(BatchConsumer)
    made.in_flight = {TP(name, 0): (since, 7) for name, since in in_flight.items()}
    made._taken = set()
    made.sought = []

    async def call_thread(seek, tp: TP, offset: int) -> None:
        made.sought.append((tp, offset))

    made._thread = SimpleNamespace(wake=lambda: None, call_thread=call_thread)
    return made


async def test_a_batch_no_agent_took_is_read_again_after_a_while_and_one_in_hand_is_not():
    made = consumer_with(lost=monotonic() - 9, held=monotonic() - 9, young=monotonic())
    made.take(TP("held", 0))
    assert await made.release_lost(5) == [TP("lost", 0)]
    assert made.sought == [(TP("lost", 0), 7)]
    assert set(made.in_flight) == {TP("held", 0), TP("young", 0)}


def test_reading_back_is_never_dropped_by_faust_as_read_before():
    offsets = _NoReadOffsets()
    offsets["t", 0] = 1714
    assert offsets["t", 0] is None
    assert "get_read_offset = self._read_offset.__getitem__" in inspect.getsource(
        faust_consumer.Consumer._drain_messages
    )


async def test_a_batch_passes_through_faust_undecoded():
    app = BatchApp("law", batching=BatchingOptions(), broker="kafka://127.0.0.1:1")
    topic = app.batches(["t"])
    batch = Batch([], 0, 0, 0)
    message = faust.types.ConsumerMessage(
        topic="t",
        partition=0,
        offset=0,
        timestamp=0.0,
        timestamp_type=0,
        headers=[],
        key=None,
        value=batch,
        checksum=None,
    )
    event = await topic.decode(message)
    assert event.value is batch


def test_the_coordinator_watches_topics_only_for_who_shared_out_the_partitions_and_joins_again_when_that_fails():
    coordinator = group_coordinator.GroupCoordinator
    assert parameters(coordinator._on_join_complete) == [
        "self",
        "generation",
        "member_id",
        "protocol",
        "member_assignment_bytes",
    ]
    assert "self._group_subscription = all_subscribed_topics" in inspect.getsource(coordinator._perform_assignment)
    assert "self._group_subscription = None" in inspect.getsource(coordinator._on_join_prepare)
    watching = inspect.getsource(group_coordinator.BaseCoordinator._handle_metadata_update)
    assert (
        "self._group_subscription is not None" in watching
        and "self._metadata_snapshot != metadata_snapshot" in watching
    )
    assert "raise Errors.KafkaError" in inspect.getsource(group_coordinator.CoordinatorGroupRebalance._on_join_leader)
    assert "_push_error_to_user" in inspect.getsource(coordinator._GroupCoordinator__coordination_routine)
