"""Silence of a regency as a state machine. Everything about live, stale and silent data lives in this file.

At every evaluation the machine gets one signal, and TRANSITIONS says what follows: the data status that the row shows,
whether silence holds the level, and what is published. docs/levels.md shows the diagram generated from this table.

Silence is counted in ticks: each adds the clock's advance since the last tick or report, at most the ruleset's
`most_per_tick`. A clock that jumps ahead by hours, as at the start of a replay, therefore makes nobody stale.
"""

from enum import StrEnum
from typing import NamedTuple, TypedDict

from schemas.vocabulary import DataStatus
from streams.rules import SCORED, Rules


class Phase(StrEnum):
    SILENT = DataStatus.SILENT  # no report has ever come
    SILENT_HOLDING = "silent_holding"  # none has come for `falls_within`: no level may fall
    LIVE = DataStatus.LIVE
    LIVE_HOLDING = "live_holding"  # the last report is older than `falls_within`: no level may fall
    STALE = DataStatus.STALE  # the last report is older than `stale_after`; not published
    STALE_PUBLISHED = "stale_published"


class Signal(StrEnum):
    REPORT = "report"  # a report was taken since the last evaluation
    RECENT = "recent"  # the last report is younger than `falls_within`
    LONG = "long"  # it is not
    OVERDUE = "overdue"  # it is older than `stale_after`; a regency without any report never gets this
    NOTABLE = "notable"  # ... and a level is above normal, or ordinary days would have brought `expected_least` reports


class Publish(StrEnum):
    """What a transition publishes."""

    NOTHING = ""
    STALE = "stale"
    RECOVERED = "recovered"


class Transition(NamedTuple):
    to: Phase
    why: str
    publish: Publish = Publish.NOTHING


TRANSITIONS: dict[tuple[Phase, Signal], Transition] = {
    (Phase.SILENT, Signal.REPORT): Transition(Phase.LIVE, "first report"),
    (Phase.SILENT, Signal.RECENT): Transition(Phase.SILENT, ""),
    (Phase.SILENT, Signal.LONG): Transition(Phase.SILENT_HOLDING, "no report for falls_within"),
    (Phase.SILENT_HOLDING, Signal.REPORT): Transition(Phase.LIVE, "first report"),
    (Phase.SILENT_HOLDING, Signal.RECENT): Transition(Phase.SILENT, "falls_within was raised"),
    (Phase.SILENT_HOLDING, Signal.LONG): Transition(Phase.SILENT_HOLDING, ""),
    (Phase.LIVE, Signal.REPORT): Transition(Phase.LIVE, ""),
    (Phase.LIVE, Signal.RECENT): Transition(Phase.LIVE, ""),
    (Phase.LIVE, Signal.LONG): Transition(Phase.LIVE_HOLDING, "no report for falls_within"),
    (Phase.LIVE, Signal.OVERDUE): Transition(Phase.STALE, "no report for stale_after"),
    (Phase.LIVE, Signal.NOTABLE): Transition(Phase.STALE_PUBLISHED, "stale is published", Publish.STALE),
    (Phase.LIVE_HOLDING, Signal.REPORT): Transition(Phase.LIVE, "reports resumed"),
    (Phase.LIVE_HOLDING, Signal.RECENT): Transition(Phase.LIVE, "falls_within was raised"),
    (Phase.LIVE_HOLDING, Signal.LONG): Transition(Phase.LIVE_HOLDING, ""),
    (Phase.LIVE_HOLDING, Signal.OVERDUE): Transition(Phase.STALE, "no report for stale_after"),
    (Phase.LIVE_HOLDING, Signal.NOTABLE): Transition(Phase.STALE_PUBLISHED, "stale is published", Publish.STALE),
    (Phase.STALE, Signal.REPORT): Transition(Phase.LIVE, "reports resumed"),
    (Phase.STALE, Signal.RECENT): Transition(Phase.STALE, ""),
    (Phase.STALE, Signal.LONG): Transition(Phase.STALE, ""),
    (Phase.STALE, Signal.OVERDUE): Transition(Phase.STALE, ""),
    (Phase.STALE, Signal.NOTABLE): Transition(Phase.STALE_PUBLISHED, "stale is published", Publish.STALE),
    (Phase.STALE_PUBLISHED, Signal.REPORT): Transition(Phase.LIVE, "recovered is published", Publish.RECOVERED),
    (Phase.STALE_PUBLISHED, Signal.RECENT): Transition(Phase.STALE_PUBLISHED, ""),
    (Phase.STALE_PUBLISHED, Signal.LONG): Transition(Phase.STALE_PUBLISHED, ""),
    (Phase.STALE_PUBLISHED, Signal.OVERDUE): Transition(Phase.STALE_PUBLISHED, ""),
}

#: The data status of the row, as plain strings.
STATUS = {
    Phase.SILENT: DataStatus.SILENT.value,
    Phase.SILENT_HOLDING: DataStatus.SILENT.value,
    Phase.LIVE: DataStatus.LIVE.value,
    Phase.LIVE_HOLDING: DataStatus.LIVE.value,
    Phase.STALE: DataStatus.STALE.value,
    Phase.STALE_PUBLISHED: DataStatus.STALE.value,
}
_REPORTED = -1  # less than any silence: a report was taken since the last evaluation time
_NEVER_REPORTED = (Phase.SILENT, Phase.SILENT_HOLDING)
_HOLDING = (Phase.SILENT_HOLDING, Phase.LIVE_HOLDING, Phase.STALE, Phase.STALE_PUBLISHED)


class StoredSilence(TypedDict):
    """Silence as a state record holds it."""

    phase: str
    silent_ms: int
    silent_at_grid_ms: int
    observed_ms: int


class Silence:
    """How long one regency of `stations` polling stations has been silent, in observed milliseconds."""

    __slots__ = (
        "phase",
        "status",
        "holds_levels",
        "_rules",
        "_stations",
        "_silent_ms",
        "_silent_at_grid_ms",
        "_observed_ms",
        "_has_report",
    )

    def __init__(self, rules: Rules, stations: int) -> None:
        self._enter(Phase.SILENT)
        self._rules, self._stations = rules, stations
        self._silent_ms = 0  # observed silence since the last report
        self._silent_at_grid_ms = _REPORTED  # the same at the last evaluation time
        self._observed_ms = 0  # clock up to which silence is counted
        self._has_report = False  # not stored: consumed by the evaluation that it makes due

    def begin(self, at_ms: int) -> None:
        """The clock's first reading."""
        self._observed_ms = at_ms

    def tick(self, at_ms: int) -> None:
        """Count the silence up to a tick."""
        self._silent_ms += min(at_ms - self._observed_ms, self._rules.tick_most_ms)
        self._observed_ms = at_ms

    def pass_grid(self) -> None:
        """A new evaluation time is in force: silence is judged as of then."""
        self._silent_at_grid_ms = self._silent_ms

    def report(self, now_ms: int) -> bool:
        """A report was taken. True when an evaluation is due, because the regency was not live."""
        self._silent_ms, self._silent_at_grid_ms = 0, _REPORTED
        self._observed_ms = now_ms
        self._has_report = self.phase is not Phase.LIVE
        return self._has_report

    def evaluate(self, level: int, grid_ms: int) -> Publish:
        """Take one evaluation at `grid_ms`, while the regency's level (0 to 3) is `level`; what is to be published."""
        phase, _, publish = TRANSITIONS[self.phase, self._signal(level, grid_ms)]
        if phase is not self.phase:
            self._enter(phase)
        self._has_report = False
        return publish

    def stored(self) -> StoredSilence:
        """The fields of the state record."""
        return {
            "phase": self.phase.value,
            "silent_ms": self._silent_ms,
            "silent_at_grid_ms": self._silent_at_grid_ms,
            "observed_ms": self._observed_ms,
        }

    def restore(self, stored: StoredSilence) -> None:
        """Take back what `stored` returned."""
        self._enter(Phase(stored["phase"]))
        self._silent_ms, self._observed_ms = stored["silent_ms"], stored["observed_ms"]
        self._silent_at_grid_ms = stored["silent_at_grid_ms"]

    def _enter(self, phase: Phase) -> None:
        self.phase = phase
        self.status = STATUS[phase]  # data status of the row: live, stale or silent
        self.holds_levels = phase in _HOLDING  # no level may fall, because nothing was reported for too long

    def _signal(self, level: int, grid_ms: int) -> Signal:
        if self._has_report:
            return Signal.REPORT
        silent_ms, rules = self._silent_at_grid_ms, self._rules
        if silent_ms >= rules.stale_ms and self.phase not in _NEVER_REPORTED:
            is_published = self.phase is Phase.STALE_PUBLISHED
            return Signal.NOTABLE if not is_published and self._is_notable(level, grid_ms) else Signal.OVERDUE
        return Signal.LONG if silent_ms >= rules.falls_within_ms else Signal.RECENT

    def _is_notable(self, level: int, grid_ms: int) -> bool:
        """Whether staleness is published: a level is held, or ordinary days would have brought reports by now."""
        if level:
            return True
        since_ms = grid_ms - self._silent_at_grid_ms
        per_station = sum(self._rules.missed_reports(group, since_ms, grid_ms) for group in range(SCORED))
        return self._stations * per_station >= self._rules.silence_expected


def diagram() -> str:
    """The table as a Mermaid state diagram."""
    lines = ["stateDiagram-v2", "    [*] --> silent"]
    for (phase, signal), (to, why, _) in TRANSITIONS.items():
        if to is not phase:
            lines.append(f"    {phase.value} --> {to.value}: {signal.value} ({why})")
    return "\n".join(lines) + "\n"
