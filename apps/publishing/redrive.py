"""One run of `siaga redrive`: check rejected records by intake's rules and send the valid ones to their input topic."""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass

from apps.publishing.messages import Message
from apps.publishing.publish import Tally
from apps.publishing.redriven import Journal
from apps.publishing.rejects import Origin, Reject, Unreadable
from apps.publishing.sender import Sender
from schemas.cloudevents import CONTENT_TYPE, is_envelope
from schemas.rejected import Rejected
from schemas.topics import Direction, TopicNames, specs_with
from streams.admission import ClockMode, Gate

#: Header of a redriven record: the position of the one it replaces, `topic/partition/offset`.
REPLACES_HEADER = "siaga.replaces"
UNREADABLE = "unreadable"
#: Siaga ignores keys. A key of a megabyte would not fit into a request and would block the records behind it.
KEY_MAX_BYTES = 64 * 1024

Report = Callable[[str], None]


@dataclass
class RedriveTally(Tally):
    """`already` counts records that an earlier run, or an earlier line of this run, has redriven."""

    already: int = 0


class IntakeCheck:
    """Intake's admission as of now. With the event clock, which only the workers know, all checks but the clock's.

    `inputs` are the names of the publishers' own inputs."""

    def __init__(
        self, gate: Gate, names: TopicNames, mode: ClockMode, now_ms: Callable[[], int], inputs: Iterable[str] = ()
    ) -> None:
        self._mode, self._now_ms = mode, now_ms
        specs = (spec for spec in specs_with(inputs) if spec.direction is Direction.IN)
        self._accept = {names.of(spec): gate.acceptor(spec.topic, spec.input) for spec in specs}

    @property
    def topics(self) -> list[str]:
        """The topics that a record may be sent to."""
        return list(self._accept)

    def keep_to(self, topics: Collection[str]) -> None:
        """Send to these topics alone: the user may not write the others."""
        self._accept = {topic: accept for topic, accept in self._accept.items() if topic in topics}

    def rejection(self, reject: Reject) -> tuple[str, str] | None:
        """(reason, one line) if intake would reject the record now, None if it would admit it."""
        if (accept := self._accept.get(reject.origin.topic)) is None:
            return UNREADABLE, f"source.topic: {reject.origin.topic} is not one of {', '.join(self._accept)}"
        if len(reject.key or b"") > KEY_MAX_BYTES:
            return UNREADABLE, f"key: {len(reject.key or b'')} bytes, at most {KEY_MAX_BYTES} are sent again"
        wall_ms = self._now_ms()
        try:
            accept(reject.value, declared(reject.value), wall_ms if self._mode is ClockMode.WALL else 0, wall_ms)
        except Rejected as rejected:
            return rejected.reason.value, rejected.error
        return None


def declared(value: bytes | None) -> tuple[tuple[str, bytes], ...]:
    """The headers that a record with this value needs. The original's are not kept; a plain message needs none."""
    return (("content-type", CONTENT_TYPE),) if is_envelope(value) else ()


def valid(
    rejects: Iterable[Reject | Unreadable],
    check: IntakeCheck,
    redriven: Callable[[Origin], bool],
    tally: RedriveTally,
    report: Report,
) -> Iterator[Reject]:
    """The records to send: valid now and not redriven before. The others are counted; invalid ones are reported."""
    seen: set[Origin] = set()
    for reject in rejects:
        tally.read += 1
        if isinstance(reject, Unreadable):
            _count_rejected(tally, report, reject.where, UNREADABLE, reject.error)
        elif reject.origin in seen or redriven(reject.origin):
            tally.already += 1
        elif rejection := check.rejection(reject):
            _count_rejected(tally, report, reject.where, *rejection)
        else:
            seen.add(reject.origin)
            yield reject


def redrive(rejects: Iterable[Reject], sender: Sender, journal: Journal, tally: RedriveTally) -> None:
    """Send all; journal each record once it is acknowledged, also when the broker fails later.

    Raises DeliveryError, KafkaError, JournalError, or what reading raises. An exception from a signal handler may come
    between two steps, so nothing is journaled after one: stop by ending `rejects` instead (see `unless`)."""
    waiting: deque[Origin] = deque()
    try:
        for reject in rejects:
            headers = (*declared(reject.value), (REPLACES_HEADER, str(reject.origin).encode()))
            waiting.append(reject.origin)
            sender.send(reject.origin.topic, Message(reject.key, reject.value or b"", headers=headers))
            _journal_acknowledged(waiting, sender, journal, tally)
        sender.drain()
    except Exception:
        _journal_acknowledged(waiting, sender, journal, tally)
        raise
    _journal_acknowledged(waiting, sender, journal, tally)


def unless(stopped: Callable[[], bool], rejects: Iterable[Reject | Unreadable]) -> Iterator[Reject | Unreadable]:
    """The same records until `stopped()`, so that those already sent are awaited and journaled."""
    for reject in rejects:
        if stopped():
            return
        yield reject


def _journal_acknowledged(waiting: deque[Origin], sender: Sender, journal: Journal, tally: RedriveTally) -> None:
    while tally.sent < sender.acknowledged:
        journal.add(waiting[0])  # before popleft: a record that cannot be journaled stays the next one
        waiting.popleft()
        tally.sent += 1


def _count_rejected(tally: RedriveTally, report: Report, where: str, reason: str, error: str) -> None:
    tally.reject(reason)
    report(f"{where}: {reason}: {error}")
