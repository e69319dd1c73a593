"""How far a source without state is read: what its lane noted itself, and when to doubt what the group says.

Kafka's coordinator may answer with old offsets, or none, and no error, when a broker comes up after a kill (docs/upstream.md). Believed, a
source without state would be read twice. So a lane writes how far each of its sources is read into a compacted topic as well, in
the transactions that tell the group: the two differ only where the group forgot, or where a source was created anew.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata

from agents.batching.fold import Output
from agents.batching.options import BatchingOptions
from agents.batching.restore import POLL_MS, committed_reader
from agents.batching.shard import Prepared, Shard, Sources

log = logging.getLogger(__name__)

#: Offsets at the end of a partition among which its latest notes are: every transaction notes all sources of the partition.
TAIL = 2_000

Notes = Mapping[TopicPartition, OffsetAndMetadata]


def notes_of(topic: str | None, shards: Mapping[TopicPartition, Shard], parts: Mapping[TopicPartition, Prepared]) -> list[Output]:
    """How far the sources of all partitions that move will be read, each in its own partition number. Sources that rest are
    noted with those that move, so that the latest notes lie together at the end.
    """
    if topic is None:
        return []
    moved = {source.partition for source in parts}
    return [
        Output(topic, source.partition, source.topic.encode(), _value(source, shard.standing(parts.get(source, shard).next_offset)))
        for source, shard in shards.items()
        if source.partition in moved
    ]


def _value(source: TopicPartition, at: OffsetAndMetadata) -> bytes:
    return json.dumps({"topic": source.topic, "offset": at.offset, "note": at.metadata}).encode()


async def read_notes(topic: str, partitions: Iterable[int], options: BatchingOptions) -> Notes:
    """The latest committed notes at the end of these partitions, by source."""
    tps = [TopicPartition(topic, number) for number in partitions]
    consumer = committed_reader(options)
    found: dict[TopicPartition, OffsetAndMetadata] = {}
    try:
        await consumer.start()
        consumer.assign(tps)
        starts, ends = await consumer.beginning_offsets(tps), await consumer.end_offsets(tps)
        for tp in tps:
            consumer.seek(tp, max(starts[tp], ends[tp] - TAIL))
        left = [tp for tp in tps if starts[tp] < ends[tp]]
        while left := [tp for tp in left if await consumer.position(tp) < ends[tp]]:
            for tp, records in (await consumer.getmany(*left, timeout_ms=POLL_MS)).items():
                for record in records:
                    told = json.loads(record.value)
                    found[TopicPartition(told["topic"], tp.partition)] = OffsetAndMetadata(told["offset"], told["note"])
    finally:
        await consumer.stop()
    return found


@dataclass(frozen=True)
class Doubt:
    """What a lane knows besides the group: `notes` of its own, and the partitions its folds have `written` to."""

    notes: Notes
    written: frozenset[TopicPartition]
    pause_s: float
    #: Told of a source that was created anew.
    recreated: Callable[[TopicPartition], None]

    async def group_offset(self, source: TopicPartition, sources: Sources) -> OffsetAndMetadata | None:
        """The group's offset of a source, or what was noted where the group has forgotten it.

        None at all is asked for again after a pause where somebody has written before: a first start has nothing in `written`, and a
        source without a record has nothing to read twice. A source that ends before its note was created anew: what the group
        says, nothing as a rule, is right. So it is when the group goes on knowing nothing: Kafka forgets the offsets of
        a topic that is deleted.
        """
        found = await sources.committed(source)
        if _is_none(found) and await sources.end_offset(source) and await self._has_written(sources):
            await asyncio.sleep(self.pause_s)
            found = await sources.committed(source)
        noted = self.notes.get(source)
        if noted is not None and noted.offset > (end := await sources.end_offset(source)):
            log.error("%s[%d] ends at %d but was read up to %d: it was created anew and is read as such", *source, end, noted.offset)
            self.recreated(source)
            return found
        if _is_none(found) or noted is None or noted.offset <= found.offset:
            return found
        log.warning(
            "the group has forgotten how far %s[%d] is read: it says %d, noted was %d", *source, found.offset, noted.offset
        )
        return noted

    async def _has_written(self, sources: Sources) -> bool:
        return any(await asyncio.gather(*(sources.end_offset(tp) for tp in self.written)))


def _is_none(found: OffsetAndMetadata | None) -> bool:
    return found is None or found.offset < 0
