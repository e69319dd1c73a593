"""A system to measure: its own embedded broker, topics, and workers as processes, all ended with the context."""

import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Self

from apps.embedded import EmbeddedBroker
from apps.embedded.ports import free_port
from benchmarks import processes

ROOT = Path(__file__).resolve().parents[1]
REGENCY_TRIGGERS = 900


def trigger_regencies(count: int) -> list[str]:
    """Codes for latency triggers: each of these regencies is raised once."""
    return [f"{50 + n // 90:02d}.{1 + n % 90:02d}" for n in range(count)]


def load_regencies() -> list[str]:
    """Codes for the load: South Sumatra's seventeen regencies."""
    return [f"16.{n:02d}" for n in range(1, 14)] + [f"16.{n}" for n in range(71, 75)]


class System:
    """`with System(...) as system`: `system.bootstrap`, `system.start_worker(n)`, `system.metric(...)`."""

    def __init__(
        self,
        clock: str,
        partitions: int = 6,
        workers: int = 1,
        rules: Path | None = None,
        triggers: int = 0,
        places: dict[str, int] | None = None,
    ) -> None:
        """`places`: stations by regency code. Default: the load regencies and `triggers` more, 100 stations each."""
        codes = load_regencies() + trigger_regencies(triggers)
        self.places = places or dict.fromkeys(codes, 100)
        self.clock, self.partitions, self.count, self.rules = clock, partitions, workers, rules
        self.workers: dict[int, subprocess.Popen[bytes]] = {}
        self.ports: dict[int, int] = {}

    def __enter__(self) -> Self:
        self._directory = tempfile.TemporaryDirectory(prefix="siaga-bench-")
        self.path = Path(self._directory.name)
        self.broker = EmbeddedBroker(self.path / "kafka", lasting=True)
        self.broker.start()
        self.bootstrap = self.broker.bootstrap
        self.roster = self.path / "roster.csv"
        rows = [f"{code},Regency {code},{count},{300 * count}" for code, count in self.places.items()]
        self.roster.write_text("regency,name,stations,registered\n" + "\n".join(rows) + "\n")
        subprocess.run(self._command("topics"), check=True, env=self._env(), stdout=subprocess.DEVNULL, cwd=ROOT)
        return self

    def __exit__(self, *exc: object) -> None:
        for worker in self.workers.values():
            worker.kill()
            worker.wait()
        self.broker.stop()
        self._directory.cleanup()

    def _command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "apps.cli.main", *arguments]

    def _env(self, **more: str) -> dict[str, str]:
        settings = {
            "SIAGA_BROKER": self.bootstrap,
            "SIAGA_CLOCK": self.clock,
            "SIAGA_PARTITIONS": str(self.partitions),
            "SIAGA_ROSTER": str(self.roster),
            "SIAGA_LOG_LEVEL": "warning",
        }
        if self.rules:
            settings["SIAGA_RULES"] = str(self.rules)
        return {**os.environ, **settings, **more}

    def start_worker(self, number: int) -> None:
        """Start worker `number` with static membership; does not wait."""
        self.ports.setdefault(number, free_port())
        env = self._env(SIAGA_METRICS_PORT=str(self.ports[number]), SIAGA_INSTANCE=f"bench-{number}")
        command = self._command("worker")
        with (self.path / f"worker-{number}.log").open("a") as log:
            self.workers[number] = subprocess.Popen(command, env=env, stdout=log, stderr=log, cwd=ROOT)

    def log(self, number: int) -> str:
        return (self.path / f"worker-{number}.log").read_text()

    def kill_worker(self, number: int) -> None:
        self.workers[number].kill()
        self.workers[number].wait()

    def metrics(self, number: int, *names: str) -> str:
        """A worker's metrics page, or only these metrics: the whole page for 514 regencies costs the worker 12 ms."""
        only = "&".join(f"name[]={name}" for name in names)
        with urllib.request.urlopen(f"http://127.0.0.1:{self.ports[number]}/metrics?{only}", timeout=5) as answer:
            return str(answer.read(), "utf-8")

    def wait_ready(self, number: int, seconds: float = 60) -> None:
        """Wait until the worker has open shards: of both stages, or of either where there are several workers."""
        is_ready = all if self.count == 1 else any
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.workers[number].poll() is not None:
                raise RuntimeError(f"worker {number} ended:\n{self.log(number)}")
            try:
                text = self.metrics(number)
            except OSError:
                text = ""
            if is_ready(sample(text, f'siaga_shards_open{{stage="{stage}"}}') for stage in ("intake", "risk")):
                return
            time.sleep(0.05)
        raise RuntimeError(f"worker {number} was not ready within {seconds} s:\n{self.log(number)}")

    def cpu_seconds(self, number: int) -> float:
        """User plus system time of a worker so far."""
        return processes.cpu_seconds(self.workers[number].pid)

    def memory_mib(self, number: int) -> float:
        """Resident memory of a worker."""
        return processes.memory_mib(self.workers[number].pid)


def sample(text: str, name: str) -> float:
    """Value of one sample of a metrics page, 0 when absent."""
    for line in text.splitlines():
        if line.startswith(name + " "):
            return float(line.rsplit(" ", 1)[1])
    return 0.0
