"""A Faust consumer whose messages are whole partition batches, one in flight per partition.

Faust's own consumer makes a message, a queue put, a future and an ack of every record, which costs some 80 µs each.
Here a message carries what one fetch brought for one partition (group commit).

A batch is *fetched*, and in flight from then on; *received* by an agent; *folded* and *committed* by its lane; then it
is *released*, or, where the lane gave it back, *returned unread*: fetched again by whoever owns its partition.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from time import monotonic
from typing import Any, cast

from faust.types import TP, ConsumerMessage

from ..fold import Batch
from ..patches.faust_transport import Consumer
from .thread import BatchConsumerThread


@dataclass
class InFlight:
    """A batch that was fetched and neither released nor returned. `since` in monotonic seconds."""

    start_offset: int
    since: float
    is_received: bool = False


class BatchConsumer(Consumer):
    """Hands out one `Batch` per partition at a time."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.in_flight: dict[TP, InFlight] = {}
        super().__init__(*args, **kwargs)

    def new_thread(self) -> BatchConsumerThread:
        """The thread that fetches."""
        return BatchConsumerThread(self, loop=self.loop, beacon=self.beacon)

    @property
    def is_division_fixed(self) -> bool:
        """Whether the group divides its partitions as release 0.9 does."""
        return self._fetching.is_division_fixed

    @property
    def group_silent_s(self) -> float:
        """Seconds since the group last answered a heartbeat of this member."""
        return monotonic() - self._fetching.answered_at

    @property
    def _fetching(self) -> BatchConsumerThread:
        return cast(BatchConsumerThread, self.thread)

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, ConsumerMessage]]:
        """The messages of what is fetched within the timeout: one of each partition, with its batch as value."""
        generation = self.app.consumer_generation_id
        batches = await self.next_batches(timeout)
        if self.should_stop:
            return
        for kafka_tp, batch in batches.items():
            tp = TP(*kafka_tp)
            if not self.flow_active or self.app.consumer_generation_id != generation:
                # The position is past the batch: without a seek it stays unread until a later batch shows the gap.
                await self.rewind(tp, batch.start_offset)
                continue
            self.in_flight[tp] = InFlight(batch.start_offset, monotonic())
            self.app.monitor.track_tp_end_offset(tp, batch.end_offset)
            yield tp, self._message_of(tp, batch)

    def _message_of(self, tp: TP, batch: Batch) -> ConsumerMessage:
        first, last = batch.records[0], cast(Any, batch.records[-1])
        return ConsumerMessage(
            tp.topic,
            tp.partition,
            first.offset,
            last.timestamp / 1000,
            last.timestamp_type,
            [],
            None,
            cast(Any, batch),
            None,
            tp=tp,
            generation_id=self.app.consumer_generation_id,
        )

    async def process(self, tp: TP, batch: Batch, commit: Callable[[TP, Batch], Awaitable[bool]]) -> None:
        """An agent has received the batch of a partition: have it committed, then release it, or return it unread where
        `commit` says False. Neither once a rebalance has come between: what is in flight then is another batch.
        """
        in_flight = self.in_flight.get(tp)
        if in_flight is None:
            return
        in_flight.is_received = True
        is_done = await commit(tp, batch)
        if self.in_flight.get(tp) is not in_flight:
            return
        if is_done:
            self.release(tp)
        else:
            await self.return_unread(tp, batch.start_offset)

    def release(self, tp: TP) -> None:
        """The batch of this partition is done with: fetch the next."""
        self.in_flight.pop(tp, None)
        self._fetching.wake()

    async def return_unread(self, tp: TP, start_offset: int) -> None:
        """The batch of this partition was not committed: fetch it again, should its partition still be ours."""
        await self.rewind(tp, start_offset)
        self.release(tp)

    async def return_unreceived(self, after_s: float) -> list[TP]:
        """Return batches that no agent received within `after_s`: Faust drops messages in a rebalance, and a partition
        that waits for one would wait for ever (docs/upstream.md).
        """
        now = monotonic()
        dropped = {
            tp: batch.start_offset
            for tp, batch in self.in_flight.items()
            if not batch.is_received and now - batch.since > after_s
        }
        for tp, start in dropped.items():
            await self.return_unread(tp, start)
        return list(dropped)

    async def rewind(self, tp: TP, offset: int) -> None:
        """Read this partition from `offset` next, if it is ours."""
        await self._fetching.call_thread(self._fetching.seek_if_assigned, tp, offset)

    def lag(self, tp: TP) -> int:
        """Offsets between what was handed out and the end of a partition, as last seen; 0 before its first fetch."""
        return self._fetching.lag(tp)

    def is_caught_up(self, tp: TP) -> bool:
        """Whether a partition has been read to its end, as last seen, and none of it is in flight."""
        return TP(*tp) not in self.in_flight and self._fetching.is_at_end(tp)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Forget what was in flight: Faust has dropped it, and seeks to the committed offsets."""
        self.in_flight.clear()
        await super().on_partitions_assigned(assigned, generation_id)
