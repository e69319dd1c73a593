"""The `siaga` commands that `siaga up` runs: start, watch, restart a few times, stop."""

import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from apps.devstack.run_directory import UpError
from apps.embedded.home import disk_error
from apps.embedded.process import send, spawn

RESTARTS_MAX = 3
RESTARTS_WITHIN_S = 120.0
USAGE_ERROR = 2
_LOG_TAIL_BYTES = 8192


@dataclass
class Child:
    """One `siaga` command as a process. `arguments` may change between two starts."""

    name: str
    arguments: list[str]
    log: Path
    env: Mapping[str, str]
    process: subprocess.Popen[bytes] | None = None
    starts: deque[float] = field(default_factory=lambda: deque(maxlen=RESTARTS_MAX + 1))

    @property
    def argv(self) -> list[str]:
        return [sys.executable, "-m", "apps.cli.main", *self.arguments]

    def start(self) -> None:
        """Raises BrokerError when its log cannot be written."""
        try:
            self.process = spawn(self.argv, self.log, self.env)
        except OSError as error:
            raise disk_error(self.log, error) from None
        self.starts.append(time.monotonic())

    @property
    def status(self) -> int | None:
        """Exit status, or minus the number of the signal that ended it; None while it runs."""
        return None if self.process is None else self.process.poll()

    @property
    def may_restart(self) -> bool:
        """False after a usage error, and for a command that ended RESTARTS_MAX times within RESTARTS_WITHIN_S."""
        too_often = len(self.starts) > RESTARTS_MAX and time.monotonic() - self.starts[0] < RESTARTS_WITHIN_S
        return self.status != USAGE_ERROR and not too_often

    def end_in_words(self) -> str:
        """How it ended, in one line: `worker-1 was killed by SIGKILL`, or its status and last log line."""
        status = self.status or 0
        if status < 0:
            return f"{self.name} was killed by {signal.Signals(-status).name}"
        line = self.last_log_line()
        return f"{self.name} ended with status {status}" + (f": {line}" if line else "")

    def last_log_line(self) -> str:
        """The last line of its log that is not blank."""
        try:
            with self.log.open("rb") as handle:
                handle.seek(max(0, self.log.stat().st_size - _LOG_TAIL_BYTES))
                lines = [line.strip() for line in handle.read().decode("utf-8", "replace").splitlines()]
        except OSError:
            return ""
        return next((line.removeprefix("Error: ")[:300] for line in reversed(lines) if line), "")

    def run_to_end(self, within_s: float) -> None:
        """Start it and wait. Raises UpError when it fails."""
        self.start()
        assert self.process is not None
        try:
            status = self.process.wait(within_s)
        except subprocess.TimeoutExpired:
            send(self.process, signal.SIGKILL)
            self.process.wait()
            raise UpError(f"`siaga {self.name}` took more than {within_s:.0f} s; see {self.log}") from None
        if status:
            raise UpError(f"{self.end_in_words()} (log: {self.log})")


def stop_all(children: list[Child], grace_s: float) -> None:
    """SIGTERM to all at once, SIGKILL to those that still run after the grace."""
    processes = [child.process for child in children if child.process is not None]
    for process in processes:
        send(process, signal.SIGTERM)
    deadline = time.monotonic() + grace_s
    for process in processes:
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            send(process, signal.SIGKILL)
            process.wait()


def kill_all(children: list[Child]) -> None:
    """SIGKILL to all, at once."""
    for child in children:
        if child.process is not None:
            send(child.process, signal.SIGKILL)
