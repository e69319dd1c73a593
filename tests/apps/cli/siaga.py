"""Run the real `siaga` command in its own process, with the test's broker, topic prefix and data directory."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
COMMAND = [sys.executable, "-m", "apps.cli.main"]


def default_sigint() -> None:
    """For a child before exec. A shell ignores SIGINT for commands it starts in the background, children inherit that,
    and Python then installs no handler that raises KeyboardInterrupt."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@dataclass(frozen=True)
class Siaga:
    """`environment` holds all SIAGA_* variables of the command; none are inherited from the caller."""

    environment: dict[str, str] = field(default_factory=dict)

    def __call__(self, *arguments: str, stdin: bytes = b"", timeout: float = 60, **extra: str) -> "Done":
        done = subprocess.run(
            [*COMMAND, *arguments],
            check=False,
            input=stdin,
            capture_output=True,
            timeout=timeout,
            env=self._env(extra),
            cwd=ROOT,
        )
        return Done(done.returncode, done.stdout, done.stderr.decode())

    def start(self, *arguments: str, **options: Any) -> "subprocess.Popen[bytes]":
        """The command in the background; it reacts to SIGINT even when the tests were started with SIGINT ignored."""
        return subprocess.Popen(
            [*COMMAND, *arguments],
            env=self._env({}),
            cwd=ROOT,
            preexec_fn=default_sigint,  # noqa: PLW1509  one system call, no Python lock is taken
            **options,
        )

    def _env(self, extra: dict[str, str]) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("SIAGA_")}
        return inherited | self.environment | extra


def loud(environment: dict[str, str], *arguments: str) -> "Done":
    """The command with every logger at level DEBUG, those of the Kafka clients included."""
    program = "import logging; logging.basicConfig(level='DEBUG'); from apps.cli.main import main; main()"
    command = [sys.executable, "-c", program, *arguments]
    env = Siaga(environment | {"SIAGA_LOG_LEVEL": "DEBUG"})._env({})
    done = subprocess.run(command, check=False, capture_output=True, timeout=60, env=env, cwd=ROOT)
    return Done(done.returncode, done.stdout, done.stderr.decode())


@dataclass(frozen=True)
class Done:
    status: int
    out: bytes
    err: str

    @property
    def error_lines(self) -> list[str]:
        return self.err.splitlines()

    @property
    def objects(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


def incident(number: int, **changes: Any) -> dict[str, Any]:
    """A valid incident message, different for each number."""
    return {
        "event_id": f"e-{number}",
        "incident_id": f"i-{number}",
        "revision": 1,
        "regency": f"16.{number % 17 + 1:02}",
        "category": "clash",
        "severity": 2,
        "status": "reported",
        "occurred_at": "2024-11-27T07:00:00+07:00",
        "reported_at": "2024-11-27T07:01:00+07:00",
        "source": "test",
    } | changes


def turnout(number: int, **changes: Any) -> dict[str, Any]:
    """A valid turnout message, different for each number."""
    return {
        "event_id": f"t-{number}",
        "regency": f"16.{number % 17 + 1:02}",
        "station": f"s-{number}",
        "registered": 300,
        "voted": 100,
        "as_of": "2024-11-27T09:00:00+07:00",
        "source": "test",
    } | changes


def json_lines(messages: Iterable[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(message).encode() + b"\n" for message in messages)
