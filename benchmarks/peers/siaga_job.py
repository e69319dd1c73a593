"""Siaga as a peer of the harness: its topics and input, its workers, and whether its outputs are exact.

`run`, `generate` and `oracle` are the harness's own modules; `__main__` puts them on the path.
"""

import contextlib
import os
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

import generate
import oracle
import run

from benchmarks.peers import reading
from benchmarks.peers.calibration import calibrate
from benchmarks.peers.ruleset import reference_ruleset
from benchmarks.peers.verdict import judge
from tests.recount.contract import ms
from tests.recount.rolling_sum import weight

ROOT = Path(__file__).resolve().parents[2]
KIND = "siaga"
PARTITIONS = 4  # the harness's
METRICS_PORT = 29300
OPEN = b'siaga_shards_open{stage="intake"} '
SETTLE_S = 3.0  # provinces receive the last level changes after all input is decided

_thresholds: dict[str, int] = {}


class SiagaJob(run.Job):
    """One Siaga with its own topics, kept over kill() and start(). Its input is a copy of `topic`; None: empty."""

    def __init__(self, o: Any, name: str, topic: str | None, threshold: int, triggers: int = 0) -> None:
        run.Job.count += 1
        self.o, self.name, self.topic = o, name, topic
        self.kind, self.extra, _, self.procs_wanted = run.PEERS[name]
        self.id = f"{name}-{int(time.time())}-{run.Job.count}"
        self.prefix = self.id + "."
        self.threshold = own_threshold(o, topic, threshold) if topic else threshold
        self.dir = o.work / "jobs" / self.id
        (self.dir / "state").mkdir(parents=True)
        self.procs: list[subprocess.Popen[bytes]] = []
        self.used = 0.0
        self.watch: Decided | None = None
        self.log = (self.dir / "log").open("a")
        self.env = self._settings(triggers)
        command = [o.siaga_python, "-m", "apps.cli.main", "topics"]
        subprocess.run(command, env=self.env, cwd=self.dir, stdout=self.log, stderr=self.log, check=True)
        self.total = reading.copy(run.BROKER, topic, self.prefix + "incidents", PARTITIONS) if topic else 0

    def _settings(self, triggers: int) -> dict[str, str]:
        rules, roster = self.dir / "rules.toml", self.dir / "roster.csv"
        rules.write_text(reference_ruleset(self.threshold), encoding="utf-8")
        codes = generate.regency_codes(self.o.regencies) + [trigger_regency(n) for n in range(triggers)]
        lines = [f"{code},Regency {code},800,250000\n" for code in codes]
        roster.write_text("regency,name,stations,registered\n" + "".join(lines), encoding="utf-8")
        settings = {
            "PYTHONPATH": str(ROOT),
            "SIAGA_BROKER": run.BROKER,
            "SIAGA_CLOCK": "event",
            "SIAGA_DATA_DIR": str(self.dir / "state"),
            "SIAGA_GROUP": self.id,
            "SIAGA_LOG_LEVEL": "warning",
            "SIAGA_PARTITIONS": str(PARTITIONS),
            "SIAGA_ROSTER": str(roster),
            "SIAGA_RULES": str(rules),
            "SIAGA_TOPIC_PREFIX": self.prefix,
        }
        if self.topic:  # complete before a worker starts, so no publisher is waited for
            settings["SIAGA_IDLE_SECONDS"] = "0.5"
        inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        own: dict[str, str] = self.extra | self.o.env
        return inherited | settings | own

    def start(self) -> "SiagaJob":
        self.spawned = time.time()
        for number in range(self.procs_wanted):
            env = self.env | {
                "SIAGA_INSTANCE": f"{self.id}-{number}",
                "SIAGA_METRICS_PORT": str(METRICS_PORT + number),
            }
            command = [self.o.siaga_python, "-m", "apps.cli.main", "worker"]
            self.procs.append(subprocess.Popen(command, env=env, cwd=self.dir, stdout=self.log, stderr=self.log))
        if self.watch is None:
            self.watch = Decided(self)
            threading.Thread(target=self._note_first, daemon=True).start()
        return self

    def _note_first(self) -> None:
        """Write the time at which intake is open and waits for its first record, seen from outside the worker."""
        while not self.first() and self.alive():
            for number in range(self.procs_wanted):
                with contextlib.suppress(OSError):
                    page = urllib.request.urlopen(f"http://127.0.0.1:{METRICS_PORT + number}/metrics", timeout=2).read()
                    if OPEN in page and float(page.split(OPEN)[1].split()[0]) > 0:
                        (self.dir / "first").write_text(repr(time.time()))
                        return
            time.sleep(0.02)

    def judged(self) -> dict[str, Any]:
        """The oracle's verdict on the records committed so far."""
        inputs = reading.records(run.BROKER, self.prefix + "incidents", PARTITIONS)
        written = reading.written(run.BROKER, self.prefix, PARTITIONS)
        return judge(inputs, oracle.parse, written, self.threshold, PARTITIONS)


class Decided(run.Position):
    """The number of decided input records instead of a committed position: their outcome can be read."""

    def __init__(self, job: SiagaJob) -> None:
        command = [sys.executable, "-m", "benchmarks.peers.watching", "decided"]
        command += [
            "--bootstrap",
            run.BROKER,
            "--prefix",
            job.prefix,
            "--partitions",
            str(PARTITIONS),
            "--total",
            str(job.total),
        ]
        self.p = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        self.at = [(0.0, 0)]
        threading.Thread(target=self.follow, daemon=True).start()


def trigger_regency(number: int) -> str:
    """The code that the harness's generator gives to a trigger."""
    return f"{number // 100:02d}.{number % 100:02d}"


def own_threshold(o: Any, topic: str, threshold: int) -> int:
    """The threshold of Siaga's window that is reached about as often as the peers reach theirs."""
    if topic not in _thresholds:
        events = {}
        for record in reading.records(run.BROKER, topic, PARTITIONS):
            parsed = oracle.parse(record.value)
            if parsed:
                message, _ = parsed
                event = message["regency"], ms(message["occurred_at"]), weight(message["severity"])
                events[message["event_id"]] = event
        crossings, _ = run.truth(o, topic, 0, threshold)
        _thresholds[topic], count = calibrate(list(events.values()), len(crossings))
        run.record(o, what="data", size=topic, peer_kind=KIND, threshold=_thresholds[topic], crossings=count)
    return _thresholds[topic]


def outcome(job: SiagaJob, limit: float) -> tuple[dict[str, Any], float]:
    """The harness's `outcome`: (verdict, seconds), repeated for up to `limit` seconds until it is exact."""
    start = time.time()
    time.sleep(SETTLE_S)
    while True:
        verdict = job.judged()
        if verdict["ok"] or time.time() - start > limit:
            return verdict, round(time.time() - start, 1)
        time.sleep(1)
