"""What a stage reports of its shards, for metrics."""

from dataclasses import dataclass
from typing import Protocol

from aiokafka import TopicPartition

from .fold import Batch


@dataclass(frozen=True)
class Committed:
    """What one shard's part of a transaction cost. `transaction_seconds` is the same for all shards that it commits."""

    records: int
    fold_seconds: float
    transaction_seconds: float


class Observer(Protocol):
    """Called with what happens to the shards of a stage. All times in seconds."""

    def opened(self, source: TopicPartition, seconds: float, records: int) -> None:
        """A shard was restored from so many state records."""

    def closed(self, source: TopicPartition) -> None:
        """A shard that was open is closed."""

    def fenced(self, source: TopicPartition) -> None:
        """Another worker has opened the shard's lane."""

    def failed(self, source: TopicPartition, error: BaseException) -> None:
        """The shard or its lane failed and will be reopened."""

    def committed(self, source: TopicPartition, batch: Batch, cost: Committed) -> None:
        """A batch, or its first part, is committed."""

    def lost(self, source: TopicPartition, offsets: int) -> None:
        """So many offsets were deleted from the source before they were read."""

    def recreated(self, source: TopicPartition) -> None:
        """The source was recreated and is read from its beginning."""

    def rebuilding(self, source: TopicPartition, offsets: int) -> None:
        """The shard's state was lost and is rebuilt from so many source offsets."""
