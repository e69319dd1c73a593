"""The end of a partition: positions count, markers and aborted records are no records."""

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete

from agents.batching import BatchingOptions, Progress, committed_end, has_records, read_to_end, unread
from agents.batching.patches.producer import finish_markers


def test_the_last_stable_offset_is_the_end_where_the_broker_gives_one():
    assert committed_end(7, 9) == 7
    assert committed_end(0, 9) == 0
    assert committed_end(None, 9) == 9
    assert committed_end(None, None) is None


def test_a_partition_is_unread_until_the_position_reaches_its_end():
    assert unread({"a": 6, "b": 7, "c": 8, "empty": 0}, {"a": 7, "b": 7, "c": 7, "empty": 0}) == ["a"]
    assert (Progress(6, 7).lag, Progress(8, 7).lag) == (1, 0)


class Written:
    """A topic of two partitions, and a transactional producer that writes to it."""

    def __init__(self, bootstrap: str, prefix: str) -> None:
        self.topic = prefix + "out"
        self.partitions = [TopicPartition(self.topic, number) for number in range(2)]
        self.admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
        self.producer = AIOKafkaProducer(bootstrap_servers=bootstrap, transactional_id=prefix + "lane")
        self.client = BatchingOptions(client={"bootstrap_servers": bootstrap}).reader

    async def commit(self, *values: bytes, partition: int = 0) -> None:
        async with self.producer.transaction():
            for value in values:
                await self.producer.send_and_wait(self.topic, value, partition=partition)

    async def abort(self, value: bytes, partition: int = 0) -> None:
        await self.producer.begin_transaction()
        await self.producer.send_and_wait(self.topic, value, partition=partition)
        await self.producer.abort_transaction()

    async def read(self) -> tuple[int, list[tuple[int, bytes]]]:
        """How many records reading to the end said there are, and which."""
        found = []
        count = await read_to_end(
            self.client, self.partitions, lambda tp, record: found.append((tp.partition, record.value))
        )
        return count, sorted(found)

    async def has_records(self) -> bool:
        return await has_records(self.client, self.partitions)


@pytest.fixture
async def written(broker, fresh_prefix):
    made = Written(broker.bootstrap, fresh_prefix)
    await made.admin.start()
    await made.producer.start()
    await made.admin.create_topics([NewTopic(made.topic, 2, 1)])
    yield made
    await made.producer.stop()
    await made.admin.close()


async def test_partitions_are_read_to_their_ends_past_markers_and_aborted_records(written):
    assert await written.read() == (0, [])
    await written.commit(b"one", b"two")
    await written.commit(b"three", partition=1)
    await written.abort(b"never seen")
    assert await written.read() == (3, [(0, b"one"), (0, b"two"), (1, b"three")])


async def test_markers_and_aborted_records_are_no_records(written):
    await finish_markers(written.producer, "group", written.partitions)
    await written.abort(b"never seen", partition=1)
    assert not await written.has_records()
    await written.commit(b"seen", partition=1)
    assert await written.has_records()


async def test_records_that_are_deleted_by_now_count(written):
    await written.commit(b"deleted")
    await written.admin.delete_records({written.partitions[0]: RecordsToDelete(before_offset=1)})
    assert await written.has_records()
