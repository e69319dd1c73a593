"""How long to wait after failures: longer each time, from the beginning again after a success."""

import time
from collections.abc import Callable, Hashable


class Pauses:
    """Pauses of things that fail each by itself. Seconds."""

    def __init__(self, first_s: float, longest_s: float, now: Callable[[], float] = time.monotonic) -> None:
        self._first_s, self._longest_s, self._now = first_s, longest_s, now
        self._next_s: dict[Hashable, float] = {}
        self._until: dict[Hashable, float] = {}

    def after_failure(self, thing: Hashable) -> float:
        """The pause that begins now."""
        pause_s = self._next_s.get(thing, self._first_s)
        self._next_s[thing] = min(2 * pause_s, self._longest_s)
        self._until[thing] = self._now() + pause_s
        return pause_s

    def is_over(self, thing: Hashable) -> bool:
        """Whether a thing may be tried (again)."""
        return self._now() >= self._until.get(thing, 0.0)

    def after_success(self, thing: Hashable) -> None:
        """What comes next is a first failure again."""
        self._next_s.pop(thing, None)
        self._until.pop(thing, None)
