"""How a program without a producer of its own keeps its status, whatever the brokers do."""

import asyncio
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError, TopicAuthorizationFailedError

from agents import status
from agents.health import Health
from agents.settings import Settings
from agents.status import keep_status
from schemas.status import ProcessStatus

WITHIN_S = 60
SETTINGS = Settings.load({}, broker="127.0.0.1:9", topic_prefix="p.", instance="here")


class Producer:
    """Notes what is written. Fails with these errors, one after another; then it works."""

    def __init__(self, *errors: BaseException) -> None:
        self.errors, self.written, self.stopped = list(errors), [], 0

    def __call__(self, **_: Any) -> "Producer":
        return self

    async def start(self) -> None:
        await asyncio.sleep(0)

    async def stop(self) -> None:
        self.stopped += 1

    async def partitions_for(self, _: str) -> set[int]:
        return {0, 1, 2}

    async def send_and_wait(self, topic: str, value: bytes | None, key: bytes, partition: int) -> None:
        if self.errors:
            raise self.errors.pop(0)
        self.written.append((topic, value, key, partition))


@pytest.fixture
def kept(monkeypatch):
    monkeypatch.setattr(status, "EVERY_S", 0.01)

    async def keep(producer: Producer, until) -> None:
        monkeypatch.setattr(status, "AIOKafkaProducer", producer)
        task = asyncio.create_task(keep_status(SETTINGS, Health("board", "p.")))
        async with asyncio.timeout(WITHIN_S):
            while not until():
                assert not task.done(), task
                await asyncio.sleep(0.005)
            task.cancel()
            await asyncio.wait({task})
        assert task.cancelled()

    return keep


async def test_it_is_written_again_and_again_and_removed_at_the_end(kept):
    producer = Producer()
    await kept(producer, lambda: len(producer.written) > 2)
    assert {(topic, key) for topic, _, key, _ in producer.written} == {("p.status", b"here")}
    assert all(partition in (0, 1, 2) for *_, partition in producer.written), "a partition that there is"
    values = [value for _, value, _, _ in producer.written]
    assert ProcessStatus.read(values[0]).role == "board" and values[-1] is None and None not in values[:-1]
    assert producer.stopped == 1


@pytest.mark.parametrize("error", [KafkaConnectionError(), OSError("no route"), asyncio.CancelledError()])
async def test_no_error_of_the_broker_ends_it(kept, error):
    producer = Producer(error, error)
    await kept(producer, lambda: producer.written)
    assert producer.stopped == 3, "each producer is closed"


async def test_a_missing_right_is_said_once_with_what_to_do(kept, caplog):
    producer = Producer(TopicAuthorizationFailedError(), TopicAuthorizationFailedError())
    await kept(producer, lambda: producer.written)
    (said,) = caplog.messages
    assert said.startswith("no right to write p.status") and "siaga topics --fix --acls" in said


async def test_a_broker_that_hangs_delays_no_end(kept, monkeypatch):
    monkeypatch.setattr(status, "REMOVE_WITHIN_S", 0.05)
    producer, hangs = Producer(), asyncio.Event()
    producer.stop = hangs.wait
    await kept(producer, lambda: producer.written)
