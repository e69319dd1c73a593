"""A broker that is stopped while transactions run keeps each of them whole (docs/upstream.md has how Kafka tears them
otherwise).
"""

import asyncio
import contextlib

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError
from kafka import KafkaAdminClient
from kafka.admin import NewTopic

from agents.batching.patches.producer import finish_markers, shorten_transaction_backoff
from apps.embedded import EmbeddedBroker

PARTITIONS = [TopicPartition("whole", p) for p in range(2)]
PRODUCERS = 4


def producer(broker: EmbeddedBroker, name: str) -> AIOKafkaProducer:
    return AIOKafkaProducer(
        bootstrap_servers=broker.bootstrap, transactional_id=name, request_timeout_ms=3000, retry_backoff_ms=3
    )


async def commit_until_stopped(broker: EmbeddedBroker, name: str, committed: list[bytes]) -> None:
    """A record on each partition per transaction; `committed` is what the broker said it wrote and committed.

    Each delivery is awaited: aiokafka commits a transaction of which a record failed without a retry."""
    sending = producer(broker, name)
    await sending.start()
    with contextlib.suppress(KafkaError):
        while broker.running:
            value = f"{name}-{len(committed)}".encode()
            await sending.begin_transaction()
            deliveries = [await sending.send(tp.topic, value, partition=tp.partition) for tp in PARTITIONS]
            await asyncio.wait_for(asyncio.gather(*deliveries), 3)
            await asyncio.wait_for(sending.commit_transaction(), 3)
            committed.append(value)


async def commit_over_a_stop(broker: EmbeddedBroker, committed: dict[str, list[bytes]]) -> None:
    tasks = [asyncio.create_task(commit_until_stopped(broker, name, values)) for name, values in committed.items()]
    before = {name: len(values) for name, values in committed.items()}
    async with asyncio.timeout(30):
        while any(len(values) < before[name] + 20 for name, values in committed.items()):
            await asyncio.sleep(0.01)
    await asyncio.to_thread(broker.stop)
    for task in tasks:
        task.cancel()  # its client would continue the transaction it had begun
    await asyncio.gather(*tasks, return_exceptions=True)


async def readable(broker: EmbeddedBroker) -> list[set[bytes]]:
    """What committed readers see of each partition, once every producer is opened as a lane opens its own."""
    for number in range(PRODUCERS):
        fencing = producer(broker, f"p{number}")
        await fencing.start()
        await finish_markers(fencing, "none", PARTITIONS)
        await fencing.stop()
    consumer = AIOKafkaConsumer(
        bootstrap_servers=broker.bootstrap, isolation_level="read_committed", auto_offset_reset="earliest"
    )
    await consumer.start()
    consumer.assign(PARTITIONS)
    ends = await consumer.end_offsets(PARTITIONS)
    seen: list[set[bytes]] = []
    for tp in PARTITIONS:
        values: set[bytes] = set()
        while await consumer.position(tp) < ends[tp]:
            values |= {record.value for record in (await consumer.getmany(tp, timeout_ms=200)).get(tp, ())}
        seen.append(values)
    await consumer.stop()
    return seen


@pytest.mark.timeout(180)
async def test_committed_transactions_are_complete_after_the_broker_stopped(tmp_path):
    shorten_transaction_backoff(3)
    broker = EmbeddedBroker(tmp_path / "b")
    committed: dict[str, list[bytes]] = {f"p{number}": [] for number in range(PRODUCERS)}
    with broker:
        admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap)
        await asyncio.to_thread(admin.create_topics, [NewTopic("whole", len(PARTITIONS), 1)])
        admin.close()
        for _ in range(2):
            await commit_over_a_stop(broker, committed)
            await asyncio.to_thread(broker.start)
            here, there = await readable(broker)
            acknowledged = {value for values in committed.values() for value in values}
            assert acknowledged <= here and here == there
