"""Notes of how far the sources of a stage without state are read, in a compacted topic of its own.

Every transaction of a lane writes them, so the group's offsets need to be committed only now and then, which spares
most transactions two requests. The group is behind the notes then, and ahead of them only where a source was recreated.
"""

from collections.abc import Collection, Mapping

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import OffsetAndMetadata

from ..fold import Output
from ..format import decoded, encoded
from ..options import BatchingOptions
from ..partition_end import committed_reader, ends_of, read_until

#: Offsets at the end of a partition among which its latest notes are, as a rule: every transaction notes all open
#: sources of the partition. A note lies further back when the shard of its source has failed for long, or when aborted
#: transactions have taken as many offsets since.
TAIL = 2_000
#: By what factor more is read where a note is missing.
FURTHER = 10

Notes = Mapping[TopicPartition, OffsetAndMetadata]


def notes_of(
    topic: str,
    partitions: int,
    offsets: Mapping[TopicPartition, OffsetAndMetadata],
    lost: Mapping[TopicPartition, range],
) -> list[Output]:
    """The notes of one transaction, in a topic of so many partitions. `offsets` are those of all open sources once it
    is committed; `lost` has an entry for each source that moves: the offsets right before its batch that the source no
    longer held.

    Each note is written to its source's partition number, modulo `partitions`. Sources that do not move are noted with
    those of the same number that do, so that the latest notes lie together at the end. Lost offsets are part of the
    note, which is committed exactly once: the log line about them may be written twice, and the counter is lost with
    its worker.
    """
    moved = {source.partition % partitions for source in lost}
    return [
        _note(topic, partitions, source, at, lost.get(source, range(0)))
        for source, at in offsets.items()
        if source.partition % partitions in moved
    ]


def unread_note(topic: str, source: TopicPartition, partitions: int) -> Output:
    """The note that nothing of a source is read: of one that was recreated."""
    return _note(topic, partitions, source, OffsetAndMetadata(0, ""), range(0))


def _note(topic: str, partitions: int, source: TopicPartition, at: OffsetAndMetadata, lost: range) -> Output:
    """A note; of a source with a number beyond the topic's partitions with that number, and under a key of its own."""
    gone = {"gone": [lost.start, lost.stop]} if lost else {}
    is_beyond = source.partition >= partitions
    key = f"{source.topic}/{source.partition}" if is_beyond else source.topic
    number = {"partition": source.partition} if is_beyond else {}
    value = encoded({"topic": source.topic, **number, "offset": at.offset, "note": at.metadata} | gone)
    return Output(topic, source.partition % partitions, key.encode(), value)


async def read_notes(
    topic: str, sources: Collection[TopicPartition], partitions: int, options: BatchingOptions
) -> Notes:
    """The latest committed notes of these sources.

    Reads the ends of their partitions, and further back, up to all of it, in one that lacks a note there. Raises Fatal
    for a note of a newer format.
    """
    tps = [TopicPartition(topic, number) for number in {source.partition % partitions for source in sources}]
    found: dict[TopicPartition, OffsetAndMetadata] = {}
    consumer = committed_reader(options.reader)
    try:
        await consumer.start()
        consumer.assign(tps)
        starts, ends = await consumer.beginning_offsets(tps), await ends_of(consumer, tps)
        span = TAIL
        while tps:
            for tp in tps:
                consumer.seek(tp, max(starts[tp], ends[tp] - span))
            found |= await _latest(consumer, {tp: ends[tp] for tp in tps if starts[tp] < ends[tp]})
            missing = {source.partition % partitions for source in sources if source not in found}
            tps = [tp for tp in tps if tp.partition in missing and ends[tp] - span > starts[tp]]
            span *= FURTHER
    finally:
        await consumer.stop()
    return found


async def _latest(consumer: AIOKafkaConsumer, ends: Mapping[TopicPartition, int]) -> Notes:
    """The latest notes between the consumer's positions and the ends."""
    found: dict[TopicPartition, OffsetAndMetadata] = {}
    async for tp, records in read_until(consumer, ends):
        for record in records:
            note = decoded(f"the note at {tp.topic}[{tp.partition}]@{record.offset}", record.value)
            source = TopicPartition(note["topic"], note.get("partition", tp.partition))
            found[source] = OffsetAndMetadata(note["offset"], note["note"])
    return found
