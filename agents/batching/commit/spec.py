"""What all lanes of a stage have in common."""

from collections.abc import Callable
from dataclasses import dataclass

from aiokafka import TopicPartition

from ..fold import Fold
from ..observer import Observer
from ..options import BatchingOptions, transactional_ids


@dataclass(frozen=True)
class StageSpec:
    """A stage's name, topics and folds. `state_topic` is None for a stage without state."""

    stage: str
    group: str
    new_fold: Callable[[TopicPartition], Fold]
    state_topic: str | None
    options: BatchingOptions
    observer: Observer
    #: Partitions the folds write to, besides their state.
    outputs: frozenset[TopicPartition] = frozenset()
    #: Where a stage without state notes how far its sources are read.
    positions_topic: str | None = None

    @property
    def own_topic(self) -> str | None:
        """The topic that says how far sources are read, also where the group's offset is behind or lost."""
        return self.state_topic or self.positions_topic

    def transactional_id(self, lane: int) -> str:
        """Fixed per stage and lane: whoever opens the lane fences its earlier owner by it."""
        return f"{transactional_ids(self.group, self.stage)}{lane}-of-{self.options.lanes}"

    def written_by(self, sources: frozenset[TopicPartition]) -> frozenset[TopicPartition]:
        """Every partition that a transaction of a lane of these sources may have written."""
        if self.own_topic is None:
            return self.outputs
        return self.outputs | {TopicPartition(self.own_topic, source.partition) for source in sources}
