"""Scenes for the exactly-once tests: topics of their own, counting workers as processes, a steady load, a reader."""

import asyncio
import collections
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

APP = Path(__file__).parent / "counting_app.py"
ROOT = Path(__file__).parents[3]


async def until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait until `condition()` holds; fail by name when it does not within the deadline."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        await asyncio.sleep(0.05)


class Scene:
    """Source, output and state topics with a few partitions, and everything that runs on them."""

    partitions = 3

    def __init__(self, bootstrap: str, name: str, logs: Path, app: Path = APP, path: Path = ROOT) -> None:
        self.bootstrap, self.name, self.logs, self.app, self.path = bootstrap, name, logs, app, path
        self.source, self.out, self.state = f"{name}in", f"{name}out", f"{name}state"
        self.owners = f"{self.out}-owners"
        self.workers: dict[str, subprocess.Popen] = {}
        self.sent: collections.Counter[bytes] = collections.Counter()
        self.got: dict[bytes, list[int]] = collections.defaultdict(list)
        self._tasks: list[asyncio.Task] = []

    async def __aenter__(self) -> Self:
        self.admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await self.admin.start()
        topics = [NewTopic(topic, self.partitions, 1) for topic in (self.source, self.out, self.state, self.owners)]
        await self.admin.create_topics(topics)
        self.producer = AIOKafkaProducer(bootstrap_servers=self.bootstrap, enable_idempotence=True, linger_ms=5)
        await self.producer.start()
        self.reader = AIOKafkaConsumer(
            bootstrap_servers=self.bootstrap, isolation_level="read_committed", auto_offset_reset="earliest"
        )
        await self.reader.start()
        self.reader.assign([TopicPartition(self.out, p) for p in range(self.partitions)])
        self._tasks.append(asyncio.create_task(self._read()))
        return self

    async def __aexit__(self, *exc: object) -> None:
        for worker in self.workers.values():
            worker.send_signal(signal.SIGCONT)
            worker.kill()
            worker.wait()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.reader.stop()
        await self.producer.stop()
        await self.admin.close()

    def start(self, instance: str) -> subprocess.Popen:
        command = [sys.executable, str(self.app), self.bootstrap, self.name, self.source, self.out, self.state]
        with open(self.log(instance), "a") as log:
            worker = self.workers[instance] = subprocess.Popen(
                [*command, str(self.partitions), instance],
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONPATH": str(self.path)},
            )
        return worker

    def kill(self, instance: str) -> None:
        worker = self.workers[instance]
        worker.kill()
        worker.wait()

    def log(self, instance: str) -> Path:
        return self.logs / f"{instance}.log"

    def says(self, instance: str, text: str) -> bool:
        return self.log(instance).exists() and text in self.log(instance).read_text()

    def load(self, records_per_s: int, seed: int = 1) -> asyncio.Task:
        """Send to 20 keys until cancelled."""
        task = asyncio.create_task(self._load(records_per_s, random.Random(seed)))
        self._tasks.append(task)
        return task

    async def _load(self, records_per_s: int, rnd: random.Random) -> None:
        while True:
            for _ in range(records_per_s // 100):
                await self.send(b"k%02d" % rnd.randrange(20))
            await asyncio.sleep(0.01)

    async def send(self, key: bytes, value: bytes = b"x") -> None:
        await self.producer.send(self.source, key=key, value=value, partition=int(key[1:]) % self.partitions)
        self.sent[key] += 1

    async def _read(self) -> None:
        while True:
            for records in (await self.reader.getmany(timeout_ms=100)).values():
                for record in records:
                    self.got[record.key].append(int(record.value))

    @property
    def read(self) -> int:
        return sum(len(numbers) for numbers in self.got.values())

    async def settle(self, seconds: float = 120) -> None:
        """Wait until every record sent came out, then hold each key's numbers against 1..n."""
        await self.producer.flush()
        await until(lambda: self.read >= self.sent.total(), seconds, f"{self.sent.total()} outputs, got {self.read}")
        wrong = {key: self.got[key] for key in self.sent if self.got[key] != list(range(1, self.sent[key] + 1))}
        assert not wrong, f"{len(wrong)} keys with lost, doubled or reordered outputs: {sorted(wrong)[:3]}"
