"""What of a process has work and makes no progress: since when, why, and what to do about it.

Each part of a process (a shard of a stage, a sender's partition, the board's reader) reports here. /healthz, the metric
`siaga_stuck_seconds` and `siaga status` show it. A part that is blocked for `END_AFTER_S` is a reason to end the
process, so that a supervisor or a person sees it. A process that only stands by is never blocked.

The parts report from the process's own loop. Should that loop hang, nobody would report it: whoever reads asks whether
the loop has looked lately (`looked`), and `end_when_hopeless` watches from a thread of its own.
"""

import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

log = logging.getLogger(__name__)

#: A part that is blocked for so long counts as stuck. With one look a second it is shown within 15 s.
STUCK_AFTER_S = 10.0
#: A part that is blocked for so long ends its process. Longer than a broker needs to come back after a crash with
#: recovery of its logs, shorter than an operator's patience on election day.
END_AFTER_S = 900.0
#: How often `end_when_hopeless` looks.
WATCH_EVERY_S = 5.0
#: The part that is blocked when the process's loop hangs.
LOOP = "loop"


@dataclass(frozen=True)
class Stuck:
    """One part that makes no progress. `since_s`: seconds since it last did; `advice`: what a person should do."""

    part: str
    since_s: float
    reason: str
    advice: str

    def fields(self) -> dict[str, object]:
        """All of it for JSON."""
        return asdict(self) | {"since_s": round(self.since_s, 1)}

    def line(self) -> str:
        """All of it in one line."""
        return f"{self.part} has made no progress for {self.since_s:.0f} s: {self.reason}; {self.advice}"


@dataclass(frozen=True)
class _Blocked:
    since: float
    reason: str
    advice: str


_HANGS = "the process computes or hangs and looks at none of its parts"
_READ_LOG = "read its log; when it does not go on, end it: what it has not committed is done again"


class Health:
    """The parts of one process. May be read from any thread. `role` is the program: worker, board, webhook, cap."""

    def __init__(self, role: str, deployment: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.role, self.deployment = role, deployment
        self._clock = clock
        self._blocked: dict[str, _Blocked] = {}
        self._lock = threading.Lock()
        self._looked_at: float | None = None

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

    def looked(self) -> None:
        """The loop of the process has just looked at its parts. Call it every second or so."""
        self._looked_at = self._clock()

    def stuck(self, after_s: float = STUCK_AFTER_S) -> list[Stuck]:
        """The parts that are blocked for `after_s` seconds or longer, the longest first."""
        now = self._clock()
        with self._lock:
            blocked = list(self._blocked.items())
        if self._looked_at is not None:
            blocked.append((LOOP, _Blocked(self._looked_at, _HANGS, _READ_LOG)))
        found = [Stuck(part, now - one.since, one.reason, one.advice) for part, one in blocked]
        return sorted((one for one in found if one.since_s >= after_s), key=lambda one: (-one.since_s, one.part))

    def waiting(self) -> list[Stuck]:
        """What does not go on because of somebody outside, whom no restart of this process repairs."""
        return []

    def hopeless(self) -> Stuck | None:
        """The part that is blocked longest, when that is END_AFTER_S or more: the process should end with its line."""
        return next(iter(self.stuck(END_AFTER_S)), None)

    def report(self) -> dict[str, object]:
        """The body of /healthz: `status` is `ok` or `stuck`."""
        stuck = [one.fields() for one in self.stuck()]
        status = "stuck" if stuck else "ok"
        return {"status": status, "role": self.role, "deployment": self.deployment, "stuck": stuck}


def end_when_hopeless(health: Health, end: Callable[[int], object] = os._exit) -> None:
    """From a thread of its own: end the process with one line and status 1 once a part is hopeless.

    At once, without closing anything: what is stuck may not close either, and nothing is lost by it (transactions)."""

    def watch() -> None:
        while (stuck := health.hopeless()) is None:
            time.sleep(WATCH_EVERY_S)
        log.critical("ending: %s", stuck.line())
        logging.shutdown()
        end(1)

    threading.Thread(target=watch, name="end-when-hopeless", daemon=True).start()
