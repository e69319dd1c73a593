"""How far the group has read, and when to doubt an answer of "nothing"."""

import asyncio
import logging
from collections.abc import Iterable

from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata

from agents.batching.shard import Sources

log = logging.getLogger(__name__)


async def group_offset(
    source: TopicPartition, sources: Sources, written: Iterable[TopicPartition], pause_s: float
) -> OffsetAndMetadata | None:
    """The group's offset of a source. None at all is asked for again after `pause_s` where somebody has written before.

    Kafka's coordinator may answer before it has read its log when a broker comes up after a kill, and then knows of no offset, without
    an error (docs/upstream.md). Believed, a source without state would be read a second time from its beginning. A first start has
    nothing in `written`, the partitions that folds of this stage write, and a source without a record has nothing to read twice.
    """
    found = await sources.committed(source)
    if found is not None and found.offset >= 0:
        return found
    if not await sources.end_offset(source):
        return found
    ends = await asyncio.gather(*(sources.end_offset(tp) for tp in written))
    if not any(ends):
        return found
    await asyncio.sleep(pause_s)
    again = await sources.committed(source)
    if again is not None and again.offset >= 0:
        log.warning("the group's coordinator had forgotten for a moment how far %s[%d] is read", *source)
    return again
