"""The watermark of one intake shard as a state machine: when the shard publishes how far it has read.

With the event clock every intake shard writes watermarks to the ledger, and `streams.event_time.sequencer` releases an
entry when the watermarks of all shards that are not idle have passed its time. A shard therefore has to publish three
things: that it has input again, how far it has read, and that it has nothing more to read. At every batch and at every
idle tick it gets one signal, and TRANSITIONS says what follows. docs/event-time.md shows the diagram generated from
this table.

Pure: times are arguments. Event times and wall times are milliseconds since the Unix epoch.
"""

from enum import StrEnum
from typing import NamedTuple

from schemas.vocabulary import MINUTE_MS

#: The next watermark is due after this much event time, or this much wall time: often enough that a replay at any speed
#: is not delayed by more than a quarter second, seldom enough that a day at full speed is some 800 frames per shard and
#: partition.
DUE_EVENT_MS = MINUTE_MS
DUE_WALL_MS = 250
#: The least wall time without a record before a shard counts as read to its end: the end of the partition is known from
#: the last fetch and may be some moments old.
END_AFTER_MS = 500
#: Follows the newest event time in the note of a shard that is under way.
UNDER_WAY_NOTE = "under way"


class State(StrEnum):
    STARTING = "starting"  # no watermark was published since the shard was opened
    WAKING = "waking"  # published its oldest record; waits, for other shards may have older ones
    UNDER_WAY = "under_way"  # publishes its progress
    IDLE = "idle"  # published that it has nothing more to read: the sequencer does not wait for it


class Signal(StrEnum):
    READ = "read"  # records were read
    DUE = "due"  # ... and the wait since the shard woke is over, and its progress is worth a watermark
    END = "end"  # everything is read, and nobody is likely to append more


class Mark(StrEnum):
    """The event time that a watermark carries."""

    OLDEST = "oldest"  # of the batch: what other shards read now may be as old
    NEWEST = "newest"  # of all that was read


class Transition(NamedTuple):
    to: State
    publishes: Mark | None
    why: str


TRANSITIONS: dict[tuple[State, Signal], Transition] = {
    (State.STARTING, Signal.READ): Transition(State.WAKING, Mark.OLDEST, "first records"),
    (State.STARTING, Signal.DUE): Transition(State.WAKING, Mark.OLDEST, "first records"),
    (State.STARTING, Signal.END): Transition(State.IDLE, Mark.NEWEST, "nothing to read"),
    (State.WAKING, Signal.READ): Transition(State.WAKING, None, ""),
    (State.WAKING, Signal.DUE): Transition(State.UNDER_WAY, Mark.NEWEST, "others had time to wake"),
    (State.WAKING, Signal.END): Transition(State.IDLE, Mark.NEWEST, "all is read"),
    (State.UNDER_WAY, Signal.READ): Transition(State.UNDER_WAY, None, ""),
    (State.UNDER_WAY, Signal.DUE): Transition(State.UNDER_WAY, Mark.NEWEST, "progress"),
    (State.UNDER_WAY, Signal.END): Transition(State.IDLE, Mark.NEWEST, "all is read"),
    (State.IDLE, Signal.READ): Transition(State.WAKING, Mark.OLDEST, "input resumes"),
    (State.IDLE, Signal.DUE): Transition(State.WAKING, Mark.OLDEST, "input resumes"),
    (State.IDLE, Signal.END): Transition(State.IDLE, None, ""),
}


class Published(NamedTuple):
    """A watermark to write to every ledger partition. `at_ms`: event time up to which the shard has read."""

    at_ms: int
    is_idle: bool


class _Progress(NamedTuple):
    """State of a shard, the watermark it published last, and the wall times at which it published and woke."""

    state: State
    watermark_ms: int
    published_at_ms: int
    woke_at_ms: int


class Watermark:
    """The progress of one intake shard. What was published counts from the commit of its transaction (`committed`).

    `idle_after_ms` is wall time: how long a shard that wakes waits for the others to wake too, and how long after the
    newest record's append a shard that has read everything still waits for its publisher. Longer keeps a bulk load in
    order on a busier machine.
    """

    __slots__ = ("_appended_at_ms", "_committed", "_idle_after_ms", "_latest", "_read_at_ms", "newest_ms")

    def __init__(self, now_ms: int, idle_after_ms: int) -> None:
        self.newest_ms = 0  # the newest event time read: the event clock of the shard
        self._idle_after_ms = idle_after_ms
        self._latest = self._committed = _Progress(State.STARTING, 0, 0, now_ms)
        self._read_at_ms = self._appended_at_ms = now_ms

    @property
    def state(self) -> State:
        """The state after the last signal, whether or not it is committed."""
        return self._latest.state

    def restore(self, note: str) -> None:
        """Take the note of the last committed transaction.

        Without it a restart would turn the event clock back. A shard that was under way continues at once: the others
        had their time to wake.
        """
        newest, _, state = note.partition(" ")
        self.newest_ms = int(newest) if newest.isdecimal() else 0
        if state == UNDER_WAY_NOTE:
            self._latest = self._committed = _Progress(State.UNDER_WAY, self.newest_ms, 0, 0)

    def note(self) -> str:
        """The newest event time, and whether the shard is under way: the text that `restore` takes."""
        return f"{self.newest_ms} {UNDER_WAY_NOTE}" if self._latest.state is State.UNDER_WAY else str(self.newest_ms)

    def read(self, oldest_ms: int, newest_ms: int, appended_at_ms: int, now_ms: int) -> Published | None:
        """Records were read at wall time `now_ms`, the last of them appended at `appended_at_ms`.

        `oldest_ms` is the oldest event time among them, `newest_ms` the newest of all that was read so far.
        """
        self.newest_ms, self._appended_at_ms, self._read_at_ms = newest_ms, appended_at_ms, now_ms
        return self._step(Signal.DUE if self._is_due(now_ms) else Signal.READ, oldest_ms, now_ms)

    def end(self, now_ms: int) -> Published | None:
        """Nothing more was there to read at wall time `now_ms`."""
        return self._step(Signal.END, self.newest_ms, now_ms) if self._is_end(now_ms) else None

    def committed(self) -> None:
        """The transaction with the last published watermark is committed."""
        self._committed = self._latest

    def _is_due(self, now_ms: int) -> bool:
        if now_ms - self._latest.woke_at_ms < self._idle_after_ms:
            return False
        last = self._committed
        if self.newest_ms >= last.watermark_ms + DUE_EVENT_MS:
            return True
        return self.newest_ms > last.watermark_ms and now_ms >= last.published_at_ms + DUE_WALL_MS

    def _is_end(self, now_ms: int) -> bool:
        """Whether nobody is likely to add to what was read.

        At once for records appended long ago; otherwise after `idle_after_ms`, in which their publisher may append
        more, or another shard may wake.
        """
        since_ms = max(self._appended_at_ms, self._latest.woke_at_ms)
        return now_ms - since_ms >= self._idle_after_ms and now_ms - self._read_at_ms >= END_AFTER_MS

    def _step(self, signal: Signal, oldest_ms: int, now_ms: int) -> Published | None:
        to, publishes, _ = TRANSITIONS[self._committed.state, signal]
        if publishes is None:
            return None
        at_ms = self.newest_ms if publishes is Mark.NEWEST else min(oldest_ms, self.newest_ms)
        woke_at_ms = now_ms if to is State.WAKING else self._latest.woke_at_ms
        self._latest = _Progress(to, at_ms, now_ms, woke_at_ms)
        return Published(at_ms, to is State.IDLE)


def diagram() -> str:
    """The table as a Mermaid state diagram; signals with the same consequence share an arrow."""
    signals: dict[tuple[State, Transition], list[str]] = {}
    for (state, signal), transition in TRANSITIONS.items():
        if transition.publishes:
            signals.setdefault((state, transition), []).append(signal.value)
    lines = ["stateDiagram-v2", "    [*] --> starting"]
    lines += [
        f"    {state.value} --> {to.value}: {' or '.join(names)} ({why}; publishes {publishes})"
        for (state, (to, publishes, why)), names in signals.items()
    ]
    return "\n".join(lines) + "\n"
