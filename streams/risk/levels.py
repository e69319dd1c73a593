"""The level ladder as a state machine. Everything about when a level changes lives in this file.

Each alarm level (waspada, siaga, awas) is a rung with a phase, like a Prometheus alert: inactive, pending, firing,
keeping (its `keep_firing_for`). At every evaluation a rung gets one signal, and TRANSITIONS says what follows. The
level is the highest rung that fires or keeps; a rung that fires carries those below it. docs/levels.md shows the
diagram generated from this table.

Why it cannot flap: the level falls by one rung at a time, only when `keep` has passed since the last change of any
kind, so two falls lie at least `keep` apart; and it cannot rise more rungs than it fell, plus three. `most_changes`
states the bound.
"""

from enum import IntEnum, StrEnum
from typing import NamedTuple, TypedDict

from schemas.vocabulary import HOUR_MS
from streams.rules import Rung


class Phase(IntEnum):
    INACTIVE = 0
    PENDING = 1
    FIRING = 2
    KEEPING = 3


class Signal(StrEnum):
    URGENT = "urgent"  # a grave incident raises to this level at once
    ABOVE = "above"  # the score is at or over the raise threshold
    HELD = "held"  # ... and has been for the rung's hold
    BETWEEN = "between"  # between the two thresholds: the hysteresis band
    BELOW = "below"  # under the lower threshold, or nothing may fall yet
    KEPT = "kept"  # under it, it is the top rung, the level has been kept long enough, and silence does not hold it


class Transition(NamedTuple):
    to: Phase
    why: str


TRANSITIONS: dict[tuple[Phase, Signal], Transition] = {
    (Phase.INACTIVE, Signal.URGENT): Transition(Phase.FIRING, "raised by a grave incident"),
    (Phase.INACTIVE, Signal.ABOVE): Transition(Phase.PENDING, "score reached the threshold"),
    (Phase.INACTIVE, Signal.BETWEEN): Transition(Phase.INACTIVE, ""),
    (Phase.INACTIVE, Signal.BELOW): Transition(Phase.INACTIVE, ""),
    (Phase.PENDING, Signal.URGENT): Transition(Phase.FIRING, "raised by a grave incident"),
    (Phase.PENDING, Signal.ABOVE): Transition(Phase.PENDING, ""),
    (Phase.PENDING, Signal.HELD): Transition(Phase.FIRING, "raised as the score held"),
    (Phase.PENDING, Signal.BETWEEN): Transition(Phase.INACTIVE, "score fell back"),
    (Phase.PENDING, Signal.BELOW): Transition(Phase.INACTIVE, "score fell back"),
    (Phase.FIRING, Signal.URGENT): Transition(Phase.FIRING, ""),
    (Phase.FIRING, Signal.ABOVE): Transition(Phase.FIRING, ""),
    (Phase.FIRING, Signal.BETWEEN): Transition(Phase.FIRING, ""),
    (Phase.FIRING, Signal.BELOW): Transition(Phase.KEEPING, "score under the lower threshold"),
    (Phase.KEEPING, Signal.URGENT): Transition(Phase.FIRING, "grave incident"),
    (Phase.KEEPING, Signal.ABOVE): Transition(Phase.FIRING, "score rose again"),
    (Phase.KEEPING, Signal.BETWEEN): Transition(Phase.FIRING, "score rose again"),
    (Phase.KEEPING, Signal.BELOW): Transition(Phase.KEEPING, ""),
    (Phase.KEEPING, Signal.KEPT): Transition(Phase.INACTIVE, "lowered or cleared"),
}

_RAISED = (Phase.FIRING, Phase.KEEPING)


class StoredLadder(TypedDict):
    """A ladder as a state record holds it; lists go from the lowest rung to the highest."""

    phases: list[int]
    since_ms: list[int]
    changed_ms: int


class Ladder:
    """Phases of the three rungs of one regency.

    Times are evaluation times in epoch milliseconds; no clock is read here.
    """

    __slots__ = ("phases", "since_ms", "changed_ms")

    def __init__(self) -> None:
        self.phases = [Phase.INACTIVE] * 3
        self.since_ms = [0, 0, 0]  # when the phase began
        self.changed_ms = 0  # when the level last changed

    @property
    def level(self) -> int:
        """0 normal to 3 awas."""
        return sum(1 for phase in self.phases if phase in _RAISED)

    def step(self, now_ms: int, score: int, urgent: int, rungs: tuple[Rung, ...], keep_ms: int, is_held: bool) -> None:
        """Take one evaluation.

        `urgent` is the level a grave incident raises to; `is_held` is true while silence holds the level.
        """
        before = self.level
        for index in (2, 1, 0):
            for _ in range(2):  # twice: a hold or keep time of 0 has passed as soon as it began
                signal = self._signal(index, now_ms, score, urgent, rungs[index], keep_ms, is_held, before)
                self._move(index, now_ms, signal)
        self._carry(now_ms)
        if self.level != before:
            self.changed_ms = now_ms

    def _signal(
        self, index: int, now_ms: int, score: int, urgent: int, rung: Rung, keep_ms: int, is_held: bool, level: int
    ) -> Signal:
        if urgent > index:
            return Signal.URGENT
        phase = self.phases[index]
        if score >= rung.raise_at:
            is_held = phase is Phase.PENDING and now_ms - self.since_ms[index] >= rung.hold_ms
            return Signal.HELD if is_held else Signal.ABOVE
        if score >= rung.lower_below:
            return Signal.BETWEEN
        is_top = phase is Phase.KEEPING and level == index + 1
        if is_top and not is_held and now_ms - max(self.since_ms[index], self.changed_ms) >= keep_ms:
            return Signal.KEPT
        return Signal.BELOW

    def _move(self, index: int, now_ms: int, signal: Signal) -> None:
        phase = self.phases[index]
        to = TRANSITIONS[phase, signal].to
        if to is not phase:
            self.phases[index] = to
            self.since_ms[index] = now_ms

    def _carry(self, now_ms: int) -> None:
        """A firing rung carries those below it: without this, a long hold below a short one would leave a gap."""
        for index in (1, 0):
            if self.phases[index + 1] in _RAISED and self.phases[index] not in _RAISED:
                self.phases[index] = Phase.FIRING
                self.since_ms[index] = now_ms

    def stored(self) -> StoredLadder:
        """The fields of the state record."""
        return {"phases": list(map(int, self.phases)), "since_ms": self.since_ms, "changed_ms": self.changed_ms}

    def restore(self, stored: StoredLadder) -> None:
        """Take back what `stored` returned."""
        self.phases = [Phase(phase) for phase in stored["phases"]]
        self.since_ms, self.changed_ms = stored["since_ms"], stored["changed_ms"]

    def is_at_rest(self) -> bool:
        """All rungs inactive."""
        return not any(self.phases)


def most_changes(keep_ms: int, span_ms: int = HOUR_MS) -> int:
    """The most level changes that any input can cause within `span_ms`: falls, and rises that cannot exceed falls
    plus three.
    """
    if keep_ms == 0:
        raise ValueError("without a keep time the number of changes is not bounded")
    falls = -(-span_ms // keep_ms)
    return 2 * falls + 3


def diagram() -> str:
    """The table as a Mermaid state diagram."""
    lines = ["stateDiagram-v2", "    [*] --> inactive"]
    for (phase, signal), (to, why) in TRANSITIONS.items():
        if to is not phase:
            lines.append(f"    {phase.name.lower()} --> {to.name.lower()}: {signal.value} ({why})")
    return "\n".join(lines) + "\n"
