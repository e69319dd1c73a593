"""What of a process has work and makes no progress: since when, why, and what to do about it.

Each part of a process (a shard of a stage, a sender's partition, the board's reader) reports here. /healthz, the metric
`siaga_stuck_seconds` and `siaga status` show it. A part that is blocked for `END_AFTER_S` is a reason to end the
process, so that a supervisor or a person sees it. A process that only stands by is never blocked.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

#: A part that is blocked for so long counts as stuck. With one look a second it is shown within 15 s.
STUCK_AFTER_S = 10.0
#: A part that is blocked for so long ends its process. Longer than a broker needs to come back after a crash with
#: recovery of its logs, shorter than an operator's patience on election day.
END_AFTER_S = 900.0


@dataclass(frozen=True)
class Stuck:
    """One part that makes no progress. `since_s`: seconds since it last did; `advice`: what a person should do."""

    part: str
    since_s: float
    reason: str
    advice: str

    def line(self) -> str:
        """All of it in one line."""
        return f"{self.part} has made no progress for {self.since_s:.0f} s: {self.reason}; {self.advice}"


@dataclass(frozen=True)
class _Blocked:
    since: float
    reason: str
    advice: str


class Health:
    """The parts of one process. May be read from any thread. `role` is the program: worker, board, webhook, cap."""

    def __init__(self, role: str, deployment: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.role, self.deployment = role, deployment
        self._clock = clock
        self._blocked: dict[str, _Blocked] = {}
        self._lock = threading.Lock()

    def blocked(self, part: str, reason: str, advice: str) -> None:
        """`part` has work and makes no progress. Call it as often as seen: the first call starts the time, the latest
        one gives reason and advice."""
        with self._lock:
            before = self._blocked.get(part)
            self._blocked[part] = _Blocked(before.since if before else self._clock(), reason, advice)

    def works(self, part: str) -> None:
        """`part` makes progress, has nothing to do, or is no longer here."""
        with self._lock:
            self._blocked.pop(part, None)

    def stuck(self, after_s: float = STUCK_AFTER_S) -> list[Stuck]:
        """The parts that are blocked for `after_s` seconds or longer, the longest first."""
        now = self._clock()
        with self._lock:
            blocked = list(self._blocked.items())
        found = [Stuck(part, now - one.since, one.reason, one.advice) for part, one in blocked]
        return sorted((one for one in found if one.since_s >= after_s), key=lambda one: (-one.since_s, one.part))

    def hopeless(self) -> Stuck | None:
        """The part that is blocked longest, when that is END_AFTER_S or more: the process should end with its line."""
        return next(iter(self.stuck(END_AFTER_S)), None)

    def report(self) -> dict[str, object]:
        """The body of /healthz: `status` is `ok` or `stuck`."""
        stuck = [asdict(one) | {"since_s": round(one.since_s, 1)} for one in self.stuck()]
        status = "stuck" if stuck else "ok"
        return {"status": status, "role": self.role, "deployment": self.deployment, "stuck": stuck}
