"""A rolling upgrade under load: two workers of the release before are replaced one by one, and back, exactly once."""

import asyncio
import sys
import time
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from tests.agents.deployment import Deployment, until
from tests.chaos.traffic import incident
from tests.formats.dump import unpacked

WORKER = (sys.executable, "-m", "apps.cli.main", "worker")
CODES = ("16.71", "16.02", "16.03", "16.10")


class Upgrade(Deployment):
    """Workers of the current release, and of release 0.9 out of `release`."""

    def __init__(self, bootstrap: str, prefix: str, directory: Path) -> None:
        super().__init__(bootstrap, prefix, directory, SIAGA_TICK_SECONDS="0.5")
        self.release = unpacked("0.9.0", directory / "0.9.0")

    async def replace(self, name: str, *, by_release_09: bool) -> None:
        """End a worker as a deployment does, start the other release in its place, and wait until it has work."""
        if name in self.workers:
            self.workers[name].terminate()
            await until(lambda: self.workers[name].poll() is not None, 60, f"the end of {name}")
            assert self.workers[name].returncode == 0
        self.start(name, WORKER, **({"PYTHONPATH": str(self.release)} if by_release_09 else {}))
        await until(lambda: self.shards(name) > 0, 180, f"work for {name}")

    def shards(self, name: str) -> float:
        return sum(self.metric(f'siaga_shards_open{{stage="{stage}"}}', name) for stage in ("intake", "risk"))


@pytest.fixture
def deployment(broker, fresh_prefix, tmp_path):
    with Upgrade(broker.bootstrap, fresh_prefix, tmp_path) as made:
        yield made


async def publish(deployment: Deployment, until_set: asyncio.Event) -> int:
    """Incidents of four regencies, some forty a second, until the event is set; return how many."""
    producer, count = AIOKafkaProducer(bootstrap_servers=deployment.bootstrap), 0
    await producer.start()
    try:
        while not until_set.is_set():
            code = CODES[count % len(CODES)]
            value = incident(f"n-{count}", code, time.time() - 5)
            await producer.send_and_wait(deployment.prefix + "incidents", value, code.encode())
            count += 1
            await asyncio.sleep(0.025)
    finally:
        await producer.stop()
    return count


async def test_workers_of_release_09_are_replaced_one_by_one_and_back_and_nothing_is_lost_or_doubled(deployment):
    for name in "ab":
        await deployment.replace(name, by_release_09=True)
    is_over = asyncio.Event()
    load = asyncio.create_task(publish(deployment, is_over))
    for by_release_09 in (False, True):
        for name in "ab":
            await deployment.replace(name, by_release_09=by_release_09)
            await asyncio.sleep(2)  # some traffic in each mixture
    is_over.set()
    assert await load > 0
    assert await deployment.violations() == []
