"""What a run leaves behind in Kafka, as plain data. The checker sees nothing else: no process, no clock, no memory of Siaga's."""

from dataclasses import dataclass, field

TOPICS = ("incidents", "turnout", "ledger", "rejected", "risk", "province", "escalations", "risk-state", "intake-state")


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


@dataclass
class Evidence:
    """Everything committed, in partition and offset order, and how the broker sees the group and its transactions."""

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
    #: Offsets of a source that were gone before they were read (retention), by (topic, partition).
    removed: dict[tuple[str, int], range] = field(default_factory=dict)

    @property
    def inputs(self) -> list[Seen]:
        return self.topics["incidents"] + self.topics["turnout"]
