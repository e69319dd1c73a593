"""What one fetch hands out: whole batches, each starting where the one before it ended."""

import asyncio
from contextlib import nullcontext
from types import SimpleNamespace

import pytest
from aiokafka import TopicPartition

from agents.batching import Batch, BatchingOptions
from agents.batching.consumer.fetch_quota import SlowStart
from agents.batching.consumer.thread import BatchConsumerThread
from agents.batching.patches.records import Taken

A, B = TopicPartition("t", 0), TopicPartition("t", 1)


class Kafka:
    """In place of aiokafka's consumer and its fetcher: by partition, the offsets of its records and its end."""

    def __init__(self) -> None:
        self._closed = False
        self._fetcher, self._records = self, {}
        self._states = {tp: SimpleNamespace(position=0, has_valid_position=True, lso=0, highwater=99) for tp in (A, B)}
        self._subscription = SimpleNamespace(subscription=SimpleNamespace(assignment=self))
        self._subscriptions = SimpleNamespace(fetch_context=nullcontext)

    def state_value(self, tp: TopicPartition) -> SimpleNamespace:
        return self._states[tp]

    def fetched(self, tp: TopicPartition, *offsets: int, then: int) -> None:
        """A fetch answer with these records; markers and aborted records fill the rest up to `then`."""
        self._records[tp] = (list(offsets), then)
        self._states[tp].lso = then

    async def fetched_records(self, tps: set, timeout: float, at_most: int) -> dict:
        [tp] = tps
        offsets, then = self._records.pop(tp)
        taken, left = offsets[:at_most], offsets[at_most:]
        self._states[tp].position = left[0] if left else then
        if left:
            self._records[tp] = (left, then)
        some = Taken(SimpleNamespace(offset=offset) for offset in taken)
        some.cost = len(some)
        return {tp: some}

    def seek(self, tp: TopicPartition, offset: int) -> None:
        self._states[tp].position = offset

    _create_fetch_waiter = None


@pytest.fixture
async def thread():
    made = BatchConsumerThread.__new__(BatchConsumerThread)
    made.consumer = made._batch_consumer = SimpleNamespace(flow_active=True, in_flight={})
    made._batch_app = SimpleNamespace(batching=BatchingOptions(first_batch_part=1))
    made._read_to, made._slow_start, made._consumer = {}, SlowStart(1), Kafka()
    made.thread_loop = asyncio.get_running_loop()
    return made


async def fetch(thread, max_records: int = 100) -> dict[TopicPartition, Batch]:
    return await thread.fetch({A, B}, 0, max_records)


def span(batch: Batch) -> tuple[int, list[int], int]:
    return batch.start_offset, [record.offset for record in batch.records], batch.next_offset


async def test_a_batch_of_each_partition_with_records_spans_what_was_fetched(thread):
    thread._consumer.fetched(A, 0, 1, 3, then=5)
    thread._consumer.fetched(B, 0, then=1)
    batches = await fetch(thread)
    assert {tp: span(batch) for tp, batch in batches.items()} == {A: (0, [0, 1, 3], 5), B: (0, [0], 1)}
    assert batches[A].end_offset == 5 and batches[A].caught_up


async def test_a_partition_in_flight_is_left_out_until_it_is_released(thread):
    thread._consumer.fetched(A, 0, then=1)
    thread.consumer.in_flight[A] = None
    assert await fetch(thread) == {}
    del thread.consumer.in_flight[A]
    assert set(await fetch(thread)) == {A}


async def test_while_the_flow_is_stopped_nothing_is_handed_out(thread):
    thread._consumer.fetched(A, 0, then=1)
    thread.consumer.flow_active = False
    assert await fetch(thread) == {}


async def test_the_rest_of_what_was_fetched_is_the_next_batch(thread):
    thread._consumer.fetched(A, 0, 1, 2, then=3)
    assert span((await fetch(thread, max_records=2))[A]) == (0, [0, 1], 2)
    assert span((await fetch(thread, max_records=2))[A]) == (2, [2], 3)


async def test_markers_fetched_alone_belong_to_the_next_batch(thread):
    """Left out they would look like a gap to the shard, which would read them again."""
    thread._consumer.fetched(A, 0, then=1)
    await fetch(thread)
    for then in (3, 5):
        thread._consumer.fetched(A, then=then)
        assert await fetch(thread) == {}
    thread._consumer.fetched(A, 5, then=6)
    assert span((await fetch(thread))[A]) == (1, [5], 6)
    thread._consumer.fetched(A, 6, then=7)
    assert span((await fetch(thread))[A]) == (6, [6], 7)


async def test_what_aiokafka_skips_by_itself_is_a_gap(thread):
    thread._consumer.fetched(A, 0, then=1)
    await fetch(thread)
    thread._consumer.state_value(A).position += 1  # as it does over a record that is too large to fetch
    thread._consumer.fetched(A, 2, then=3)
    assert span((await fetch(thread))[A]) == (2, [2], 3)


async def test_after_a_seek_a_batch_starts_there(thread):
    thread._consumer.fetched(A, then=5)
    await fetch(thread)
    await thread.seek_if_assigned(A, 5)
    thread._consumer.fetched(A, 5, then=6)
    [batch] = (await fetch(thread)).values()
    assert span(batch) == (5, [5], 6) and not batch.went_back


async def test_a_position_before_the_last_that_nobody_sought_went_back(thread):
    thread._consumer.fetched(A, 0, 1, 2, then=3)
    assert not (await fetch(thread))[A].went_back
    thread._consumer.state_value(A).position = 0
    thread._consumer.fetched(A, 0, then=1)
    assert (await fetch(thread))[A].went_back
    await thread.seek_if_assigned(A, 0)
    thread._consumer.fetched(A, 0, then=1)
    assert not (await fetch(thread))[A].went_back


async def test_a_batch_ends_where_the_memory_that_its_records_take_is_enough(thread):
    thread._batch_app = SimpleNamespace(batching=BatchingOptions(batch_bytes_max=100))
    thread._consumer.fetched(A, *range(1000), then=1000)
    assert len((await fetch(thread, max_records=1000))[A].records) == 100


async def test_lag_and_end_go_by_the_last_stable_offset(thread):
    thread._consumer.fetched(A, 0, 1, then=4)
    assert (thread.lag(A), thread.is_at_end(A)) == (4, False)
    await fetch(thread)
    assert (thread.lag(A), thread.is_at_end(A)) == (0, True)
