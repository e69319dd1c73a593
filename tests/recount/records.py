"""What a deployment leaves behind in Kafka, as plain data. The laws see nothing else: no process, no clock."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

INPUTS = ("incidents", "turnout")
TOPICS = (*INPUTS, "ledger", "rejected", "risk", "province", "escalations", "risk-state", "intake-state")

_INPUT = re.compile(rf"(?:^|\.)((?:{'|'.join(INPUTS)})(?:\.[a-z0-9-]+)?)$")

#: An incarnation of a partition of an input: topic, partition, how often the topic had been created again.
Place = tuple[str, int, int]


@dataclass(frozen=True, slots=True)
class Record:
    """One committed record; `topic` without the prefix, `at_ms` its append time (Unix ms)."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: dict[str, bytes] = field(default_factory=dict)
    at_ms: int = 0
    #: How often its topic had been deleted and created again before.
    incarnation: int = 0

    @property
    def place(self) -> Place:
        return self.topic, self.partition, self.incarnation

    @property
    def key_text(self) -> str:
        """The key as text. Raises ValueError when the record has none."""
        if self.key is None:
            raise ValueError(f"{self.topic}-{self.partition}, offset {self.offset}: no key")
        return self.key.decode()

    def json(self) -> Any:
        """The decoded value. Raises ValueError when it is no JSON or the record is a tombstone."""
        if self.value is None:
            raise ValueError(f"{self.topic}-{self.partition}, offset {self.offset}: no value")
        return json.loads(self.value)


class Cut(NamedTuple):
    """An input's offsets before `kept_from` were removed when intake's notes in that partition ended at `noted_to`."""

    topic: str
    partition: int
    incarnation: int
    kept_from: int
    noted_to: int


@dataclass
class Evidence:
    """Everything committed, in partition, incarnation and offset order, and what the broker says of the group.

    Of the inputs and the state also what was deleted or cut: whoever did it read that right before.
    """

    partitions: int
    topics: dict[str, list[Record]]
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
    #: Offsets of intake's notes at which an input's second, third ... incarnation begins, by (topic, partition).
    recreated: dict[tuple[str, int], tuple[int, ...]] = field(default_factory=dict)
    #: All records of each state topic that was deleted, oldest first.
    lost_states: list[list[Record]] = field(default_factory=list)

    @property
    def inputs(self) -> list[Record]:
        """Of the common topics and of those of single publishers (`incidents.kpu`)."""
        return [record for name in sorted(self.topics) if is_input(name) for record in self.topics[name]]


def is_input(topic: str) -> bool:
    """Whether a topic, named without the prefix, is an input."""
    return topic.partition(".")[0] in INPUTS


def input_of(topic: str) -> str:
    """The name of an input without the prefix, which may hold dots as the name itself may."""
    named = _INPUT.search(topic)
    return named[1] if named else topic


class StateMark(NamedTuple):
    """What a record of the risk state topic says of the ledger.

    `begin`: state built from offset 0, publishing nothing before `offset`; `next`: a batch ended before `offset`;
    `head`: the row of `code` is of `offset`.
    """

    kind: str
    partition: int
    code: str
    offset: int


def state_marks(records: Iterable[Record]) -> list[StateMark]:
    """Keys `@begin`, `@next`, `<code>/h`, `<code>/p` (docs/architecture.md). Nothing else reads state records."""
    marks = []
    for record in records:
        key = record.key_text
        code, _, kind = key.partition("/")  # a station may have any name, and its key ends with it
        if key == "@begin":
            marks.append(StateMark("begin", record.partition, "", record.json()["quiet_until"]))
        elif key == "@next" and record.value:
            marks.append(StateMark("next", record.partition, "", record.json()["offset"]))
        elif kind in ("h", "p") and record.value:
            marks.append(StateMark("head", record.partition, code, record.json()["offset"]))
    return marks


def folded_to(state: Iterable[Record]) -> dict[int, int]:
    """Ledger offset up to which the state of each partition is folded."""
    return {mark.partition: mark.offset for mark in state_marks(state) if mark.kind == "next"}
