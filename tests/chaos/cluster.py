"""One run's world: a broker of its own, topics, workers as processes under static names, and what can be read of them."""

import asyncio
import json
import os
import re
import signal
import sys
import time
from pathlib import Path

from aiokafka import AIOKafkaConsumer, TopicPartition
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType

from apps.embedded import EmbeddedBroker
from apps.embedded.ports import free_port
from apps.embedded.process import spawn
from tests.agents.deployment import Deployment
from tests.chaos.evidence import INPUTS, TOPICS, Evidence, Seen
from tests.chaos.proxied import ProxiedBroker

PREFIX = "chaos."
NO_KAFKA = "Error: no Kafka at "  # how a worker ends that waited for its broker in vain


class Cluster(Deployment):
    """Workers start through the launcher, die with this process, and may be told where to crash or what time it is."""

    def __init__(
        self, broker: EmbeddedBroker, directory: Path, workers_see: str, prefix: str = PREFIX, **settings: str
    ) -> None:
        super().__init__(broker.bootstrap, prefix, directory, **settings)
        self.broker = broker
        self._workers_see = workers_see
        #: Of each stage; of two workers each has so many of its own.
        self.lanes = int(settings.get("SIAGA_LANES", 1))
        #: How often a worker was killed outright, by us or by itself at a crash point.
        self.kills = 0

    def kill(self, name: str) -> None:
        self.kills += 1
        super().kill(name)

    def start(self, name: str = "a", command: tuple[str, ...] | None = None, **more: str):
        self.ports[name] = free_port()
        command = command or (sys.executable, "-m", "tests.chaos.launcher")
        env = self.env(
            SIAGA_METRICS_PORT=str(self.ports[name]), SIAGA_INSTANCE=name, SIAGA_BROKER=self._workers_see, **more
        )
        worker = self.workers[name] = spawn(list(command), self.log(name), env, self.directory)
        return worker

    async def drained(self, within_s: float = 60) -> None:
        try:
            await super().drained(within_s)
        except AssertionError as error:
            tails = "\n".join(f"{name}: {self.log(name).read_text()[-1500:]}" for name in self.workers)
            raise AssertionError(f"{error}; alive: {self.alive()}\n{tails}") from None

    def signal(self, name: str, number: signal.Signals) -> None:
        if self.workers[name].poll() is None:
            self.kills += number == signal.SIGKILL
            os.kill(self.workers[name].pid, number)

    def gave_up(self) -> list[str]:
        """Workers that ended because no Kafka was there for as long as they wait when they start."""
        refused = [name for name, worker in self.workers.items() if worker.poll() == 1]
        return [
            name for name in refused if self.log(name).read_text().rstrip().rsplit("\n", 1)[-1].startswith(NO_KAFKA)
        ]

    def alive(self) -> list[str]:
        return [name for name, worker in self.workers.items() if worker.poll() is None]

    def memory_mib(self, name: str) -> float:
        """Resident memory of a worker."""
        try:
            text = Path(f"/proc/{self.workers[name].pid}/status").read_text()
        except OSError:
            return 0.0
        lines = [line for line in text.splitlines() if line.startswith("VmRSS")]
        return int(lines[0].split()[1]) / 1024 if lines else 0.0

    async def stop_workers(self, within_s: float = 20) -> list[str]:
        """SIGTERM to all; names of those that had to be killed."""
        for name in self.alive():
            self.signal(name, signal.SIGCONT)
            self.signal(name, signal.SIGTERM)
        deadline = time.monotonic() + within_s
        while self.alive() and time.monotonic() < deadline:
            await asyncio.sleep(0.1)
        stubborn = self.alive()
        for name in stubborn:
            self.kill(name)
        return stubborn

    async def ends(self, topic: str, isolation: str = "read_uncommitted") -> dict[TopicPartition, int]:
        partitions = [TopicPartition(self.prefix + topic, p) for p in range(self.partitions)]
        consumer = AIOKafkaConsumer(bootstrap_servers=self.bootstrap, isolation_level=isolation)
        await consumer.start()
        try:
            return await consumer.end_offsets(partitions)
        finally:
            await consumer.stop()

    async def input_ends(self) -> dict[TopicPartition, int]:
        return {tp: end for topic in INPUTS for tp, end in (await self.ends(topic)).items()}

    async def committed(self) -> dict[tuple[str, int], int]:
        """The group's offsets by (topic, partition); absent ones are 0."""
        places = [
            TopicPartition(self.prefix + topic, p) for topic in (*INPUTS, "ledger") for p in range(self.partitions)
        ]
        consumer = AIOKafkaConsumer(bootstrap_servers=self.bootstrap, group_id=self.group, enable_auto_commit=False)
        await consumer.start()
        try:
            return {
                (tp.topic.removeprefix(self.prefix), tp.partition): await consumer.committed(tp) or 0 for tp in places
            }
        finally:
            await consumer.stop()

    async def state_positions(self) -> dict[tuple[str, int], int]:
        """Up to where the risk state holds the ledger, by ("ledger", partition). State that lost its beginning holds
        nothing.
        """
        records = await self.records("risk-state")
        begun = {record.partition for record in records if record.key == b"@begin"}
        marks = [r for r in records if r.key == b"@next" and r.value and r.partition in begun]
        return {("ledger", mark.partition): json.loads(mark.value)["offset"] for mark in marks}

    async def noted(self, topic: str, since: dict[TopicPartition, int] | None = None) -> list[tuple[int, int]]:
        """All that intake has noted of an input, `since` these offsets of its notes: partitions, and how far they were
        read.
        """
        notes = await self.records("intake-state", since=since)
        return [(r.partition, json.loads(r.value)["offset"]) for r in notes if r.key.decode() == self.prefix + topic]

    async def noted_anew(
        self, topic: str, partitions: set[int], since: dict[TopicPartition, int], within_s: float
    ) -> None:
        """Wait until intake has noted of all these partitions of an input that it was created anew and nothing of it is
        read.
        """
        deadline = time.monotonic() + within_s
        while left := partitions - {partition for partition, offset in await self.noted(topic, since) if not offset}:
            if time.monotonic() > deadline:
                raise AssertionError(
                    f"{topic} was created anew, and within {within_s} s nobody noticed in partitions {left}"
                )
            await asyncio.sleep(0.2)

    async def read_to_end(self, topic: str, within_s: float) -> None:
        """Wait until all of an input is read, and the group knows."""
        await self.group_passes({(r.topic, r.partition): r.offset + 1 for r in await self.records(topic)}, within_s)

    async def group_passes(self, offsets: dict[tuple[str, int], int], within_s: float) -> None:
        """Wait until the group's offsets are these or beyond."""
        deadline = time.monotonic() + within_s
        while behind := {
            place: offset for place, offset in (await self.committed()).items() if offset < offsets.get(place, 0)
        }:
            if time.monotonic() > deadline:
                raise AssertionError(f"after {within_s} s the group is at {behind}, not at {offsets}")
            await asyncio.sleep(0.2)

    async def settle(self, within_s: float) -> float:
        """Wait until all that is written is read, notices to neighbours included; seconds it took. Raises
        AssertionError.
        """
        started = time.monotonic()
        for topic in (*INPUTS, "ledger", "ledger"):
            last = {(r.topic, r.partition): r.offset for r in await self.records(topic)}
            while True:
                committed = await self.committed()
                behind = {place: offset for place, offset in last.items() if committed[place] <= offset}
                if not behind and topic == "ledger":
                    # Lost state is built again from offsets that were committed long ago.
                    committed = await self.state_positions()
                    behind = {place: offset for place, offset in last.items() if committed.get(place, 0) <= offset}
                if not behind:
                    break
                if time.monotonic() - started > within_s:
                    raise AssertionError(f"after {within_s} s not read: {behind}, committed {committed}")
                await asyncio.sleep(0.2)
        return time.monotonic() - started

    async def records(
        self, topic: str, isolation: str = "read_committed", since: dict[TopicPartition, int] | None = None
    ) -> list[Seen]:
        """Everything a topic holds, or `since` these offsets, in partition and offset order."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.bootstrap, isolation_level=isolation, auto_offset_reset="earliest",
            max_partition_fetch_bytes=8 << 20,
        )  # fmt: skip
        await consumer.start()
        try:
            partitions = [TopicPartition(self.prefix + topic, p) for p in range(self.partitions)]
            consumer.assign(partitions)
            ends = await consumer.end_offsets(partitions)
            for tp, offset in (since or {}).items():
                consumer.seek(tp, offset)
            found = []
            for tp in partitions:
                while await consumer.position(tp) < ends[tp]:
                    for r in (await consumer.getmany(tp, timeout_ms=500)).get(tp, ()):
                        found.append(Seen(topic, r.partition, r.offset, r.key, r.value, dict(r.headers), r.timestamp))
            return found
        finally:
            await consumer.stop()

    async def delete(self, topic: str) -> None:
        """Delete a topic and wait until the broker knows no more of it."""
        name = self.prefix + topic

        def delete() -> None:
            admin = self.admin()
            try:
                admin.delete_topics([name])
                deadline = time.monotonic() + 30
                while not admin.describe_topics([name])[0]["error_code"]:
                    if time.monotonic() > deadline:
                        raise AssertionError(f"{topic} was deleted and is still there")
                    time.sleep(0.05)
            finally:
                admin.close()

        await asyncio.to_thread(delete)

    async def create_topics(self) -> None:
        """`siaga topics`, as its messages tell an operator to; again while Kafka is still deleting."""
        deadline = time.monotonic() + 30
        while (done := await asyncio.to_thread(lambda: self.run("topics", check=False))).returncode:
            if time.monotonic() > deadline:
                raise AssertionError(done.stdout + done.stderr)
            await asyncio.sleep(0.2)

    async def delete_records(self, topic: str, kept_from: dict[int, int]) -> None:
        """Remove what lies before these offsets of partitions, as retention does."""
        admin = self.admin()
        try:
            asked = {TopicPartition(self.prefix + topic, partition): offset for partition, offset in kept_from.items()}
            await asyncio.to_thread(admin.delete_records, asked)
        finally:
            admin.close()

    def rebalances(self) -> int:
        """Generations of the group since the broker's last start, as its newest log tells them; fewer where that
        rotated.
        """
        text = self.broker.log_path.read_text(errors="replace")
        return len(re.findall(rf"Stabilized group {re.escape(self.group)} generation", text))

    def group_state(self) -> str:
        admin = self.admin()
        try:
            return admin.describe_groups([self.group])[self.group]["group_state"]
        finally:
            admin.close()

    def open_transactions(self) -> list[str]:
        """Transactional ids of this deployment with a transaction begun or half ended."""
        admin = self.admin()
        try:
            listed = admin.list_transactions(state_filters=["Ongoing", "PrepareCommit", "PrepareAbort"])
        finally:
            admin.close()
        found = [item for items in listed.values() for item in items] if isinstance(listed, dict) else listed
        names = [item["transactional_id"] if isinstance(item, dict) else item.transactional_id for item in found]
        return [name for name in names if name.startswith(self.group)]

    def configure(self, topic: str, settings: dict[str, str]) -> None:
        admin = self.admin()
        try:
            admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, self.prefix + topic, settings)])
        finally:
            admin.close()

    def admin(self) -> KafkaAdminClient:
        return KafkaAdminClient(bootstrap_servers=self.bootstrap)

    async def evidence(self, group_state: str, patience_s: float = 3.0) -> Evidence:
        """Read everything, after the workers have ended. Open transactions are given `patience_s` to be marked."""
        deadline = time.monotonic() + patience_s
        while (still_open := await asyncio.to_thread(self.open_transactions)) and time.monotonic() < deadline:
            await asyncio.sleep(0.2)
        ends = {}
        for topic in TOPICS:
            high, stable = await self.ends(topic), await self.ends(topic, "read_committed")
            ends |= {(topic, tp.partition): (stable[tp], high[tp]) for tp in high}
        return Evidence(
            partitions=self.partitions,
            topics={topic: await self.records(topic) for topic in TOPICS},
            ends=ends,
            committed=await self.committed(),
            group_state=group_state,
            open_transactions=still_open,
        )


def new_broker(directory: Path, proxied: bool) -> tuple[EmbeddedBroker, str]:
    """A started broker, and the address that workers should be given: the proxy's, when there is to be one."""
    if not proxied:
        broker = EmbeddedBroker(directory).start()
        return broker, broker.bootstrap
    broker = ProxiedBroker(directory, proxy_port=free_port()).start()
    return broker, f"127.0.0.1:{broker.proxy_port}"
