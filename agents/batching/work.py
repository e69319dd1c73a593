"""What a lane is given: the consumer as it sees it, and what all lanes of a stage have in common."""

from collections.abc import Callable
from dataclasses import dataclass

from aiokafka import TopicPartition

from agents.batching.fold import Fold
from agents.batching.observer import Observer
from agents.batching.options import BatchingOptions
from agents.batching.shard import Sources


@dataclass(frozen=True)
class Reader:
    """The consumer as a lane sees it."""

    sources: Sources
    beginning_offset: Callable
    rewind: Callable
    #: Whether a partition has been read to its end and has no batch in flight.
    caught_up: Callable[[TopicPartition], bool]
    #: False from the moment a rebalance begins: no new work on the old assignment.
    steady: Callable[[], bool]


@dataclass(frozen=True)
class Work:
    """What all lanes of a stage have in common. `state_topic` is None for a stage without state."""

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
        """Which says how far sources are read, and is right where the group is not."""
        return self.state_topic or self.positions_topic
