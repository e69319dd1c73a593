"""A broker that the cluster has given up holds nobody's request."""

import asyncio
import contextlib
import threading
from types import SimpleNamespace

import pytest
from aiokafka import client as module
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaConnectionError

from agents.batching.cluster_watch import ClusterWatch
from agents.batching.options import BatchingOptions
from agents.batching.patches.connecting import OpenConnections, bound_connecting, open_connections

WITHIN_S = 60
ELSEWHERE = ("127.0.0.1", 1)


def a_cluster(*addresses):
    """Metadata that name these brokers."""
    return SimpleNamespace(brokers=lambda: [SimpleNamespace(host=host, port=port) for host, port in addresses])


class Held:
    """A connection whose request is never answered. Closed, it fails the request, as aiokafka's does."""

    def __init__(self, host, port):
        self.host, self.port = host, port
        self.request = asyncio.get_running_loop().create_future()
        self.closed_in = None

    def connected(self):
        return self.closed_in is None

    def close(self, reason, error):
        self.closed_in = threading.current_thread()
        self.request.set_exception(error)


@pytest.fixture
def connections():
    return OpenConnections()


@pytest.fixture
def watch(connections):
    return ClusterWatch(BatchingOptions(), "incidents", connections)


async def test_what_waits_for_a_broker_that_left_fails_at_once(watch, connections):
    lost, other = Held("127.0.0.1", 9001), Held("127.0.0.1", 9002)
    connections.add(lost)
    connections.add(other)
    watch.compare(a_cluster(("127.0.0.1", 9001), ("127.0.0.1", 9002)))
    watch.compare(a_cluster(("127.0.0.1", 9002)))
    async with asyncio.timeout(WITHIN_S):
        with pytest.raises(KafkaConnectionError, match="no longer in the cluster"):
            await lost.request
    assert other.connected()


async def test_an_address_that_the_metadata_never_named_keeps_its_connections(watch, connections):
    bootstrap = Held("kafka-bootstrap", 9092)  # a service name before all brokers
    connections.add(bootstrap)
    watch.compare(a_cluster(("127.0.0.1", 9001)))
    watch.compare(a_cluster(ELSEWHERE))
    await asyncio.sleep(0)
    assert bootstrap.connected()


async def test_each_connection_is_closed_in_its_own_thread(watch, connections):
    made, ended = asyncio.Event(), []
    loop = asyncio.get_running_loop()

    async def hold():
        held = Held("127.0.0.1", 9001)
        connections.add(held)
        loop.call_soon_threadsafe(made.set)
        with contextlib.suppress(KafkaConnectionError):
            await asyncio.wait_for(held.request, WITHIN_S)
        ended.append(held.closed_in)

    thread = threading.Thread(target=asyncio.run, args=(hold(),))
    thread.start()
    async with asyncio.timeout(WITHIN_S):
        await made.wait()
    watch.compare(a_cluster(("127.0.0.1", 9001)))
    watch.compare(a_cluster(ELSEWHERE))
    await asyncio.to_thread(thread.join)
    assert ended == [thread]


async def test_a_real_connection_is_among_those_that_are_closed(broker, monkeypatch):
    monkeypatch.setattr(module, "create_conn", module.create_conn)
    bound_connecting.__wrapped__(1000 * WITHIN_S)
    watch = ClusterWatch(BatchingOptions(), "incidents")
    client = AIOKafkaClient(bootstrap_servers=broker.bootstrap)
    await client.bootstrap()
    node = client.get_random_node()
    connection = await client._get_conn(node)
    watch.compare(client.cluster)
    watch.compare(a_cluster(ELSEWHERE))
    async with asyncio.timeout(WITHIN_S):
        while connection.connected():
            await asyncio.sleep(0.01)
    assert await client.ready(node)  # the client connects again by itself
    await client.close()


async def test_the_brokers_are_asked_for_again_and_again(broker):
    compared = asyncio.Queue()

    class Watch(ClusterWatch):
        def compare(self, cluster):
            super().compare(cluster)
            compared.put_nowait({broker.nodeId for broker in cluster.brokers()})

    options = BatchingOptions(client={"bootstrap_servers": broker.bootstrap}, watch_ms=20)
    watch = Watch(options, "incidents", open_connections)
    watch.start()
    async with asyncio.timeout(WITHIN_S):
        seen = [await compared.get() for _ in range(4)]
    await watch.close()
    assert all(nodes == seen[0] for nodes in seen)
