"""Notes are found at the end of their partition, and wherever else they lie."""

import json

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.structs import OffsetAndMetadata

from agents.batching import BatchingOptions, Output
from agents.batching.offsets import notes as notes_module
from agents.batching.offsets.notes import notes_of, read_notes, unread_note

INCIDENTS, TURNOUT, ELSEWHERE = (
    TopicPartition("incidents", 0),
    TopicPartition("turnout", 0),
    TopicPartition("incidents", 1),
)


def at(offset: int) -> OffsetAndMetadata:
    return OffsetAndMetadata(offset, f"at {offset}")


@pytest.fixture
async def write(broker, fresh_prefix):
    """Write the notes of one transaction in which these sources move."""
    topic = fresh_prefix + "notes"
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap)
    producer = AIOKafkaProducer(bootstrap_servers=broker.bootstrap)
    await admin.start()
    await producer.start()
    await admin.create_topics([NewTopic(topic, 2, 1)])

    async def write(**offsets: int) -> None:
        sources = {TopicPartition(name, 0): at(offset) for name, offset in offsets.items()}
        for note in notes_of(topic, 2, sources, dict.fromkeys(sources, range(0))):
            await send(note)

    async def send(note: Output) -> None:
        await producer.send_and_wait(topic, note.value, note.key, partition=note.partition)

    write.topic, write.send, write.options = (
        topic,
        send,
        BatchingOptions(client={"bootstrap_servers": broker.bootstrap}),
    )
    yield write
    await producer.stop()
    await admin.close()


async def test_the_latest_note_of_each_source_counts(write):
    assert await read_notes(write.topic, [INCIDENTS, TURNOUT, ELSEWHERE], 2, write.options) == {}
    await write(incidents=3, turnout=0)
    await write(incidents=8, turnout=5)
    found = await read_notes(write.topic, [INCIDENTS, TURNOUT, ELSEWHERE], 2, write.options)
    assert found == {INCIDENTS: at(8), TURNOUT: at(5)}


async def test_a_note_far_behind_the_end_is_found_all_the_same(write, monkeypatch):
    """Of a source whose shard did not open for long, while the other of its partition moved."""
    monkeypatch.setattr(notes_module, "TAIL", 2)
    await write(turnout=7, incidents=1)
    for offset in range(2, 40):
        await write(incidents=offset)
    assert (await read_notes(write.topic, [INCIDENTS], 2, write.options))[INCIDENTS].offset == 39
    assert (await read_notes(write.topic, [INCIDENTS, TURNOUT], 2, write.options))[TURNOUT].offset == 7


def test_what_a_source_no_longer_held_is_noted_once():
    notes = notes_of("notes", 2, {INCIDENTS: at(9), TURNOUT: at(7)}, {INCIDENTS: range(3, 8)})
    assert [json.loads(note.value).get("gone") for note in notes] == [[3, 8], None]


def test_sources_of_other_partition_numbers_are_not_noted():
    notes = notes_of("notes", 2, {INCIDENTS: at(9), ELSEWHERE: at(7)}, {INCIDENTS: range(0)})
    assert [note.partition for note in notes] == [INCIDENTS.partition]


def test_the_note_of_a_recreated_source_takes_the_key_of_all_others():
    (usual,) = notes_of("notes", 2, {INCIDENTS: at(0)}, {INCIDENTS: range(0)})
    assert unread_note("notes", INCIDENTS, 2)._replace(value=usual.value) == usual


async def test_a_source_with_more_partitions_than_the_notes_is_noted_modulo_theirs(write):
    await write(incidents=3)
    beyond = TopicPartition("incidents", 2)
    (note,) = notes_of(write.topic, 2, {beyond: at(9)}, {beyond: range(0)})
    assert note.partition == 0
    await write.send(note)
    assert await read_notes(write.topic, [INCIDENTS, beyond], 2, write.options) == {INCIDENTS: at(3), beyond: at(9)}
