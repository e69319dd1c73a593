"""What a stage tells of its shards, for metrics."""

from dataclasses import dataclass
from typing import Protocol

from aiokafka import TopicPartition

from agents.batching.fold import Batch


@dataclass(frozen=True)
class Committed:
    """What one shard's part of a transaction cost. Seconds; the transaction's are shared with the lane's other shards."""

    records: int
    fold_seconds: float
    transaction_seconds: float


class Observer(Protocol):
    """Told what happens to the shards of a stage, for metrics. All times in seconds."""

    def opened(self, source: TopicPartition, seconds: float, records: int) -> None: ...
    def closed(self, source: TopicPartition) -> None: ...
    def fenced(self, source: TopicPartition) -> None: ...
    def failed(self, source: TopicPartition, error: BaseException) -> None: ...
    def committed(self, source: TopicPartition, batch: Batch, cost: Committed) -> None: ...
    def lost(self, source: TopicPartition, offsets: int) -> None: ...
    def recreated(self, source: TopicPartition) -> None: ...
    def rebuilding(self, source: TopicPartition, offsets: int) -> None: ...
