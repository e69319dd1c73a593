"""One run of `siaga redrive`: rejected records in, each judged by intake's own rules, the good ones sent to where they
came from.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from apps.publishing.messages import Message
from apps.publishing.publish import Tally
from apps.publishing.redriven import Journal
from apps.publishing.rejects import Origin, Reject, Unreadable
from apps.publishing.sender import Sender
from schemas.topics import INPUTS, TopicNames
from streams.admission import ClockMode, Gate, Rejection

#: On a redriven record: the place of the one it replaces, `topic/partition/offset`.
REPLACES_HEADER = "siaga.replaces"
UNREADABLE = "unreadable"
#: A key says nothing to Siaga. One of a megabyte would not fit a request, and must not hold up the records behind it.
KEY_MAX_BYTES = 64 * 1024

Tell = Callable[[str], None]


@dataclass
class RedriveTally(Tally):
    """`already` counts those that an earlier run, or an earlier line of this one, had redriven."""

    already: int = 0


class Judge:
    """Intake's gate at this moment. With the event clock, which only the workers know, it judges all but the clock."""

    def __init__(self, gate: Gate, names: TopicNames, mode: ClockMode, now_ms: Callable[[], int]) -> None:
        self._gate, self._mode, self._now_ms = gate, mode, now_ms
        self._inputs = {names[topic]: topic for topic in INPUTS}

    def refusal(self, reject: Reject) -> tuple[str, str] | None:
        """(reason, one line) if the record would be refused now, None if it would be taken."""
        if (topic := self._inputs.get(reject.origin.topic)) is None:
            return UNREADABLE, f"source.topic: {reject.origin.topic} is not one of {', '.join(self._inputs)}"
        if len(reject.key or b"") > KEY_MAX_BYTES:
            return UNREADABLE, f"key: {len(reject.key or b'')} bytes, at most {KEY_MAX_BYTES} are sent again"
        clock_ms = self._now_ms() if self._mode is ClockMode.WALL else 0
        # Without headers: those of the original are not kept, and what is sent again carries none that declares an
        # encoding.
        decision = self._gate.admit(topic, reject.value, (), clock_ms)
        return (decision.reason.value, decision.error) if isinstance(decision, Rejection) else None


def fit(
    rejects: Iterable[Reject | Unreadable],
    judge: Judge,
    redriven: Callable[[Origin], bool],
    tally: RedriveTally,
    tell: Tell,
) -> Iterator[Reject]:
    """Those to be sent: good now, and not sent before. The others are counted and told."""
    seen: set[Origin] = set()
    for reject in rejects:
        tally.read += 1
        if isinstance(reject, Unreadable):
            _refuse(tally, tell, reject.where, UNREADABLE, reject.error)
        elif reject.origin in seen or redriven(reject.origin):
            tally.already += 1
        elif refusal := judge.refusal(reject):
            _refuse(tally, tell, reject.where, *refusal)
        else:
            seen.add(reject.origin)
            yield reject


def redrive(rejects: Iterable[Reject], sender: Sender, journal: Journal, tally: RedriveTally) -> None:
    """Send all and journal each once it is acknowledged; at the end, and when the broker fails, all that were.

    Raises DeliveryError, KafkaError, JournalError, or what reading raises. An exception from a signal handler may come
    between two steps, so after one nothing more is journaled: stop by ending `rejects` (see `unless`)."""
    waiting: deque[Origin] = deque()
    try:
        for reject in rejects:
            replaces = ((REPLACES_HEADER, str(reject.origin).encode()),)
            waiting.append(reject.origin)
            sender.send(reject.origin.topic, Message(reject.key, reject.value or b"", headers=replaces))
            _settle(waiting, sender, journal, tally)
        sender.drain()
    except Exception:
        _settle(waiting, sender, journal, tally)
        raise
    _settle(waiting, sender, journal, tally)


def unless(stopped: Callable[[], bool], rejects: Iterable[Reject | Unreadable]) -> Iterator[Reject | Unreadable]:
    """The same until `stopped()`, so that what was sent is waited for and noted."""
    for reject in rejects:
        if stopped():
            return
        yield reject


def _settle(waiting: deque[Origin], sender: Sender, journal: Journal, tally: RedriveTally) -> None:
    while tally.sent < sender.acknowledged:
        journal.add(waiting[0])  # first: if it cannot be noted, it stays the next to be noted
        waiting.popleft()
        tally.sent += 1


def _refuse(tally: RedriveTally, tell: Tell, where: str, reason: str, error: str) -> None:
    tally.reject(reason)
    tell(f"{where}: {reason}: {error}")
