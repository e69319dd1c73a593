"""When to play what: recorded time against the wall's, at a speed."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Pace:
    """`speed` recorded seconds pass in one real second; None is as fast as possible.

    The clock starts with the first message. A pace that fell behind (a slow broker) catches up: it never shifts the
    clock."""

    speed: float | None
    now_s: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _start: tuple[int, float] | None = field(default=None, init=False)

    def wait_s(self, at_ms: int) -> float:
        """Seconds from now until the message of time `at_ms` is due; 0 when it is."""
        if self.speed is None:
            return 0.0
        if self._start is None:
            self._start = (at_ms, self.now_s())
        first_ms, began_s = self._start
        return max(0.0, began_s + (at_ms - first_ms) / 1000 / self.speed - self.now_s())

    def recorded_ms(self, wait_s: float) -> int:
        """How much recorded time passes in `wait_s`."""
        return int(wait_s * 1000 * (self.speed or 0.0))
