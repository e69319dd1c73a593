"""A stage: the lanes of one step of the pipeline that this worker owns.

Lanes with state survive a rebalance that leaves their partitions here; fencing, not politeness, keeps that correct.
"""

import asyncio
from collections.abc import Callable, Iterable

from aiokafka import TopicPartition

from agents.batching.fold import Batch, Fold
from agents.batching.lane import Lane
from agents.batching.lanes import lane_of
from agents.batching.naming import transactional_ids
from agents.batching.observer import Observer
from agents.batching.options import BatchingOptions
from agents.batching.work import Reader, Work


class Stage:
    """Opens, feeds and closes lanes. `state_topic` is None for a stage without state, which may note how far it has
    read in `positions_topic`; `outputs` is all the folds may write to besides."""

    def __init__(
        self,
        name: str,
        group: str,
        topics: Iterable[str],
        new_fold: Callable[[TopicPartition], Fold],
        state_topic: str | None,
        options: BatchingOptions,
        observer: Observer,
        outputs: Iterable[TopicPartition] = (),
        positions_topic: str | None = None,
    ) -> None:
        self.name = name
        self.topics = frozenset(topics)
        self._work = Work(
            name, group, new_fold, state_topic, options, observer, frozenset(outputs), positions_topic
        )  # fmt: skip
        self._lanes: dict[int, Lane] = {}

    @property
    def owned(self) -> frozenset[TopicPartition]:
        return frozenset().union(*(lane.sources for lane in self._lanes.values()))

    def transactional_id(self, lane: int) -> str:
        return f"{transactional_ids(self._work.group, self.name)}{lane}-of-{self._work.options.lanes}"

    async def assign(self, reader: Reader, assigned: Iterable[TopicPartition]) -> None:
        """Take over these partitions (those of other stages are ignored) and begin to open their lanes."""
        sources: dict[int, set[TopicPartition]] = {}
        for tp in assigned:
            if tp[0] in self.topics:
                sources.setdefault(self._lane_of(tp), set()).add(TopicPartition(*tp))
        # A lane without state asks again where to read on: Kafka forgets the group's offsets with a topic that is
        # deleted, and a source that is back by the time its deletion was noticed must be read from its beginning.
        is_kept = self._work.state_topic is not None
        changed = [number for number, lane in self._lanes.items() if not is_kept or lane.sources != sources.get(number)]
        await asyncio.gather(*(self._lanes.pop(number).close() for number in changed))
        for number, partitions in sources.items():
            if number in self._lanes:
                self._lanes[number].reader = reader
            else:
                lane = Lane(self.transactional_id(number), frozenset(partitions), self._work, reader)
                self._lanes[number] = lane
                lane.start()

    def _lane_of(self, source: TopicPartition) -> int:
        return lane_of(source[1], self._work.options.lanes)

    async def handle(self, source: TopicPartition, batch: Batch) -> bool:
        """Have a batch committed. False when it was given up: a rebalance, or no longer ours."""
        source = TopicPartition(*source)
        lane = self._lanes.get(self._lane_of(source))
        return lane is not None and source in lane.sources and await lane.submit(source, batch)

    def idle(self) -> None:
        """Let the folds of shards with nothing to read have their say. Call it now and then."""
        for lane in self._lanes.values():
            lane.idle_soon()

    async def close(self) -> None:
        """Close every lane; batches in flight should have ended before."""
        lanes, self._lanes = list(self._lanes.values()), {}
        await asyncio.gather(*(lane.close() for lane in lanes))
