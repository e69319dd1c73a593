"""What one transaction writes of which a broker says that a batch is too large."""

import random

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import MessageSizeTooLargeError

from agents.batching import BatchingOptions, Output
from agents.batching.commit.batch_sizes import BatchSizes
from agents.batching.commit.transactor import OutputTooLarge, Transactor

MESSAGE_MAX_BYTES = 50_000


@pytest.fixture
async def topic(broker, fresh_prefix):
    """A topic that takes smaller batches than a transaction has for it."""
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap)
    await admin.start()
    limit = {"max.message.bytes": str(MESSAGE_MAX_BYTES)}
    await admin.create_topics([NewTopic(fresh_prefix + "small", 1, 1, topic_configs=limit)])
    await admin.close()
    return fresh_prefix + "small"


async def committed(topic: str, bootstrap: str, records: list[Output], sizes: BatchSizes) -> int:
    """Commit in as many tries as it takes, with a new producer for each as a lane does; return the tries."""
    for tries in range(1, 20):
        options = BatchingOptions(client={"bootstrap_servers": bootstrap})
        transactor = Transactor(topic, "group", options, sizes)
        await transactor.start()
        try:
            await transactor.commit(records, {})
            return tries
        except MessageSizeTooLargeError:
            continue
        finally:
            await transactor.close()
    raise AssertionError("never committed")


def noise(count: int, size: int, topic: str) -> list[Output]:
    """Records that no codec makes smaller."""
    rnd = random.Random(1)
    return [Output(topic, 0, b"%d" % number, rnd.randbytes(size)) for number in range(count)]


async def test_a_batch_that_is_too_large_is_written_in_halves_and_the_size_is_kept(topic, broker):
    sizes, records = BatchSizes(), noise(40, 5_000, topic)
    assert await committed(topic, broker.bootstrap, records, sizes) > 1
    assert await committed(topic, broker.bootstrap, records[:20], sizes) == 1
    async with AIOKafkaConsumer(
        bootstrap_servers=broker.bootstrap, isolation_level="read_committed", auto_offset_reset="earliest"
    ) as reader:
        reader.assign([TopicPartition(topic, 0)])
        read = []
        while len(read) < 60:
            read += [record.value for some in (await reader.getmany(timeout_ms=500)).values() for record in some]
    assert read == [output.value for output in records + records[:20]]


async def test_one_record_that_is_too_large_is_named_and_not_tried_again(topic, broker):
    with pytest.raises(OutputTooLarge, match=rf"a record of 60001 bytes is too large for {topic}"):
        await committed(topic, broker.bootstrap, noise(1, 60_000, topic), BatchSizes())


def test_a_size_that_was_refused_is_halved_down_to_what_one_report_takes():
    sizes = BatchSizes()
    for _ in range(20):
        sizes.refused("topic", 900_000)
    assert sizes.most("topic") == 32 * 1024 and sizes.most("other") == float("inf")
