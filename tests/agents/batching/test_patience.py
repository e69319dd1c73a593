"""A broker that goes away while a client starts does not end the worker."""

import pytest
from aiokafka.errors import KafkaConnectionError, TopicAuthorizationFailedError

from agents.batching import patience
from agents.batching.patience import start_patiently


class Client:
    """Starts when its list of errors is used up."""

    def __init__(self, *errors: Exception) -> None:
        self.errors, self.starts, self.drops = list(errors), 0, 0

    async def start(self) -> None:
        self.starts += 1
        if self.errors:
            raise self.errors.pop(0)

    async def drop(self) -> None:
        self.drops += 1
        raise RuntimeError("half started things may not even close")


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(patience, "AGAIN_S", 0)


async def test_it_tries_again_until_the_broker_is_back():
    client = Client(KafkaConnectionError("away"), KafkaConnectionError("away"))
    await start_patiently(client.start, client.drop)
    assert (client.starts, client.drops) == (3, 2)


async def test_what_no_retry_helps_is_raised_at_once():
    client = Client(TopicAuthorizationFailedError("no"))
    with pytest.raises(TopicAuthorizationFailedError):
        await start_patiently(client.start, client.drop)
    assert (client.starts, client.drops) == (1, 1)


async def test_patience_ends():
    client = Client(*[KafkaConnectionError("away")] * 3)
    with pytest.raises(KafkaConnectionError):
        await start_patiently(client.start, client.drop, within_s=0)
    assert client.starts == 1
