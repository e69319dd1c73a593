"""The level ladder as docs/levels.md states it: three rungs, each inactive, pending, firing or keeping."""

import copy

from tests.recount.policy import LEVELS, Policy

UP = ("firing", "keeping")


class Ladder:
    """Times are those at which scores are looked at."""

    def __init__(self, policy: Policy) -> None:
        rules = policy.rules["ladder"]
        self.rungs = [rules[name] for name in LEVELS[1:]]
        self.keep_ms = rules["keep"] * 60_000
        self.phases = ["inactive"] * 3
        self.since_ms = [0] * 3
        self.changed_ms = 0
        #: When the score was last so near to a threshold that a point's rounding decides, by (rung, threshold).
        self.ties: dict[tuple[int, str], int] = {}

    def copy(self) -> "Ladder":
        same = copy.copy(self)
        same.phases, same.since_ms, same.ties = list(self.phases), list(self.since_ms), dict(self.ties)
        return same

    @property
    def level(self) -> int:
        return sum(phase in UP for phase in self.phases)

    def look(self, now_ms: int, score: int, urgent: int, may_fall: bool, is_unsure: bool = False) -> None:
        """One evaluation: `urgent` is the level that a grave incident requires; an unsure score may be a point off."""
        level = self.level
        for index in (2, 1, 0):
            self._move(index, now_ms, score, urgent > index, may_fall and level == index + 1)
        for index in (1, 0):  # a firing rung carries those below it
            if self.phases[index + 1] in UP and self.phases[index] not in UP:
                self._enter(index, "firing", now_ms)
        if self.level != level:
            self.changed_ms = now_ms
        for index, rung in enumerate(self.rungs):
            for name in ("raise_at", "lower_below"):
                if is_unsure and abs(score - rung[name]) <= 1:
                    self.ties[index, name] = now_ms

    def _move(self, index: int, now_ms: int, score: int, is_urgent: bool, may_fall: bool) -> None:
        rung, phase, lasted_ms = self.rungs[index], self.phases[index], now_ms - self.since_ms[index]
        is_above, is_below = score >= rung["raise_at"], score < rung["lower_below"]
        if is_urgent:
            to = "firing"
        elif phase == "inactive":
            to = "pending" if is_above else "inactive"
        elif phase == "pending":
            has_held = lasted_ms >= rung["hold"] * 1000
            to = "inactive" if not is_above else "firing" if has_held else "pending"
        elif phase == "firing":
            to = "keeping" if is_below else "firing"
        else:
            is_kept = may_fall and min(lasted_ms, now_ms - self.changed_ms) >= self.keep_ms
            to = "firing" if not is_below else "inactive" if is_kept else "keeping"
        if to != phase:
            self._enter(index, to, now_ms)

    def _enter(self, index: int, phase: str, now_ms: int) -> None:
        self.phases[index], self.since_ms[index] = phase, now_ms

    def follow(self, level: int, now_ms: int) -> None:
        """After a tie: take the level that was published."""
        for index in range(3):
            if (index < level) != (self.phases[index] in UP):
                self._enter(index, "firing" if index < level else "inactive", now_ms)
        self.changed_ms = now_ms

    def had_tie(self, before: int, level: int, now_ms: int) -> bool:
        """Whether a point's rounding may have decided that the level changes so by now: at the threshold of a rung that
        is passed, since that rung's time to hold or to keep began."""
        if level > before:
            passed, name, last_ms = range(before, level), "raise_at", 2000 * max(rung["hold"] for rung in self.rungs)
        else:
            passed, name, last_ms = range(level, before), "lower_below", self.keep_ms + 60_000
        return any(now_ms - self.ties[index, name] <= last_ms for index in passed if (index, name) in self.ties)
