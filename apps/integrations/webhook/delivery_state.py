"""What one sender still owes of one partition: a fold over its records in the log of notifications.

Pure: the records come in the log's order with their append times, the broker's clock. The table EFFECTS says what each
event does."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from pydantic import ValidationError

from schemas.notification import NOTIFICATION_SCHEMA, Event, Notification

#: Escalations of a regency whose ids are kept, so that each names the one before it: more than an election day has.
KNOWN_MAX = 200


class NewerLog(Exception):
    """The log has records of a later format. One line with both numbers."""


class Tried(NamedTuple):
    """An escalation that was tried and not delivered. `first_ms`: append time of its first record, None when it was
    asked for again and not tried since."""

    offset: int
    first_ms: int | None
    attempts: int
    last: Notification


class Refused(NamedTuple):
    """An escalation that stays refused. `first_ms` and `last_ms`: append times of its first record and its last."""

    first_ms: int
    last_ms: int
    last: Notification


class Known(NamedTuple):
    offset: int
    escalation_id: str


Key = tuple[int, str | None]
"""Offset and id: the same offset of a topic that was created again holds another escalation."""


def key_of(one: Notification) -> Key:
    """What a record is about."""
    return one.position.offset, one.escalation_id


@dataclass
class DeliveryState:
    """`settled_below`: everything below came to its end; None when the log holds nothing. `settled`: what came to its
    end at or above it. `last_ms`: append time of the last record."""

    settled_below: int | None = None
    settled: set[Key] = field(default_factory=set)
    tried: dict[Key, Tried] = field(default_factory=dict)
    refused: dict[Key, Refused] = field(default_factory=dict)
    known: dict[str, list[Known]] = field(default_factory=dict)
    receiver: str | None = None
    last_ms: int = 0

    def apply(self, one: Notification, append_ms: int) -> None:
        """Add the next record of the log."""
        EFFECTS[Event(one.event)](self, one, append_ms)
        self.receiver, self.last_ms = one.receiver, append_ms
        if Event(one.event) is not Event.STARTED or self.settled_below is None:
            self._move(one.settled_below)

    def learn(self, regency: str, offset: int, escalation_id: str) -> None:
        """Keep the id of an escalation of a regency."""
        known = self.known.setdefault(regency, [])
        if all(one.offset != offset for one in known):
            known.append(Known(offset, escalation_id))
            known.sort()
            del known[:-KNOWN_MAX]

    def previous(self, regency: str, offset: int) -> str | None:
        """The id of the escalation of the same regency before this one, None when the log does not hold it."""
        before = [one for one in self.known.get(regency, ()) if one.offset < offset]
        return before[-1].escalation_id if before else None

    def anchor(self, end: int) -> Known | None:
        """The last escalation below `end` whose id is known: it shows whether the topic is still the same."""
        below = [one for known in self.known.values() for one in known if one.offset < end]
        return max(below, default=None)

    def started(self, one: Notification, append_ms: int) -> None:
        """A sender begins. Its position counts only when the log had none: of two that start at once, the first."""

    def recreated(self, one: Notification, append_ms: int) -> None:
        """The topic of escalations was created again: offsets mean other escalations now."""
        self.settled_below = one.settled_below
        self.settled, self.tried, self.known = set(), {}, {}

    def failed(self, one: Notification, append_ms: int) -> None:
        """An attempt failed and will be repeated."""
        before = self._take(one)
        if before is None and (key_of(one) in self.settled or one.position.offset < (self.settled_below or 0)):
            return  # written late, by an instance that was cut off: another has brought it to its end
        first_ms = append_ms if before is None or before.first_ms is None else before.first_ms
        self.tried[key_of(one)] = Tried(one.position.offset, first_ms, one.attempts, one)
        self._learn(one)

    def ended(self, one: Notification, append_ms: int) -> None:
        """Delivered, expired or dropped: nothing is left to do."""
        self._take(one)
        self.refused.pop(key_of(one), None)
        self.settled.add(key_of(one))
        self._learn(one)

    def gave_up(self, one: Notification, append_ms: int) -> None:
        """Refused for longer than the sender tries, or no escalation: listed until people decide."""
        before = self.tried.get(key_of(one))
        first_ms = append_ms if before is None or before.first_ms is None else before.first_ms
        self.ended(one, append_ms)
        self.refused[key_of(one)] = Refused(first_ms, append_ms, one)

    def asked_again(self, one: Notification, append_ms: int) -> None:
        """People ask for it again: the attempts and their time begin again."""
        self.refused.pop(key_of(one), None)
        self.tried[key_of(one)] = Tried(one.position.offset, None, 0, one)

    def _take(self, one: Notification) -> Tried | None:
        """Remove what was tried of an escalation; people may have asked for it by its position alone."""
        unnamed = self.tried.pop((one.position.offset, None), None)
        return self.tried.pop(key_of(one), unnamed)

    def _learn(self, one: Notification) -> None:
        if one.regency and one.escalation_id:
            self.learn(one.regency, one.position.offset, one.escalation_id)

    def _move(self, settled_below: int) -> None:
        self.settled_below = max(self.settled_below or 0, settled_below)
        self.settled = {key for key in self.settled if key[0] >= self.settled_below}


Effect = Callable[[DeliveryState, Notification, int], None]
EFFECTS: dict[Event, Effect] = {
    Event.STARTED: DeliveryState.started,
    Event.RECREATED: DeliveryState.recreated,
    Event.FAILED: DeliveryState.failed,
    Event.DELIVERED: DeliveryState.ended,
    Event.EXPIRED: DeliveryState.ended,
    Event.DROPPED: DeliveryState.ended,
    Event.REFUSED: DeliveryState.gave_up,
    Event.UNREADABLE: DeliveryState.gave_up,
    Event.RESEND: DeliveryState.asked_again,
}


def parse(value: bytes | None) -> Notification | None:
    """A record of the log, None for one that no sender wrote. Raises NewerLog.

    Unknown fields are ignored; another format number is not, for the position would be wrong."""
    try:
        return Notification.model_validate_json(value or b"", extra="ignore")
    except ValidationError:
        name = _schema_of(value)
    prefix, _, version = NOTIFICATION_SCHEMA.partition("/")
    if name.startswith(f"{prefix}/") and name != NOTIFICATION_SCHEMA:
        raise NewerLog(f"the log of notifications has {name}, this version reads {prefix}/{version}: upgrade this one")
    return None


def _schema_of(value: bytes | None) -> str:
    import orjson

    try:
        found = orjson.loads(value or b"")
    except orjson.JSONDecodeError:
        return ""
    name = found.get("schema") if isinstance(found, dict) else None
    return name[:60] if isinstance(name, str) and name.isprintable() else ""


def folded(records: Iterable[tuple[Notification, int]]) -> DeliveryState:
    """The state after these records of one target and partition."""
    state = DeliveryState()
    for one, append_ms in records:
        state.apply(one, append_ms)
    return state


class Settlement:
    """How far a partition is settled: `below` is the first offset that is not. Reading only moves forward."""

    def __init__(self, start: int) -> None:
        self.next = start
        self._open: set[int] = set()

    @property
    def below(self) -> int:
        """Every escalation below this offset has come to its end."""
        return min(self._open, default=self.next)

    def read(self, offset: int) -> None:
        """An escalation was read and is open."""
        self._open.add(offset)
        self.next = max(self.next, offset + 1)

    def settle(self, offset: int) -> None:
        """It came to its end."""
        self._open.discard(offset)
