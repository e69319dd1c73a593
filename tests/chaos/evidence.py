"""What a run leaves behind in Kafka, as plain data. The checker sees nothing else: no process, no clock, no memory of
Siaga's.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

INPUTS = ("incidents", "turnout")
TOPICS = (*INPUTS, "ledger", "rejected", "risk", "province", "escalations", "risk-state", "intake-state")


@dataclass(frozen=True, slots=True)
class Seen:
    """One committed record; `topic` without the prefix, `at_ms` its append time."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: dict[str, bytes] = field(default_factory=dict)
    at_ms: int = 0
    #: How often its topic had been deleted and created anew before.
    incarnation: int = 0


class Cut(NamedTuple):
    """An input's offsets before `kept_from` were removed, when `noted_to` was the end of intake's notes in that
    partition.
    """

    topic: str
    partition: int
    incarnation: int
    kept_from: int
    noted_to: int


@dataclass
class Evidence:
    """Everything committed, in partition, incarnation and offset order, and how the broker sees the group and its
    transactions.

    Of the inputs and the state also what the driver deleted or cut: it read that right before.
    """

    partitions: int
    topics: dict[str, list[Seen]]
    #: (topic, partition) -> (last stable offset, high watermark)
    ends: dict[tuple[str, int], tuple[int, int]] = field(default_factory=dict)
    #: (topic, partition) -> offset the group committed
    committed: dict[tuple[str, int], int] = field(default_factory=dict)
    #: State of the consumer group while workers still ran.
    group_state: str = "Stable"
    #: Transactional ids with an open transaction after the workers had ended.
    open_transactions: list[str] = field(default_factory=list)
    #: Where inputs were cut, as retention does it.
    cuts: list[Cut] = field(default_factory=list)
    #: Offsets of intake's notes from which they are of an input's second, third ... incarnation, by (topic, partition).
    begun: dict[tuple[str, int], tuple[int, ...]] = field(default_factory=dict)
    #: All records of each state topic that was deleted, oldest first.
    lost_states: list[list[Seen]] = field(default_factory=list)

    @property
    def inputs(self) -> list[Seen]:
        return self.topics["incidents"] + self.topics["turnout"]
