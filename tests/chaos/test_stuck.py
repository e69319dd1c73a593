"""A worker that makes no progress though there is work says so on /healthz, and works on once the reason is gone."""

import asyncio

import pytest

from tests.chaos.cluster import new_kafka
from tests.chaos.proxied import Proxy
from tests.chaos.small import SmallCluster
from tests.health_page import health_of


@pytest.fixture
async def cut_off(tmp_path):
    """A deployment whose workers reach the broker through a proxy, and the proxy."""
    broker, workers_see = await asyncio.to_thread(new_kafka, tmp_path / "broker", True, 1, None)
    proxy = await Proxy(broker.proxy_port, broker.back_port).start()
    try:
        with SmallCluster(broker, tmp_path, workers_see, "stuck.", SIAGA_PARTITIONS="3") as cluster:
            yield cluster, proxy
    finally:
        await proxy.stop()
        await asyncio.to_thread(broker.stop)


async def test_a_worker_cut_off_from_its_broker_says_so_and_resumes_when_it_is_back(cut_off):
    cluster, proxy = cut_off
    cluster.start("a")
    await cluster.publish_and_drain("x", 5)
    await answers(cluster, 200)
    proxy.refuse = True
    proxy.cut()
    body = await answers(cluster, 503, part="group")
    assert all(stuck["reason"] and stuck["advice"] for stuck in body["stuck"])
    assert cluster.metric('siaga_stuck_seconds{part="group",role="worker"}') >= 10
    proxy.reset()
    await answers(cluster, 200)
    await cluster.publish_and_drain("y", 5)
    assert await cluster.counted() == 10 and cluster.alive() == ["a"]


async def answers(cluster: SmallCluster, status: int, part: str | None = None) -> dict:
    """The first body with this status, and with this part among those that are stuck."""
    bodies: list[dict] = []

    def look() -> bool:
        found, body = health_of(cluster.ports["a"])
        bodies.append(body)
        return found == status and part in {None, *(stuck["part"] for stuck in body["stuck"])}

    while not await asyncio.to_thread(look):
        if len(bodies) > 600:
            raise AssertionError(f"/healthz does not answer {status} for {part}: {bodies[-1]}")
        await asyncio.sleep(0.2)
    return bodies[-1]
