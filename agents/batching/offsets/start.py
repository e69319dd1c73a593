"""Decides where reading a source starts, and what a batch means that does not continue there. Pure: no Kafka, no clock.

A stage with state takes the offset from its state and looks nothing up. Otherwise the group's offset and the stage's
own note are compared, by the first rule of `RULES` that applies: Kafka's coordinator may answer with old offsets, or
none, and no error, when a broker comes up after a kill (docs/upstream.md).
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from aiokafka.structs import OffsetAndMetadata

from ..fold import Batch


class Verdict(StrEnum):
    """Where reading starts, or what must be looked up before that can be said."""

    #: Look whether the stage has written before; then decide again.
    LOOK_FOR_OUTPUT = "look for output first"
    #: Ask the group a second time, after a pause; then decide again.
    ASK_AGAIN = "ask again after `ask_again_pause_ms`"
    #: The source was deleted and created again since it was read: Kafka forgets the offsets of a deleted topic.
    RECREATED = "the beginning: it was recreated"
    #: The stage's own note: the group is behind it.
    NOTE = "the note"
    GROUP = "the group's offset"
    UNREAD = "the beginning: it was never read"


@dataclass(frozen=True)
class Known:
    """What is known of a source without a state of its own. Offsets are the next ones to read."""

    #: None where the group has no offset.
    group: OffsetAndMetadata | None
    note: OffsetAndMetadata | None
    #: Where the source ends now.
    end: int
    #: Whether the stage has written anything before; None until that was looked up.
    has_written: bool | None = None
    is_second_answer: bool = False

    @property
    def noted(self) -> int:
        """The noted offset; 0 where nothing of the source is noted as read."""
        return self.note.offset if self.note else 0

    @property
    def is_offset_missing(self) -> bool:
        """The group has no offset of a source that has records: on a first start that is right, later it is wrong."""
        return self.group is None and self.end > 0 and not self.is_second_answer


class Rule(NamedTuple):
    """The first rule whose condition holds decides."""

    when: str
    holds: Callable[[Known], bool]
    verdict: Verdict


RULES = (
    Rule(
        "the group has no offset, the source has records, there is a note",
        lambda known: known.is_offset_missing and known.note is not None,
        Verdict.ASK_AGAIN,
    ),
    Rule(
        "the group has no offset, the source has records, output was not looked for",
        lambda known: known.is_offset_missing and known.has_written is None,
        Verdict.LOOK_FOR_OUTPUT,
    ),
    Rule(
        "the group has no offset, the source has records, the stage has written before",
        lambda known: known.is_offset_missing and known.has_written is True,
        Verdict.ASK_AGAIN,
    ),
    Rule("the source ends before its note", lambda known: known.noted > known.end, Verdict.RECREATED),
    Rule(
        "the source was read, and the group still has no offset",
        lambda known: known.noted > 0 and known.group is None,
        Verdict.RECREATED,
    ),
    Rule(
        "the group's offset is behind the note",
        lambda known: known.group is not None and known.noted > known.group.offset,
        Verdict.NOTE,
    ),
    Rule("the group has an offset", lambda known: known.group is not None, Verdict.GROUP),
    Rule("otherwise", lambda known: True, Verdict.UNREAD),
)


def decide(known: Known) -> Rule:
    """The rule that applies."""
    return next(rule for rule in RULES if rule.holds(known))


@dataclass(frozen=True)
class Start:
    """Where reading starts without a usable state. `offset` is the next one to read, 0 for the beginning."""

    verdict: Verdict
    offset: int = 0
    #: What the fold had noted there.
    note: str = ""


def start_at(verdict: Verdict, known: Known) -> Start:
    """The start that a final verdict means."""
    at = {Verdict.NOTE: known.note, Verdict.GROUP: known.group}.get(verdict)
    return Start(verdict, at.offset, at.metadata) if at else Start(verdict)


class Arrival(StrEnum):
    """What a batch means for a shard that has read up to its next offset."""

    #: It begins at the next offset or before: fold what is new of it.
    CONTINUES = "continues"
    #: It begins beyond the next offset: the offsets between were not read.
    GAP = "gap"
    #: The source ends before the next offset, or was read from its beginning again: it was recreated.
    RECREATED = "source recreated"


def arrival(batch: Batch, next_offset: int) -> Arrival:
    """How a batch continues what was read."""
    if batch.start_offset > next_offset:
        return Arrival.GAP
    if batch.end_offset < next_offset or (batch.went_back and batch.start_offset < next_offset):
        return Arrival.RECREATED
    return Arrival.CONTINUES


def first_held(expected: int, found: int, beginning: int) -> int | None:
    """The offset to read a gap from: what the source still holds of it; None when it holds nothing of it any more."""
    held = max(expected, beginning)
    return held if held < found else None
