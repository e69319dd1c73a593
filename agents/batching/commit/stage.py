"""A stage: one step of the pipeline on this worker. The partitions it is assigned are one lane: they commit together.

A lane with state survives a rebalance that leaves its partitions here. What keeps that correct is ownership: whoever
takes a partition over fences its earlier owner. Every other lane is a new one, with an id of its own: under the old id
the next owner of a partition that was given away would fence it.

In a group that still has a worker of release 0.9 the lanes are the fixed ones of that release, by its ids.
"""

import asyncio
from collections.abc import Callable, Iterable

from aiokafka import TopicPartition

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
        owners_topic: str,
        partitions: int,
        outputs: Iterable[TopicPartition] = (),
        positions_topic: str | None = None,
    ) -> None:
        self.name = name
        self.topics = frozenset(topics)
        written = frozenset(outputs)
        self.spec = StageSpec(
            name,
            group,
            new_fold,
            state_topic,
            options,
            observer,
            owners_topic,
            partitions,
            outputs=written,
            positions_topic=positions_topic,
        )
        #: By transactional id where that is fixed; the only one under "" else.
        self._lanes: dict[str, Lane] = {}

    @property
    def owned(self) -> frozenset[TopicPartition]:
        """The source partitions whose lanes are here."""
        return frozenset(tp for lane in self._lanes.values() for tp in lane.partitions)

    async def assign(self, sources: Sources, assigned: Iterable[TopicPartition], *, is_fixed: bool = False) -> None:
        """Take over these partitions (those of other stages are ignored) and begin to open their lane. `is_fixed`: the
        group divides them as release 0.9 does.
        """
        partitions: dict[str, set[TopicPartition]] = {}
        for tp in assigned:
            if tp[0] in self.topics:
                source = TopicPartition(*tp)
                partitions.setdefault(self.spec.fixed_id(source) if is_fixed else "", set()).add(source)
        # A lane without state looks up again where to read on: Kafka forgets the group's offsets with a topic that is
        # deleted, and a source that is back by the time its deletion was noticed must be read from its beginning.
        is_kept = self.spec.state_topic is not None
        changed = [
            key
            for key, lane in self._lanes.items()
            if not is_kept or lane.partitions != frozenset(partitions.get(key, ()))
        ]
        await asyncio.gather(*(self._lanes.pop(key).close() for key in changed))
        for key, tps in partitions.items():
            if key not in self._lanes:
                lane = self._lanes[key] = Lane(key or self.spec.new_id(), frozenset(tps), self.spec, sources)
                lane.start()

    async def commit(self, source: TopicPartition, batch: Batch) -> bool:
        """Have a batch folded and committed. False when it is returned unread: a rebalance, or no longer ours."""
        source = TopicPartition(*source)
        lane = next((lane for lane in self._lanes.values() if source in lane.partitions), None)
        return lane is not None and await lane.commit(source, batch)

    def request_idle(self) -> None:
        """Ask the folds of shards with nothing to read for output. Call it periodically."""
        for lane in self._lanes.values():
            lane.request_idle()

    async def close(self) -> None:
        """Close every lane; batches in flight should have ended before."""
        lanes, self._lanes = list(self._lanes.values()), {}
        await asyncio.gather(*(lane.close() for lane in lanes))
