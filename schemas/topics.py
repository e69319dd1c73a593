"""Every Kafka topic of Siaga: name, direction, retention.

Source: docs/architecture.md and the public contract. All topics share one partition count, so that a regency's ledger,
state and outputs carry the same partition number.

Kafka tells a reader nothing of who wrote a record, only who may write a topic. So a publisher may have input topics of
its own, `incidents.NAME` and `turnout.NAME`, which its Kafka user alone may write (docs/operating/sources.md).
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from schemas.vocabulary import DAY_MS, MINUTE_MS

#: Of input topics, whatever the cluster's own limit: Kafka's default, so that every client's default batches fit. It
#: bounds a batch as sent; a value is read up to 16 KiB (schemas/wire.py).
INPUT_MESSAGE_MAX_BYTES = 1_048_588
#: Of a topic that workers write: a produced batch (900 KiB, agents/batching/options.py) and its overhead fit.
OUTPUT_MESSAGE_MAX_BYTES = 1_048_588
#: A rejected record is its original, as large as an input topic takes, and headers besides.
REJECTED_MESSAGE_MAX_BYTES = 2 * 1024 * 1024
#: A campaign lasts 75 days and a dispute longer.
DEFAULT_RETENTION_DAYS = 180
DEFAULT_PREFIX = "siaga."
DEFAULT_PARTITIONS = 6
#: Characters of the name of a publisher's own input.
INPUT_NAME_MAX = 32


class Topic(StrEnum):
    """The part of a topic's name after the prefix."""

    INCIDENTS = "incidents"
    TURNOUT = "turnout"
    LEDGER = "ledger"
    POSITIONS = "intake-state"
    STATE = "risk-state"
    OWNERS = "owners"
    STATUS = "status"
    RISK = "risk"
    PROVINCE = "province"
    ESCALATIONS = "escalations"
    REJECTED = "rejected"
    NOTIFICATIONS = "notifications"


class Direction(StrEnum):
    IN = "in"
    INTERNAL = "internal"
    OUT = "out"


@dataclass(frozen=True)
class TopicSpec:
    """The settings of one topic on the broker. `retention_ms` is None for compacted topics, else by the setting
    SIAGA_RETENTION_DAYS. `input` is the name of the publisher whose own topic it is; "" for every other topic.
    """

    topic: Topic
    direction: Direction
    retention_ms: int | None
    about: str
    input: str = ""

    @property
    def is_read_by_workers(self) -> bool:
        """Whether the workers' group has offsets of it."""
        return self.direction is Direction.IN or self.topic is Topic.LEDGER

    @property
    def config(self) -> dict[str, str]:
        """Topic settings on the broker. Retention counts from the append, or a replay would expire at once."""
        common = {"message.timestamp.type": "LogAppendTime", "max.message.bytes": str(self.message_bytes_max)}
        if self.topic in _READ_WHOLE:
            common |= {"segment.ms": str(READ_WHOLE_SEGMENT_MS)}
        if self.retention_ms is None:
            return common | {"cleanup.policy": "compact"}
        return common | {"cleanup.policy": "delete", "retention.ms": str(self.retention_ms)}

    @property
    def message_bytes_max(self) -> int:
        """The largest batch that the topic takes."""
        if self.direction is Direction.IN:
            return INPUT_MESSAGE_MAX_BYTES
        return REJECTED_MESSAGE_MAX_BYTES if self.topic is Topic.REJECTED else OUTPUT_MESSAGE_MAX_BYTES


#: Compacted topics that are always read from their beginning: what is older than a segment is compacted.
_READ_WHOLE = frozenset({Topic.OWNERS, Topic.STATUS})
READ_WHOLE_SEGMENT_MS = 10 * MINUTE_MS
_KEPT_MS = DEFAULT_RETENTION_DAYS * DAY_MS

SPECS: tuple[TopicSpec, ...] = (
    TopicSpec(Topic.INCIDENTS, Direction.IN, _KEPT_MS, "incident reports from publishers"),
    TopicSpec(Topic.TURNOUT, Direction.IN, _KEPT_MS, "turnout per polling station from publishers"),
    TopicSpec(
        Topic.LEDGER,
        Direction.INTERNAL,
        _KEPT_MS,
        "validated events, ticks and control events, one order per regency",
    ),
    TopicSpec(Topic.POSITIONS, Direction.INTERNAL, None, "how far intake has read each input partition"),
    TopicSpec(Topic.STATE, Direction.INTERNAL, None, "the fold's state"),
    TopicSpec(Topic.OWNERS, Direction.INTERNAL, None, "which lane may write what follows from a partition"),
    TopicSpec(Topic.STATUS, Direction.INTERNAL, None, "what each process says of itself"),
    TopicSpec(Topic.RISK, Direction.OUT, None, "the rolling risk row of each regency"),
    TopicSpec(Topic.PROVINCE, Direction.OUT, None, "the roll-up row of each province"),
    TopicSpec(Topic.ESCALATIONS, Direction.OUT, _KEPT_MS, "level changes and the authorities to notify"),
    TopicSpec(Topic.REJECTED, Direction.OUT, _KEPT_MS, "rejected input as it came, reason in headers"),
    TopicSpec(Topic.NOTIFICATIONS, Direction.OUT, _KEPT_MS, "what was sent to receivers, and their answers"),
)

INPUTS: tuple[Topic, ...] = tuple(spec.topic for spec in SPECS if spec.direction is Direction.IN)
#: Characters of the longest name after the prefix.
LONGEST_NAME = max(*map(len, Topic), max(map(len, INPUTS)) + 1 + INPUT_NAME_MAX)


def specs_with(inputs: Iterable[str], retention_days: int = DEFAULT_RETENTION_DAYS) -> tuple[TopicSpec, ...]:
    """Every topic of a deployment: SPECS, then the input topics that these publishers have for themselves."""
    specs = tuple(
        spec if spec.retention_ms is None else replace(spec, retention_ms=retention_days * DAY_MS) for spec in SPECS
    )
    common = [spec for spec in specs if spec.direction is Direction.IN]
    return specs + tuple(
        replace(spec, input=name, about=f"{spec.about}: {name} alone") for name in inputs for spec in common
    )


@dataclass(frozen=True)
class TopicNames:
    """Full topic names under one prefix."""

    prefix: str = DEFAULT_PREFIX

    def __getitem__(self, topic: Topic) -> str:
        return self.prefix + topic.value

    def input(self, kind: Topic, name: str = "") -> str:
        """The topic of a publisher's own input; the common one when `name` is ""."""
        return f"{self[kind]}.{name}" if name else self[kind]

    def of(self, spec: TopicSpec) -> str:
        """The topic of a spec."""
        return self.input(spec.topic, spec.input)
