"""What counts as written: records that were committed, whatever became of them, and no marker of a transaction."""

import asyncio

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete

from agents.batching.options import BatchingOptions
from agents.batching.positions import Written
from agents.batching.producing import end_forgotten
from agents.batching.partition_end import has_records
from agents.batching.shard import Sources


@pytest.fixture
async def lane(broker, fresh_prefix):
    """A transactional producer and a topic of two partitions."""
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap)
    producer = AIOKafkaProducer(bootstrap_servers=broker.bootstrap, transactional_id=fresh_prefix + "lane")
    await admin.start()
    await producer.start()
    await admin.create_topics([NewTopic(fresh_prefix + "out", 2, 1)])
    producer.outputs = [TopicPartition(fresh_prefix + "out", number) for number in range(2)]
    producer.admin, producer.options = admin, BatchingOptions(client={"bootstrap_servers": broker.bootstrap})
    yield producer
    await producer.stop()
    await admin.close()


async def test_markers_are_no_records_and_records_are(lane):
    assert not await has_records(lane.options.reader, lane.outputs)
    await end_forgotten(lane, "group", lane.outputs)
    assert not await has_records(lane.options.reader, lane.outputs)
    await lane.begin_transaction()
    await lane.send_and_wait(lane.outputs[1].topic, b"v", partition=1)
    await lane.abort_transaction()
    assert not await has_records(lane.options.reader, lane.outputs), "nobody has seen it"
    async with lane.transaction():
        await lane.send(lane.outputs[1].topic, b"v", partition=1)
    assert await has_records(lane.options.reader, lane.outputs)


async def test_what_is_deleted_by_now_was_written(lane):
    async with lane.transaction():
        await lane.send_and_wait(lane.outputs[0].topic, b"v", partition=0)
    await lane.admin.delete_records({lane.outputs[0]: RecordsToDelete(before_offset=1)})
    assert await has_records(lane.options.reader, lane.outputs)


async def test_who_found_nothing_at_all_reads_nothing_and_topics_that_are_read_do_not_count(lane, monkeypatch):
    looked_at = []

    async def look(client: dict, tps: list[TopicPartition]) -> bool:
        looked_at.append(tps)
        return True

    async def no_offset(tp: TopicPartition) -> None:
        raise AssertionError("only ends are asked for")

    async def written(ends: dict[TopicPartition, int]) -> bool:
        async def end(tp: TopicPartition) -> int:
            return ends[tp]

        asked = Written([*lane.outputs, TopicPartition("read", 1)], [TopicPartition("read", 0)], lane.options)
        await asked.look_at_ends(Sources(no_offset, end))
        return all(await asyncio.gather(asked(), asked()))

    monkeypatch.setattr("agents.batching.positions.has_records", look)
    assert not await written(dict.fromkeys(lane.outputs, 0)) and looked_at == []
    assert await written({lane.outputs[0]: 0, lane.outputs[1]: 3}) and looked_at == [lane.outputs], (
        "once for all who ask"
    )
