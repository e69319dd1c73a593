"""Real workers on a real broker, started as an operator starts them, observed through Kafka and /metrics."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Self

from aiokafka import AIOKafkaConsumer, TopicPartition
from kafka import KafkaAdminClient

from agents.batching.patches.records import read_past_empty_markers
from agents.kafka import topics
from agents.kafka.connection import kafka_python_options
from agents.settings import Settings
from apps.embedded.ports import free_port
from apps.embedded.process import spawn
from tests.recount.laws import Violation, check
from tests.recount.policy import ROSTER, roster
from tests.recount.records import INPUTS, TOPICS, Evidence, Record, state_marks

ROOT = Path(__file__).resolve().parents[2]
BROKER_WAIT_S = 20
#: How long a read waits where nothing but markers of transactions is left, which it never returns.
MARKERS_MS = 20
OPEN_STATES = ["Ongoing", "PrepareCommit", "PrepareAbort"]

#: Offsets by (topic without prefix, partition); an absent one is 0.
Offsets = dict[tuple[str, int], int]


async def until(condition: Callable[[], object], within_s: float, what: str) -> None:
    """Wait until `condition()` holds; fail by name when it does not within the deadline."""
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within_s} s: {what}")
        await asyncio.sleep(0.1)


class Deployment:
    """Topics under one prefix, workers by name. Use as a context manager: nothing it started outlives it."""

    worker_command: tuple[str, ...] = (sys.executable, "-m", "apps.cli.main", "worker")

    def __init__(self, bootstrap: str, prefix: str, directory: Path, **settings: str) -> None:
        self.bootstrap, self.prefix, self.directory = bootstrap, prefix, directory
        self.partitions = int(settings.get("SIAGA_PARTITIONS", 3))
        self.input_partitions = self.partitions  # more once an input has grown
        self.group = settings.get("SIAGA_GROUP", prefix + "workers")
        self._settings = {
            "SIAGA_BROKER": bootstrap,
            "SIAGA_TOPIC_PREFIX": prefix,
            "SIAGA_PARTITIONS": str(self.partitions),
            "SIAGA_GROUP": self.group,
            "SIAGA_DATA_DIR": str(directory / "data"),
            **settings,
        }
        self.workers: dict[str, subprocess.Popen[bytes]] = {}
        self.ports: dict[str, int] = {}

    def __enter__(self) -> Self:
        """Creates the topics as `siaga topics` does, without a process of its own."""
        settings = Settings.load(self.env())
        with topics.open_admin(kafka_python_options(settings), BROKER_WAIT_S) as admin:
            topics.ensure(admin, settings)
        return self

    def __exit__(self, *exc: object) -> None:
        for worker in self.workers.values():
            if worker.poll() is None:
                worker.kill()
            worker.wait()

    def env(self, **more: str) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("SIAGA_")}
        return {**inherited, "PYTHONPATH": str(ROOT), **self._settings, **more}

    def run(self, *arguments: str, check: bool = True, **more: str) -> subprocess.CompletedProcess[str]:
        """Run a `siaga` command to its end."""
        command = [sys.executable, "-m", "apps.cli.main", *arguments]
        return subprocess.run(command, env=self.env(**more), capture_output=True, text=True, check=check, timeout=120)

    def start(self, name: str = "a", command: tuple[str, ...] | None = None, **more: str) -> subprocess.Popen[bytes]:
        """Start a worker under a static name; it dies with this process."""
        self.ports[name] = free_port()
        env = self.env(SIAGA_METRICS_PORT=str(self.ports[name]), SIAGA_INSTANCE=name, **more)
        self.workers[name] = spawn(list(command or self.worker_command), self.log(name), env, self.directory)
        return self.workers[name]

    def kill(self, name: str) -> None:
        self.workers[name].kill()
        self.workers[name].wait()

    def signal(self, name: str, number: signal.Signals) -> None:
        if self.workers[name].poll() is None:
            os.kill(self.workers[name].pid, number)

    def alive(self) -> list[str]:
        return [name for name, worker in self.workers.items() if worker.poll() is None]

    async def stop_workers(self, within_s: float = 20) -> list[str]:
        """SIGTERM to all; names of those that had to be killed."""
        for name in self.alive():
            self.signal(name, signal.SIGCONT)
            self.signal(name, signal.SIGTERM)
        deadline = time.monotonic() + within_s
        while self.alive() and time.monotonic() < deadline:
            await asyncio.sleep(0.1)
        killed = self.alive()
        for name in killed:
            self.kill(name)
        return killed

    def log(self, name: str = "a") -> Path:
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

    def admin(self) -> KafkaAdminClient:
        """A client to be closed; works as a context manager."""
        return KafkaAdminClient(bootstrap_servers=self.bootstrap)

    @asynccontextmanager
    async def consumer(self, **options: object) -> AsyncIterator[AIOKafkaConsumer]:
        read_past_empty_markers()  # a round may compact a topic
        consumer = AIOKafkaConsumer(bootstrap_servers=self.bootstrap, enable_auto_commit=False, **options)
        await consumer.start()
        try:
            yield consumer
        finally:
            await consumer.stop()

    def _partitions_of(self, topic: str) -> list[TopicPartition]:
        count = self.input_partitions if topic in INPUTS else self.partitions
        return [TopicPartition(self.prefix + topic, p) for p in range(count)]

    async def read(
        self, topic: str, isolation: str = "read_committed", since: dict[TopicPartition, int] | None = None
    ) -> list[Record]:
        """Everything a topic holds now, or from these offsets on, in partition and offset order."""
        options = {"auto_offset_reset": "earliest", "max_partition_fetch_bytes": 8 << 20}
        records = []
        async with self.consumer(isolation_level=isolation, **options) as consumer:
            partitions = self._partitions_of(topic)
            consumer.assign(partitions)
            ends = await consumer.end_offsets(partitions)
            for tp, offset in (since or {}).items():
                consumer.seek(tp, offset)
            for tp in partitions:
                while await consumer.position(tp) < ends[tp]:
                    for r in (await consumer.getmany(tp, timeout_ms=MARKERS_MS)).get(tp, ()):
                        place = topic, r.partition, r.offset
                        records.append(Record(*place, r.key, r.value, dict(r.headers), r.timestamp))
        return records

    async def ends(self, topic: str, isolation: str = "read_uncommitted") -> dict[TopicPartition, int]:
        async with self.consumer(isolation_level=isolation) as consumer:
            partitions = self._partitions_of(topic)
            consumer.assign(partitions)  # else it looks for partitions that it does not know yet only 0.1 s later
            return await consumer.end_offsets(partitions)

    async def rows(self) -> dict[str, dict]:
        """The latest risk row of every regency."""
        return {record.key.decode(): json.loads(record.value) for record in await self.read("risk")}

    async def escalations(self) -> list[dict]:
        return [json.loads(record.value) for record in await self.read("escalations")]

    async def committed(self) -> Offsets:
        """What the workers' group has committed."""
        places = [(topic, tp) for topic in (*INPUTS, "ledger") for tp in self._partitions_of(topic)]
        async with self.consumer(group_id=self.group) as consumer:
            return {(topic, tp.partition): await consumer.committed(tp) or 0 for topic, tp in places}

    async def folded(self) -> Offsets:
        """Up to where the risk state holds the ledger. State that lost its beginning holds nothing."""
        marks = state_marks(await self.read("risk-state"))
        complete = {mark.partition for mark in marks if mark.kind == "begin"}
        return {("ledger", m.partition): m.offset for m in marks if m.kind == "next" and m.partition in complete}

    async def reached(self, offsets: Offsets, positions: Callable[[], Awaitable[Offsets]], within_s: float) -> None:
        """Wait until `positions()` are these offsets or beyond."""
        deadline = time.monotonic() + within_s
        while True:
            reached = await positions()
            behind = {place: offset for place, offset in offsets.items() if reached.get(place, 0) < offset}
            if not behind:
                return
            if time.monotonic() > deadline:
                logs = "\n".join(f"{name}: {self.log(name).read_text()[-1500:]}" for name in self.workers)
                where = f"after {within_s} s at {reached}, behind {behind}; alive: {self.alive()}"
                raise AssertionError(f"{where}\n{logs}")
            await asyncio.sleep(0.2)

    async def passed(self, topic: str, positions: Callable[[], Awaitable[Offsets]], within_s: float) -> None:
        """Wait until `positions()` are past each partition's last record (markers take offsets too)."""
        last = {(record.topic, record.partition): record.offset + 1 for record in await self.read(topic)}
        await self.reached(last, positions, within_s)

    async def drained(self, within_s: float = 180) -> None:
        """Wait until intake and then risk have committed everything that was written, ticks of the meantime aside."""
        for topic in (*INPUTS, "ledger"):
            await self.passed(topic, self.committed, within_s)

    async def settled(self, within_s: float = 180) -> None:
        """Wait until notices to neighbours are folded too, and the state is complete."""
        await self.drained(within_s)
        for positions in (self.folded, self.committed, self.folded):
            await self.passed("ledger", positions, within_s)

    def group_state(self) -> str:
        with self.admin() as admin:
            return admin.describe_groups([self.group])[self.group]["group_state"]

    def open_transactions(self) -> list[str]:
        """Transactional ids of this deployment with a transaction begun or half ended."""
        with self.admin() as admin:
            listed = admin.list_transactions(state_filters=OPEN_STATES)
        found = [item for items in listed.values() for item in items] if isinstance(listed, dict) else listed
        names = [item["transactional_id"] if isinstance(item, dict) else item.transactional_id for item in found]
        return [name for name in names if name.startswith(self.group)]

    async def evidence(self, group_state: str = "Stable") -> Evidence:
        """Everything that the workers left behind, after they have ended."""
        deadline = time.monotonic() + 3  # a transaction that is ending is marked by then
        while (still_open := await asyncio.to_thread(self.open_transactions)) and time.monotonic() < deadline:
            await asyncio.sleep(0.2)
        ends = {}
        for topic in TOPICS:
            high, stable = await self.ends(topic), await self.ends(topic, "read_committed")
            ends |= {(topic, tp.partition): (stable[tp], high[tp]) for tp in high}
        records = {topic: await self.read(topic) for topic in TOPICS}
        return Evidence(self.partitions, records, ends, await self.committed(), group_state, still_open)

    async def violations(self) -> list[Violation]:
        """Wait until all is folded, end the workers, and judge all that they wrote by the laws of the recount."""
        await self.settled()
        killed = await self.stop_workers()
        stubborn = [Violation("D", f"worker {name} did not end on SIGTERM") for name in killed]
        shards = len(INPUTS) * self.partitions if self._settings.get("SIAGA_CLOCK") == "event" else None
        return stubborn + check(await self.evidence(), roster(ROSTER), shards=shards)
