"""aiokafka's consumer and fetcher from inside: what is fetched, how far a partition is read, waiting for more.

Call these only in the consumer's thread, except `progress_of`, which reads a few numbers.
"""

import asyncio
from collections.abc import Container
from contextlib import AbstractContextManager
from typing import Any, Protocol

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import ConsumerStoppedError

from ..partition_end import Progress, committed_end
from .records import Taken


class PartitionState(Protocol):
    """aiokafka's `TopicPartitionState`: one partition of one assignment."""

    #: The next offset to hand out. Only where `has_position`.
    position: int


def state_of(consumer: AIOKafkaConsumer, tp: TopicPartition) -> PartitionState | None:
    """The state of a partition; None where it is not assigned."""
    subscription = consumer._subscription.subscription
    assignment = subscription.assignment if subscription else None
    state: PartitionState | None = assignment.state_value(tp) if assignment else None
    return state


def has_position(state: Any) -> bool:
    """Whether it is known where a partition is read on; not while a seek to its beginning or end is under way."""
    return bool(state.has_valid_position)


def progress_of(consumer: AIOKafkaConsumer, tp: TopicPartition) -> Progress | None:
    """How far a partition is read, as last seen; None before its first fetch, or where it is not assigned."""
    state: Any = state_of(consumer, tp)
    if state is None or not has_position(state):
        return None
    end = committed_end(state.lso, state.highwater)
    return None if end is None else Progress(state.position, end)


async def close_client(consumer: AIOKafkaConsumer) -> None:
    """Close the connections of a consumer whose `stop` has failed (docs/upstream.md)."""
    await consumer._client.close()


def check_open(consumer: AIOKafkaConsumer) -> None:
    """Raise ConsumerStoppedError once the consumer is closed."""
    if consumer._closed or consumer._fetcher._closed:
        raise ConsumerStoppedError


def fetch_context(consumer: AIOKafkaConsumer) -> AbstractContextManager[None]:
    """Counts as polling while it is open: a member that does not poll leaves the group."""
    context: AbstractContextManager[None] = consumer._fetcher._subscriptions.fetch_context()
    return context


def fetched(consumer: AIOKafkaConsumer) -> list[TopicPartition]:
    """The partitions with fetched records that nobody has taken."""
    return list(consumer._fetcher._records)


def has_fetched(consumer: AIOKafkaConsumer, tp: TopicPartition) -> bool:
    """Whether a partition has fetched records that nobody has taken."""
    return tp in consumer._fetcher._records


async def take_fetched(consumer: AIOKafkaConsumer, tp: TopicPartition, at_most: int) -> Taken:
    """Up to so many fetched records of a partition; its position moves past them, and past markers and aborted records.

    Raises what the broker answered to the fetch.
    """
    taken: Taken = (await consumer._fetcher.fetched_records({tp}, 0, at_most)).get(tp, Taken())
    return taken


async def wait_for_fetch(consumer: AIOKafkaConsumer, seconds: float) -> None:
    """Until a fetch has brought something, `wake_fetch_waiters` is called, or the time is over."""
    await asyncio.wait([consumer._fetcher._create_fetch_waiter()], timeout=seconds)


def wake_fetch_waiters(consumer: AIOKafkaConsumer) -> None:
    """End every `wait_for_fetch`."""
    fetcher = consumer._fetcher
    for waiter in list(fetcher._fetch_waiters):
        fetcher._notify(waiter)


def shorten_fetch_pauses(consumer: AIOKafkaConsumer, seconds: float) -> None:
    """Fetch other partitions at once while one's records wait for its commit, and bound by `seconds` the standstill
    after a fetch that ends just as records are taken (docs/upstream.md; aiokafka's is 200 ms).
    """
    consumer._fetcher._prefetch_backoff = 0.0
    consumer._fetcher._fetcher_timeout = seconds


class Available(Container[TopicPartition]):
    """The partitions a fetch may return: active and not in flight. Live: it changes while a fetch waits.

    True also when none is available.
    """

    def __init__(self, active: Container[TopicPartition], in_flight: Container[TopicPartition]) -> None:
        self._active, self._in_flight = active, in_flight

    def __contains__(self, tp: object) -> bool:
        return tp in self._active and tp not in self._in_flight
