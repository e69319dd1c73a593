"""Laws of trying again: pauses grow, and a broker that is away while a client starts does not end the worker."""

import pytest
from aiokafka.errors import KafkaConnectionError, TopicAuthorizationFailedError

from agents.batching import retry
from agents.batching.retry import Backoff, start_with_retry


def test_pauses_double_to_the_longest_and_are_short_again_after_a_success():
    backoff = Backoff(1.0, 5.0, now=lambda: 0.0)
    assert [backoff.after_failure("a") for _ in range(5)] == [1.0, 2.0, 4.0, 5.0, 5.0]
    backoff.after_success("a")
    assert backoff.is_over("a") and backoff.after_failure("a") == 1.0


def test_each_thing_waits_for_itself():
    clock = [0.0]
    backoff = Backoff(1.0, 5.0, now=lambda: clock[0])
    backoff.after_failure("a")
    assert not backoff.is_over("a") and backoff.is_over("b")
    clock[0] = 1.0
    assert backoff.is_over("a")


class Client:
    """Starts when its list of errors is used up."""

    def __init__(self, *errors: Exception) -> None:
        self.errors, self.starts, self.closes = list(errors), 0, 0

    async def start(self) -> None:
        self.starts += 1
        if self.errors:
            raise self.errors.pop(0)

    async def close(self) -> None:
        self.closes += 1
        raise RuntimeError("half started things may not even close")


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(retry, "START_AGAIN_S", 0)


async def test_a_start_is_tried_again_until_the_broker_is_back():
    client = Client(KafkaConnectionError("away"), KafkaConnectionError("away"))
    await start_with_retry(client.start, client.close)
    assert (client.starts, client.closes) == (3, 2)


async def test_an_error_that_no_retry_helps_is_raised_at_once():
    client = Client(TopicAuthorizationFailedError("no"))
    with pytest.raises(TopicAuthorizationFailedError):
        await start_with_retry(client.start, client.close)
    assert (client.starts, client.closes) == (1, 1)


async def test_a_start_is_not_tried_for_ever():
    client = Client(*[KafkaConnectionError("away")] * 3)
    with pytest.raises(KafkaConnectionError):
        await start_with_retry(client.start, client.close, within_s=0)
    assert client.starts == 1
