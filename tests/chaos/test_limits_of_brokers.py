"""Brokers whose limits no retry of a worker can help: it ends with one line that says which limit, and to what."""

import asyncio

import pytest

from apps.embedded import EmbeddedBroker
from apps.embedded.config import Extra
from tests.agents.deployment import until
from tests.chaos.small import SmallCluster


@pytest.mark.parametrize(
    ("limit", "named"),
    [
        ({"transaction.max.timeout.ms": "5000"}, "transaction.max.timeout.ms"),
        ({"group.min.session.timeout.ms": "20000"}, "group.min.session.timeout.ms"),
    ],
)
async def test_a_worker_ends_with_the_name_of_the_limit(limit, named, tmp_path):
    broker = await asyncio.to_thread(EmbeddedBroker(tmp_path / "broker", extra=Extra(properties=limit)).start)
    try:
        with SmallCluster(broker, tmp_path, broker.bootstrap, "limits.", SIAGA_PARTITIONS="3") as cluster:
            worker = cluster.start("a")
            await until(lambda: worker.poll() is not None, 180, "the end of the worker")
            assert worker.returncode == 1
            last = cluster.logged().rstrip().splitlines()[-1]
            assert last.startswith("Error: the brokers allow no") and named in last
    finally:
        await asyncio.to_thread(broker.stop)
