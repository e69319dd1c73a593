"""Real workers on a real broker, started as an operator starts them, observed through Kafka and /metrics."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Self

from aiokafka import AIOKafkaConsumer, TopicPartition

from apps.embedded.ports import free_port
from tests.oracle import Record

ROOT = Path(__file__).resolve().parents[2]


async def until(condition: Callable[[], bool], within_s: float, what: str) -> None:
    """Wait until `condition()` holds; fail by name when it does not within the deadline."""
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within_s} s: {what}")
        await asyncio.sleep(0.1)


class Deployment:
    """Topics under one prefix, workers by name. Use as a context manager: nothing it started outlives it."""

    def __init__(self, bootstrap: str, prefix: str, directory: Path, **settings: str) -> None:
        self.bootstrap, self.prefix, self.directory = bootstrap, prefix, directory
        self.partitions = int(settings.get("SIAGA_PARTITIONS", 3))
        self.group = prefix + "workers"
        self._settings = {
            "SIAGA_BROKER": bootstrap,
            "SIAGA_TOPIC_PREFIX": prefix,
            "SIAGA_PARTITIONS": str(self.partitions),
            "SIAGA_GROUP": self.group,
            "SIAGA_DATA_DIR": str(directory / "data"),
            **settings,
        }
        self.workers: dict[str, subprocess.Popen] = {}
        self.ports: dict[str, int] = {}

    def __enter__(self) -> Self:
        self.run("topics")
        return self

    def __exit__(self, *exc: object) -> None:
        for worker in self.workers.values():
            if worker.poll() is None:
                worker.send_signal(signal.SIGCONT)
                worker.kill()
            worker.wait()

    def env(self, **more: str) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("SIAGA_")}
        return {**inherited, "PYTHONPATH": str(ROOT), **self._settings, **more}

    def run(self, *arguments: str, check: bool = True, **more: str) -> subprocess.CompletedProcess:
        """Run a `siaga` command to its end."""
        command = [sys.executable, "-m", "apps.cli.main", *arguments]
        return subprocess.run(command, env=self.env(**more), capture_output=True, text=True, check=check, timeout=120)

    def start(self, name: str = "a", command: tuple[str, ...] | None = None, **more: str) -> subprocess.Popen:
        self.ports[name] = free_port()
        command = command or (sys.executable, "-m", "apps.cli.main", "worker")
        env = self.env(SIAGA_METRICS_PORT=str(self.ports[name]), SIAGA_INSTANCE=name, **more)
        with open(self.log(name), "a") as log:
            worker = self.workers[name] = subprocess.Popen(command, env=env, stdout=log, stderr=log, cwd=self.directory)
        return worker

    def kill(self, name: str) -> None:
        self.workers[name].kill()
        self.workers[name].wait()

    def log(self, name: str) -> Path:
        return self.directory / f"{name}.log"

    def metrics(self, name: str = "a") -> str:
        """The worker's metrics page, empty while it does not answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.ports[name]}/metrics", timeout=5) as answer:
                return answer.read().decode()
        except OSError:
            return ""

    def metric(self, sample: str, name: str = "a") -> float:
        """One sample, 0 when absent."""
        values = [line.rsplit(" ", 1)[1] for line in self.metrics(name).splitlines() if line.startswith(sample + " ")]
        return float(values[0]) if values else 0.0

    async def read(self, topic: str, isolation: str = "read_committed") -> list[Record]:
        """Everything a topic holds now, in partition and offset order."""
        name = self.prefix + topic
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.bootstrap, isolation_level=isolation, auto_offset_reset="earliest"
        )
        await consumer.start()
        try:
            partitions = [TopicPartition(name, p) for p in range(self.partitions)]
            consumer.assign(partitions)
            ends = await consumer.end_offsets(partitions)
            records = []
            for tp in partitions:
                while await consumer.position(tp) < ends[tp]:
                    for r in (await consumer.getmany(tp, timeout_ms=200)).get(tp, ()):
                        records.append(Record(name, r.partition, r.offset, r.key, r.value, dict(r.headers)))
            return records
        finally:
            await consumer.stop()

    async def rows(self) -> dict[str, dict]:
        """The latest risk row of every regency."""
        return {record.key.decode(): json.loads(record.value) for record in await self.read("risk")}

    async def escalations(self) -> list[dict]:
        return [json.loads(record.value) for record in await self.read("escalations")]

    async def drained(self, within_s: float = 180) -> None:
        """Wait until intake and then risk have committed everything that was written, ticks of the meantime aside."""
        for topic in ("incidents", "turnout", "ledger"):
            await self._reached(await self.read(topic), within_s)

    async def _reached(self, records: list[Record], within_s: float) -> None:
        """Wait until the workers' group has committed past each partition's last record (markers take offsets too)."""
        last = {TopicPartition(record.topic, record.partition): record.offset for record in records}
        consumer = AIOKafkaConsumer(bootstrap_servers=self.bootstrap, group_id=self.group, enable_auto_commit=False)
        await consumer.start()
        try:
            deadline = time.monotonic() + within_s
            for tp, offset in last.items():
                while (await consumer.committed(tp) or 0) <= offset:
                    if time.monotonic() > deadline:
                        raise AssertionError(f"{tp} was not committed past {offset} within {within_s} s")
                    await asyncio.sleep(0.1)
        finally:
            await consumer.stop()
