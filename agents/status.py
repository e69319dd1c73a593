"""What a process says of itself on Kafka: its status is the current record of its name in the topic `status`."""

import asyncio
import logging
import os
import socket
import threading
import time
import zlib
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import PackageNotFoundError, version

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, TopicAuthorizationFailedError

from agents.health import Health
from agents.kafka.connection import aiokafka_options
from agents.settings import Settings
from schemas.status import EVERY_S, ProcessStatus, StuckPart
from schemas.topics import Topic

log = logging.getLogger(__name__)

#: A write that takes longer is given up, and the connection made again.
WRITE_WITHIN_S = 30.0
#: For a program that ends to remove its status.
REMOVE_WITHIN_S = 2.0


def own_version() -> str:
    """The version of Siaga that runs; `unknown` where it is not installed."""
    try:
        return version("siaga")
    except PackageNotFoundError:
        return "unknown"


def process_name(settings: Settings) -> str:
    """A name of this process: its instance, or host and process number."""
    return settings.instance or f"{socket.gethostname()}-{os.getpid()}"


def status_of(settings: Settings, health: Health, partitions: dict[str, int], now_ms: int) -> ProcessStatus:
    """The status of this process now. `partitions`: how many it reads, by stage."""
    stuck, waiting = (
        tuple(StuckPart(one.part, round(one.since_s, 1), one.reason, one.advice) for one in found)
        for found in (health.stuck(), health.waiting())
    )
    name = process_name(settings)
    return ProcessStatus(name, health.role, socket.gethostname(), own_version(), now_ms, partitions, stuck, waiting)


def status_place(settings: Settings) -> tuple[str, bytes, int]:
    """Topic, key and partition of this process's record. A record without a value removes its status."""
    key = process_name(settings).encode()
    return settings.topics[Topic.STATUS], key, zlib.crc32(key) % settings.partitions


async def keep_status(settings: Settings, health: Health) -> None:
    """Write the status of a program that has no producer of its own, until cancelled; then remove it.

    A broker that does not answer is no error here: the program's own health says so. One that refuses is said once; the
    program goes on, and `siaga status` does not list it."""
    is_refused = False
    while True:
        try:
            await _write_status(settings, health)
        except TopicAuthorizationFailedError:
            if not is_refused:
                topic = settings.topics[Topic.STATUS]
                log.warning("no right to write %s: `siaga status` does not list this %s; grant it with `siaga topics "
                            "--fix --acls`", topic, health.role)  # fmt: skip
            is_refused = True
        except asyncio.CancelledError:  # by aiokafka with a connection that was lost, if not by us
            if _is_cancelled():
                raise
        except (KafkaError, OSError, TimeoutError):
            pass
        await asyncio.sleep(EVERY_S)


@contextmanager
def status_kept(settings: Settings, health: Health) -> Iterator[None]:
    """`keep_status` for the block, in a thread with a loop of its own: for a program that has none."""
    loop = asyncio.new_event_loop()
    keeping = loop.create_task(keep_status(settings, health))

    def run() -> None:
        with suppress(asyncio.CancelledError):
            loop.run_until_complete(keeping)
        loop.close()

    thread = threading.Thread(target=run, name="status", daemon=True)
    thread.start()
    try:
        yield
    finally:
        with suppress(RuntimeError):  # it has ended
            loop.call_soon_threadsafe(keeping.cancel)
        thread.join(2 * REMOVE_WITHIN_S)


async def _write_status(settings: Settings, health: Health) -> None:
    """Until cancelled, or an error."""
    topic, key, _ = status_place(settings)
    producer = AIOKafkaProducer(**aiokafka_options(settings))
    try:
        await producer.start()
        # As many as there are: a board needs no SIAGA_PARTITIONS.
        partition = zlib.crc32(key) % len(await producer.partitions_for(topic))
        try:
            while True:
                value = status_of(settings, health, {}, time.time_ns() // 1_000_000).record()
                async with asyncio.timeout(WRITE_WITHIN_S):
                    await producer.send_and_wait(topic, value, key, partition)
                await asyncio.sleep(EVERY_S)
        except asyncio.CancelledError:
            if _is_cancelled():
                await _within(producer.send_and_wait(topic, None, key, partition))
            raise
    finally:
        await _within(producer.stop())


async def _within(work: Awaitable[object]) -> None:
    """Await `work` for REMOVE_WITHIN_S at most; that it failed changes nothing, for the program ends or tries again."""
    with suppress(KafkaError, OSError, TimeoutError):
        async with asyncio.timeout(REMOVE_WITHIN_S):
            await work


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
