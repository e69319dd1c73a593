"""What a shard asks of the logic it runs: restore, fold, and nothing about Kafka.

Kept apart from the transport and the transaction so that any batch logic can be given to a shard.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol


class Record(NamedTuple):
    """One source record as the fold sees it. `appended_ms` is the broker's append time."""

    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    appended_ms: int


class Output(NamedTuple):
    """One record to write in the batch's transaction. The partition is always explicit."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True)
class Batch:
    """Consecutive records of one source partition; `caught_up` when nothing more was waiting behind them."""

    records: Sequence[Record]
    caught_up: bool


class Fold(Protocol):
    """Batch logic of one source partition. Everything it needs to know comes through these calls."""

    def restore(self, key: bytes, value: bytes | None) -> None:
        """Take one record of the state topic, in order, before the first batch. None is a tombstone."""

    def restored(self, note: str) -> None:
        """All state has been given; `note` is what `note()` returned in the last committed transaction, or ''."""

    def fold(self, batch: Batch) -> Iterable[Output]:
        """Outputs, state changes included, of a batch. An exception drops the shard: it must be a defect or a broken input."""

    def note(self) -> str:
        """A short text committed with the source offset (Kafka's offset metadata)."""

    def committed(self) -> None:
        """The transaction of the last `fold` is committed: now counters may count."""
