"""Fixtures: topics of the test's own, a producer of escalations, `siaga webhook` processes that end with the test."""

import signal
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from apps.embedded import EmbeddedBroker
from tests.apps.cli.siaga import Siaga
from tests.apps.integrations.escalations import escalation, value
from tests.apps.integrations.webhook.receiver import Receiver, receiving

SECRET = "whsec_" + "c2VjcmV0IG9mIHRoZSB0ZXN0cywgMzIgYnl0ZXMgbG9uZw=="


@pytest.fixture
def siaga(broker: EmbeddedBroker, fresh_prefix: str, tmp_path: Path) -> Siaga:
    made = Siaga(
        {
            "SIAGA_BROKER": broker.bootstrap,
            "SIAGA_TOPIC_PREFIX": fresh_prefix,
            "SIAGA_PARTITIONS": "3",
            "SIAGA_GROUP": fresh_prefix + "siaga",
            "SIAGA_DATA_DIR": str(tmp_path / "data"),
            "SIAGA_WEBHOOK_SECRET": SECRET,
        }
    )
    assert made("topics").status == 0
    return made


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as made:
        yield made


class Publisher:
    """Writes escalations as a worker does: in transactions, a regency always to its partition."""

    def __init__(self, producer: AIOKafkaProducer, topic: str) -> None:
        self._producer, self._topic = producer, topic
        self.sent: list[dict] = []

    async def __call__(self, numbers: range, commit: bool = True, **changes: object) -> None:
        await self._producer.begin_transaction()
        for number in numbers:
            made = {"regency": f"16.{number % 4 + 1:02}"} | changes
            await self._send(value(number, **made), number % 4 % 3)
            self.sent += [escalation(number, **made)] * commit
        await (self._producer.commit_transaction() if commit else self._producer.abort_transaction())

    async def raw(self, content: bytes, partition: int) -> None:
        await self._producer.begin_transaction()
        await self._send(content, partition)
        await self._producer.commit_transaction()

    async def _send(self, content: bytes, partition: int) -> None:
        await self._producer.send_and_wait(self._topic, content, partition=partition)

    @property
    def ids(self) -> list[str]:
        return [one["escalation_id"] for one in self.sent]


@pytest.fixture
async def publish(broker: EmbeddedBroker, fresh_prefix: str, siaga: Siaga) -> AsyncIterator[Publisher]:
    producer = AIOKafkaProducer(bootstrap_servers=broker.bootstrap, transactional_id=f"{fresh_prefix}outward")
    await producer.start()
    yield Publisher(producer, fresh_prefix + "escalations")
    await producer.stop()


Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def webhook(siaga: Siaga, receiver: Receiver, tmp_path: Path) -> Iterator[Start]:
    """Starts `siaga webhook` with the receiver as target; it logs to `webhook.log` in the test's directory."""
    running: list[subprocess.Popen[bytes]] = []

    def start(*arguments: str, url: str = "") -> "subprocess.Popen[bytes]":
        with open(tmp_path / "webhook.log", "ab") as log:
            command = ("webhook", "--url", url or receiver.url, "--name", "tests", *arguments)
            running.append(siaga.start(*command, stdout=log, stderr=log))
        return running[-1]

    yield start
    for process in running:
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.kill()
        process.wait()
