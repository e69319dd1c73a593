"""A broker that is mute is given up soon, and one that is away is not called without a pause."""

import asyncio
import contextlib
import inspect
from time import monotonic

import pytest
from aiokafka import client as module
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaConnectionError

from agents.batching.patches.connecting import bound_connecting, pace_connecting

WITHIN_S = 60


@pytest.fixture
async def mute():
    """The address of a server that accepts and never answers."""

    held: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _, writer: held.append(writer), "127.0.0.1", 0)
    yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()
    for writer in held:
        writer.close()


@pytest.fixture
def bounded(monkeypatch):
    monkeypatch.setattr(module, "create_conn", module.create_conn)  # as it was, after the test
    bound_connecting.__wrapped__(200)


async def test_a_mute_broker_is_given_up_long_before_a_request_is(mute, bounded):
    client = AIOKafkaClient(bootstrap_servers=mute, request_timeout_ms=1000 * WITHIN_S * 10)
    async with asyncio.timeout(WITHIN_S):
        with pytest.raises(KafkaConnectionError):
            await client.bootstrap()


async def test_beside_a_mute_broker_another_one_is_found(mute, bounded, broker):
    async with asyncio.timeout(WITHIN_S):
        for _ in range(4):  # in any order
            client = AIOKafkaClient(bootstrap_servers=[mute, broker.bootstrap], request_timeout_ms=1000 * WITHIN_S * 10)
            while not client.cluster.brokers():
                with contextlib.suppress(KafkaConnectionError):  # on a busy machine it too may take longer
                    await client.bootstrap()
            await client.close()


def test_a_client_connects_through_the_method_that_is_wrapped():
    assert list(inspect.signature(AIOKafkaClient._get_conn).parameters) == ["self", "node_id", "group", "no_hint"]
    assert "self._get_conn(" in inspect.getsource(AIOKafkaClient.ready)


async def test_a_node_that_does_not_answer_is_tried_again_only_after_the_pause():
    class Client:
        def __init__(self) -> None:
            self.tried: list[float] = []

        async def _get_conn(self, node_id, *, group, no_hint):
            self.tried.append(monotonic())

    client = Client()
    pace_connecting(client, 0.05)
    for _ in range(3):
        assert await client._get_conn(1) is None
    assert await client._get_conn(2) is None
    first, second, third, other = client.tried
    assert second - first >= 0.05 and third - second >= 0.05 and other - third < third - second
