"""Publishers as they are in the field: several clients, codecs and partitioners, each at a steady rate.

What a broker that dies or stalls does to a publisher's buffer is not judged: the laws begin with the input topics.
"""

import asyncio
import contextlib
import random
import sys
import threading
import time
import traceback
import zlib
from collections.abc import AsyncIterator, Iterable
from typing import Protocol

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from kafka import KafkaProducer
from kafka.errors import KafkaError as KafkaPythonError

from tests.chaos.traffic import Message

SLICE_S = 0.05


class Messages(Protocol):
    """Endless messages."""

    def next(self) -> Message: ...


class Rate:
    """Messages per second, changeable while publishers run."""

    def __init__(self, per_s: float) -> None:
        self.per_s = per_s


class NotIdle(Exception):
    """Something that was sent has been in flight for too long."""


class Publishers(list):
    """All publishers of a run, and how fast they are."""

    def __init__(self, rate: Rate, some: Iterable["AsyncPublisher | ThreadPublisher"]) -> None:
        super().__init__(some)
        self._rate = rate

    @contextlib.asynccontextmanager
    async def idle(self, within_s: float = 90) -> AsyncIterator[None]:
        """Nobody publishes, and nothing is in flight. Raises NotIdle when it does not come to that."""
        before, self._rate.per_s = self._rate.per_s, 0.0
        for publisher in self:
            publisher.is_idle = False
        deadline = time.monotonic() + within_s
        try:
            while not all(publisher.is_idle for publisher in self):
                if time.monotonic() > deadline:
                    raise NotIdle(f"publishers were not idle within {within_s:.0f} s")
                await asyncio.sleep(SLICE_S)
            yield
        finally:
            self._rate.per_s = before


class AsyncPublisher:
    """aiokafka, idempotent, with a codec; `place` is murmur2 (the client's own), crc32 (librdkafka's) or random.
    `share`: of the rate.
    """

    def __init__(
        self,
        bootstrap: str,
        prefix: str,
        partitions: int,
        traffic: Messages,
        rate: Rate,
        codec: str | None,
        place: str,
        share: float = 1.0,
    ) -> None:
        self._options = {
            "bootstrap_servers": bootstrap, "enable_idempotence": True, "linger_ms": 5, "compression_type": codec,
        }  # fmt: skip
        self._prefix, self._partitions, self._traffic = prefix, partitions, traffic
        self._rate, self._place, self._share = rate, place, share
        self._rnd = random.Random(place)
        self.sent = 0
        #: Whether a whole slice of time had nothing to send, and nothing was in flight at its end.
        self.is_idle = False
        self._in_flight: set[asyncio.Future] = set()
        self._is_broken = False
        self._stop = asyncio.Event()
        self._task: asyncio.Task | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        self._stop.set()
        await self._task

    async def _run(self) -> None:
        while not self._stop.is_set():
            producer, self._is_broken = AIOKafkaProducer(**self._options), False
            try:
                await producer.start()
                await self._publish(producer)
            except (KafkaError, OSError):
                await asyncio.sleep(0.5)
            finally:
                await _close(producer)

    async def _publish(self, producer: AIOKafkaProducer) -> None:
        """Until `stop`, or a send failed: an idempotent producer whose sequence is broken never sends again."""
        due = time.monotonic()
        while not (self._stop.is_set() or self._is_broken):
            due = max(due, time.monotonic() - 2.0) + SLICE_S
            per_s = self._rate.per_s
            for _ in range(self._amount(per_s * self._share)):
                await self._send(producer, self._traffic.next())
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            self.is_idle = not (per_s or self._in_flight)

    def _amount(self, per_s: float) -> int:
        whole, rest = divmod(per_s * SLICE_S, 1)
        return int(whole) + (self._rnd.random() < rest)

    async def _send(self, producer: AIOKafkaProducer, message: Message) -> None:
        partition = None
        if self._place == "random":
            partition = self._rnd.randrange(self._partitions)
        elif self._place == "crc32":
            partition = zlib.crc32(message.key) % self._partitions
        sending = await producer.send(
            self._prefix + message.topic, message.value, message.key, partition, headers=list(message.headers)
        )
        self._in_flight.add(sending)
        sending.add_done_callback(self._note)
        self.sent += 1

    def _note(self, sending: asyncio.Future) -> None:
        self._in_flight.discard(sending)
        if sending.cancelled() or sending.exception():
            self._is_broken = True


async def _close(producer: AIOKafkaProducer) -> None:
    with contextlib.suppress(TimeoutError, KafkaError, OSError):
        await asyncio.wait_for(producer.stop(), 10)


def _close_completely(producer: KafkaProducer) -> None:
    """Wait until its buffer is delivered or given up: a close that times out leaves a thread that still sends.

    After long outages a batch may never end (docs/upstream.md), and `close` waits for it before it forces anything.
    """
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with contextlib.suppress(KafkaPythonError):
            producer.close(timeout=10)
            return
    producer._sender.force_close()
    producer._sender.join(60)


class ThreadPublisher:
    """kafka-python in a thread of its own, as a script in the field would run it."""

    def __init__(self, bootstrap: str, prefix: str, traffic: Messages, rate: Rate) -> None:
        self._bootstrap, self._prefix, self._traffic, self._rate = bootstrap, prefix, traffic, rate
        self.sent = 0
        #: Whether a whole slice of time had nothing to send, and nothing was in flight at its end.
        self.is_idle = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    async def start(self) -> None:
        self._thread.start()

    async def stop(self) -> None:
        self._stop.set()
        await asyncio.to_thread(self._thread.join, 200)
        if self._thread.is_alive():
            frame = sys._current_frames().get(self._thread.ident)
            where = "".join(traceback.format_stack(frame)) if frame else ""
            raise AssertionError(f"the kafka-python publisher does not end; it is at\n{where}")

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                options = {"acks": "all", "linger_ms": 5, "compression_type": "gzip", "max_block_ms": 5000}
                producer = KafkaProducer(bootstrap_servers=self._bootstrap, **options)
            except KafkaPythonError:
                time.sleep(0.5)
                continue
            try:
                self._publish(producer)
            except (KafkaPythonError, OSError):
                pass
            finally:
                _close_completely(producer)

    def _publish(self, producer: KafkaProducer) -> None:
        left, in_flight = 0.0, []
        while not self._stop.is_set():
            per_s = self._rate.per_s
            left += per_s * SLICE_S
            while left >= 1:
                message = self._traffic.next()
                sending = producer.send(
                    self._prefix + message.topic, value=message.value, key=message.key, headers=list(message.headers)
                )
                in_flight.append(sending)
                self.sent += 1
                left -= 1
            self._stop.wait(SLICE_S)
            in_flight = [sending for sending in in_flight if not sending.is_done]
            self.is_idle = not (per_s or in_flight)
        producer.flush(timeout=20)
