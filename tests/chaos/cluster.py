"""A deployment that faults act on: workers can be killed, topics deleted and cut."""

import asyncio
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from aiokafka import TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType

from apps.embedded import EmbeddedBroker, EmbeddedCluster
from apps.embedded.ports import free_port
from tests.agents.deployment import Deployment, Offsets
from tests.chaos.network import Network, networked_cluster
from tests.chaos.proxied import ProxiedBroker
from tests.recount.records import INPUTS

PREFIX = "chaos."
NO_KAFKA = "Error: no Kafka at "  # how a worker ends that waited for its broker in vain


class Cluster(Deployment):
    """Workers start through the launcher, and may be given a point to crash at or a wrong clock."""

    worker_command = (sys.executable, "-m", "tests.chaos.launcher")

    def __init__(
        self,
        kafka: EmbeddedBroker | EmbeddedCluster,
        directory: Path,
        workers_see: str,
        prefix: str = PREFIX,
        **settings: str,
    ) -> None:
        super().__init__(kafka.bootstrap, prefix, directory, **settings)
        self.brokers = kafka.brokers if isinstance(kafka, EmbeddedCluster) else [kafka]
        #: The only one, or the first.
        self.broker = self.brokers[0]
        self._workers_see = workers_see
        #: How often a worker was killed by SIGKILL, by us or by itself at a crash point.
        self.kills = 0

    def kill(self, name: str) -> None:
        self.kills += 1
        super().kill(name)

    def start(self, name: str = "a", command: tuple[str, ...] | None = None, **more: str) -> subprocess.Popen[bytes]:
        return super().start(name, command, SIAGA_BROKER=self._workers_see, **more)

    def signal(self, name: str, number: signal.Signals) -> None:
        self.kills += number == signal.SIGKILL and name in self.alive()
        super().signal(name, number)

    def gave_up(self) -> list[str]:
        """Workers that ended because no Kafka was there for as long as they wait when they start."""
        refused = [name for name, worker in self.workers.items() if worker.poll() == 1]
        last = {name: self.log(name).read_text().rstrip().rsplit("\n", 1)[-1] for name in refused}
        return [name for name, line in last.items() if line.startswith(NO_KAFKA)]

    def memory_mib(self, name: str) -> float:
        """Resident memory of a worker."""
        try:
            text = Path(f"/proc/{self.workers[name].pid}/status").read_text()
        except OSError:
            return 0.0
        lines = [line for line in text.splitlines() if line.startswith("VmRSS")]
        return int(lines[0].split()[1]) / 1024 if lines else 0.0

    async def input_ends(self) -> dict[TopicPartition, int]:
        return {tp: end for topic in INPUTS for tp, end in (await self.ends(topic)).items()}

    async def notes_of(self, topic: str, since: dict[TopicPartition, int] | None = None) -> list[tuple[int, int]]:
        """Intake's notes of an input, from these offsets of `intake-state` on: (partition, offset read to)."""
        notes = await self.read("intake-state", since=since)
        return [(r.partition, r.json()["offset"]) for r in notes if r.key.decode() == self.prefix + topic]

    async def recreation_noted(
        self, topic: str, partitions: set[int], since: dict[TopicPartition, int], within_s: float
    ) -> None:
        """Wait until intake has noted, in all these partitions, that nothing of a recreated input is read."""
        deadline = time.monotonic() + within_s
        while left := partitions - {partition for partition, offset in await self.notes_of(topic, since) if not offset}:
            if time.monotonic() > deadline:
                raise AssertionError(f"{topic} was recreated; within {within_s} s nothing noted in partitions {left}")
            await asyncio.sleep(0.2)

    async def group_reaches(self, offsets: Offsets, within_s: float) -> None:
        await self.reached(offsets, self.committed, within_s)

    async def delete(self, topic: str) -> None:
        """Delete a topic and wait until the broker no longer has it."""
        name = self.prefix + topic

        def delete() -> None:
            with self.admin() as admin:
                admin.delete_topics([name])
                deadline = time.monotonic() + 30
                while not admin.describe_topics([name])[0]["error_code"]:
                    if time.monotonic() > deadline:
                        raise AssertionError(f"{topic} was deleted and is still there")
                    time.sleep(0.05)

        await asyncio.to_thread(delete)

    async def create_topics(self) -> None:
        """`siaga topics`, as its messages tell an operator to; repeated while Kafka is still deleting."""
        deadline = time.monotonic() + 30
        while (done := await asyncio.to_thread(lambda: self.run("topics", check=False))).returncode:
            if time.monotonic() > deadline:
                raise AssertionError(done.stdout + done.stderr)
            await asyncio.sleep(0.2)

    async def recreate(self, topic: str) -> None:
        await self.delete(topic)
        await self.create_topics()

    async def delete_records(self, topic: str, kept_from: dict[int, int]) -> None:
        """Remove what lies before these offsets of partitions, as retention does."""
        offsets = {TopicPartition(self.prefix + topic, partition): offset for partition, offset in kept_from.items()}
        with self.admin() as admin:
            await asyncio.to_thread(admin.delete_records, offsets)

    def configure(self, topic: str, settings: dict[str, str]) -> None:
        with self.admin() as admin:
            admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, self.prefix + topic, settings)])

    def rebalances(self) -> int:
        """Generations of the group since the brokers' last start, from their newest logs; fewer if one was rotated."""
        text = "".join(broker.log_path.read_text(errors="replace") for broker in self.brokers)
        return len(re.findall(rf"Stabilized group {re.escape(self.group)} generation", text))


def new_kafka(
    directory: Path, proxied: bool, count: int, network: Network | None
) -> tuple[EmbeddedBroker | EmbeddedCluster, str]:
    """`count` brokers, started, and the addresses that workers should be given: a proxy's, when there is to be one."""
    if network is not None:
        cluster, seen = networked_cluster(directory, count, network)
        return cluster.start(), seen
    if count > 1:
        cluster = EmbeddedCluster(directory, count).start()
        return cluster, cluster.bootstrap
    if not proxied:
        broker = EmbeddedBroker(directory).start()
        return broker, broker.bootstrap
    broker = ProxiedBroker(directory, proxy_port=free_port()).start()
    return broker, f"127.0.0.1:{broker.proxy_port}"
