"""How far a source without state is read: what its lane noted itself, and when to doubt what the group says.

Kafka's coordinator may answer with old offsets, or none, and no error, when a broker comes up after a kill
(docs/upstream.md). Believed, a source without state would be read twice. So every transaction of a lane writes how far
its sources are read into a compacted topic. With that the group needs telling only now and then, which spares most
transactions two requests. The group is behind the notes then, and ahead of them only where a source was created anew.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import OffsetAndMetadata

from agents.batching.fold import Output
from agents.batching.options import BatchingOptions
from agents.batching.partition_end import committed_reader, has_records, read_until
from agents.batching.shard import Prepared, Shard, Sources

log = logging.getLogger(__name__)

#: Offsets at the end of a partition among which its latest notes are, as a rule: every transaction notes all open
#: sources of the partition. Not there is the note of a source whose shard has failed for long, nor any after as many
#: aborted transactions.
TAIL = 2_000
#: How much more is read where a note is missing.
FURTHER = 10

Notes = Mapping[TopicPartition, OffsetAndMetadata]


def notes_of(
    topic: str | None, shards: Mapping[TopicPartition, Shard], parts: Mapping[TopicPartition, Prepared]
) -> list[Output]:
    """How far the sources of all partitions that move will be read, each in its own partition number. Sources that rest
    are noted with those that move, so that the latest notes lie together at the end. What a source no longer held is
    noted with what was read after it: a log line may be told twice, and a counter dies with its worker."""
    if topic is None:
        return []
    notes, moved = [], {source.partition for source in parts}
    for source, shard in shards.items():
        if source.partition in moved:
            part = parts.get(source)
            value = _value(source, shard.standing(part), part.lost if part else range(0))
            notes.append(Output(topic, source.partition, source.topic.encode(), value))
    return notes


def _value(source: TopicPartition, at: OffsetAndMetadata, lost: range = range(0)) -> bytes:
    gone = {"gone": [lost.start, lost.stop]} if lost else {}
    return json.dumps({"topic": source.topic, "offset": at.offset, "note": at.metadata} | gone).encode()


def first_note(topic: str, source: TopicPartition) -> Output:
    """That nothing of a source is read: of one that was created anew."""
    return Output(topic, source.partition, source.topic.encode(), _value(source, OffsetAndMetadata(0, "")))


async def read_notes(topic: str, sources: Collection[TopicPartition], options: BatchingOptions) -> Notes:
    """The latest committed notes of these sources. Reads the ends of their partitions, and all of one that lacks a note
    there.
    """
    tps = [TopicPartition(topic, number) for number in {source.partition for source in sources}]
    found: dict[TopicPartition, OffsetAndMetadata] = {}
    consumer = committed_reader(options.reader)
    try:
        await consumer.start()
        consumer.assign(tps)
        starts, ends = await consumer.beginning_offsets(tps), await consumer.end_offsets(tps)
        span = TAIL
        while tps:
            for tp in tps:
                consumer.seek(tp, max(starts[tp], ends[tp] - span))
            found |= await _read_on(consumer, {tp: ends[tp] for tp in tps if starts[tp] < ends[tp]})
            missing = {source.partition for source in sources if source not in found}
            tps = [tp for tp in tps if tp.partition in missing and ends[tp] - span > starts[tp]]
            span *= FURTHER
    finally:
        await consumer.stop()
    return found


async def _read_on(consumer: AIOKafkaConsumer, ends: Mapping[TopicPartition, int]) -> Notes:
    """The latest notes between the consumer's positions and the ends."""
    found: dict[TopicPartition, OffsetAndMetadata] = {}
    async for tp, records in read_until(consumer, ends):
        for record in records:
            told = json.loads(record.value)
            found[TopicPartition(told["topic"], tp.partition)] = OffsetAndMetadata(told["offset"], told["note"])
    return found


class Written:
    """Whether a stage has written before, looked up when it is first asked. To be made before `end_forgotten` leaves a
    marker in each partition: where there was nothing at all nothing need be read.

    Records count, not offsets: a lane that was opened and lost again at once has left markers and nothing else. The
    topics that the stage reads do not count: others write them too."""

    def __init__(
        self, outputs: Collection[TopicPartition], read: Collection[TopicPartition], options: BatchingOptions
    ) -> None:
        topics = {source.topic for source in read}
        self._outputs = [tp for tp in outputs if tp.topic not in topics]
        self._options = options
        self._is_empty = False
        self._answer: asyncio.Task[bool] | None = None

    async def look_at_ends(self, sources: Sources) -> None:
        self._is_empty = not any(await asyncio.gather(*map(sources.end_offset, self._outputs)))

    async def __call__(self) -> bool:
        if self._is_empty:
            return False
        if self._answer is None:
            self._answer = asyncio.create_task(has_records(self._options.reader, self._outputs))
        return await asyncio.shield(self._answer)


@dataclass(frozen=True)
class Doubt:
    """What a lane knows besides the group: `notes` of its own, and whether anything was written for its stage before."""

    notes: Notes
    has_written: Callable[[], Awaitable[bool]]
    pause_s: float
    #: Told of a source that was created anew: note that nothing of it is read, before it grows past the old note.
    begin_anew: Callable[[TopicPartition], Awaitable[None]]

    async def group_offset(self, source: TopicPartition, sources: Sources) -> OffsetAndMetadata | None:
        """The group's offset of a source, or what was noted where the group is behind.

        None at all is asked for again after a pause where somebody has written before: not on a first start, nor of a
        source without a record, which has nothing to be read twice. A source that ends before its note was created
        anew, and is read from its beginning. So it is when the group goes on knowing nothing: Kafka forgets the offsets
        of a topic that is deleted."""
        found = await sources.committed(source)
        noted = self.notes.get(source)
        if _is_none(found) and await sources.end_offset(source) and (noted or await self.has_written()):
            await asyncio.sleep(self.pause_s)
            found = await sources.committed(source)
        if noted is None or not noted.offset:
            return found
        if noted.offset > (end := await sources.end_offset(source)):
            log.error(
                "%s[%d] ends at %d but was read up to %d: it was created anew and is read as such",
                *source,
                end,
                noted.offset,
            )
            await self.begin_anew(source)
            return None
        if _is_none(found):
            log.error(
                "%s[%d] was read up to %d and its group knows nothing: it was created anew and is read as such",
                *source,
                noted.offset,
            )
            await self.begin_anew(source)
            return None
        if noted.offset <= found.offset:
            return found
        log.info("%s[%d] is read up to %d, as noted; the group says %d", *source, noted.offset, found.offset)
        return noted


def _is_none(found: OffsetAndMetadata | None) -> bool:
    return found is None or found.offset < 0
