"""The life of a batch in the consumer: in flight from its fetch until it is released or returned unread."""

from collections.abc import Callable
from time import monotonic
from types import SimpleNamespace

from faust.types import TP

from agents.batching import Batch
from agents.batching.consumer.consumer import BatchConsumer, InFlight

A, B, C = TP("t", 0), TP("t", 1), TP("t", 2)
BATCH = Batch([], 7, 9, 9)


def consumer(**ages_s: float) -> BatchConsumer:
    """A consumer whose partitions have been in flight for these seconds; seeks and wakes are remembered."""
    made = BatchConsumer.__new__(BatchConsumer)
    tps = {"a": A, "b": B, "c": C}
    made.in_flight = {tps[name]: InFlight(7, monotonic() - age_s) for name, age_s in ages_s.items()}
    made.sought, made.wakes = [], 0

    async def call_thread(seek: Callable, tp: TP, offset: int) -> None:
        made.sought.append((tp, offset))

    def wake() -> None:
        made.wakes += 1

    made._thread = SimpleNamespace(wake=wake, call_thread=call_thread, seek_if_assigned=None)
    return made


async def test_a_committed_batch_is_released_and_its_partition_fetched_again():
    made = consumer(a=0)

    async def commit(tp: TP, batch: Batch) -> bool:
        assert made.in_flight[tp].is_received
        return True

    await made.process(A, BATCH, commit)
    assert (made.in_flight, made.sought, made.wakes) == ({}, [], 1)


async def test_a_batch_that_was_not_committed_is_read_again_from_its_start():
    made = consumer(a=0)

    async def commit(tp: TP, batch: Batch) -> bool:
        return False

    await made.process(A, BATCH, commit)
    assert (made.in_flight, made.sought, made.wakes) == ({}, [(A, 7)], 1)


async def test_only_a_batch_no_agent_received_in_time_is_read_again():
    made = consumer(a=9, b=9, c=0)
    made.in_flight[B].is_received = True
    assert await made.return_unreceived(5) == [A]
    assert made.sought == [(A, 7)] and set(made.in_flight) == {B, C}
