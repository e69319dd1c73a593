"""What all lanes of a stage have in common."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from aiokafka import TopicPartition

from ..consumer.assignor import lane_of
from ..fold import Fold
from ..observer import Observer
from ..options import BatchingOptions, transactional_ids
from .batch_sizes import BatchSizes


@dataclass(frozen=True)
class StageSpec:
    """A stage's name, topics and folds. `state_topic` is None for a stage without state."""

    stage: str
    group: str
    new_fold: Callable[[TopicPartition], Fold]
    state_topic: str | None
    options: BatchingOptions
    observer: Observer
    #: Who may write what (commit/ownership.py), and how many partitions it has, as every topic but the sources.
    owners_topic: str
    partitions: int
    #: How large a batch each topic takes, as learnt from its refusals.
    sizes: BatchSizes = field(default_factory=BatchSizes)
    #: Partitions the folds write to, besides their state.
    outputs: frozenset[TopicPartition] = frozenset()
    #: Where a stage without state notes how far its sources are read.
    positions_topic: str | None = None

    @property
    def own_topic(self) -> str | None:
        """The topic that says how far sources are read, also where the group's offset is behind or lost."""
        return self.state_topic or self.positions_topic

    def new_id(self) -> str:
        """A transactional id that no lane has had."""
        return f"{transactional_ids(self.group, self.stage)}{uuid.uuid4().hex}"

    def fixed_id(self, source: TopicPartition) -> str:
        """The transactional id of a source's lane in release 0.9."""
        lanes = self.options.lanes
        return f"{transactional_ids(self.group, self.stage)}{lane_of(source.partition, lanes)}-of-{lanes}"

    def number_of(self, source: TopicPartition) -> int:
        """The partition number of a source's own records: sources may have more partitions than all other topics."""
        number: int = source.partition % self.partitions
        return number

    def written_by(self, sources: frozenset[TopicPartition]) -> frozenset[TopicPartition]:
        """Every partition that a transaction of a lane of these sources may have written, but claims."""
        if self.own_topic is None:
            return self.outputs
        return self.outputs | {TopicPartition(self.own_topic, self.number_of(source)) for source in sources}
