"""A stage: the lanes of one step of the pipeline that this worker owns.

Lanes with state survive a rebalance that leaves their partitions here. What keeps that correct is fencing: whoever
opens a lane ends what an earlier owner could still commit.
"""

import asyncio
from collections.abc import Callable, Iterable

from aiokafka import TopicPartition

from ..consumer.assignor import lane_of
from ..fold import Batch, Fold
from ..observer import Observer
from ..offsets.lookup import Sources
from ..options import BatchingOptions
from .lane import Lane
from .spec import StageSpec


class Stage:
    """Opens, feeds and closes lanes. `state_topic` is None for a stage without state, which may note how far it has
    read in `positions_topic`; `outputs` is every other partition the folds may write to.
    """

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
        written = frozenset(outputs)
        self._spec = StageSpec(name, group, new_fold, state_topic, options, observer, written, positions_topic)
        self._lanes: dict[int, Lane] = {}

    @property
    def owned(self) -> frozenset[TopicPartition]:
        """The source partitions whose lanes are here."""
        return frozenset(tp for lane in self._lanes.values() for tp in lane.partitions)

    def transactional_id(self, lane: int) -> str:
        """The id of one of this stage's lanes, on whichever worker it is."""
        return self._spec.transactional_id(lane)

    async def assign(self, sources: Sources, assigned: Iterable[TopicPartition]) -> None:
        """Take over these partitions (those of other stages are ignored) and begin to open their lanes."""
        partitions: dict[int, set[TopicPartition]] = {}
        for tp in assigned:
            if tp[0] in self.topics:
                partitions.setdefault(self._lane_of(tp), set()).add(TopicPartition(*tp))
        # A lane without state looks up again where to read on: Kafka forgets the group's offsets with a topic that is
        # deleted, and a source that is back by the time its deletion was noticed must be read from its beginning.
        is_kept = self._spec.state_topic is not None
        changed = [
            number
            for number, lane in self._lanes.items()
            if not is_kept or lane.partitions != frozenset(partitions.get(number, ()))
        ]
        await asyncio.gather(*(self._lanes.pop(number).close() for number in changed))
        for number, tps in partitions.items():
            if number not in self._lanes:
                lane = self._lanes[number] = Lane(number, frozenset(tps), self._spec, sources)
                lane.start()

    def _lane_of(self, source: TopicPartition) -> int:
        return lane_of(source[1], self._spec.options.lanes)

    async def commit(self, source: TopicPartition, batch: Batch) -> bool:
        """Have a batch folded and committed. False when it is returned unread: a rebalance, or no longer ours."""
        source = TopicPartition(*source)
        lane = self._lanes.get(self._lane_of(source))
        return lane is not None and source in lane.partitions and await lane.commit(source, batch)

    def request_idle(self) -> None:
        """Ask the folds of shards with nothing to read for output. Call it periodically."""
        for lane in self._lanes.values():
            lane.request_idle()

    async def close(self) -> None:
        """Close every lane; batches in flight should have ended before."""
        lanes, self._lanes = list(self._lanes.values()), {}
        await asyncio.gather(*(lane.close() for lane in lanes))
