"""Looks up the group's offset and the first and end offsets of source partitions.

On connections of its own. The consumer that reads the sources answers only between two fetches, which an idle broker
holds open: opening twelve shards through it took up to two seconds.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.structs import OffsetAndMetadata

from ..backlog import Backlog
from ..options import BatchingOptions
from ..partition_end import committed_reader, ends_of


class PositionUnknown(Exception):
    """The group's coordinator did not say how far a partition is read."""


@dataclass(frozen=True)
class Sources:
    """What a lane can look up about its source partitions, and do with them."""

    #: The group's offset of a partition; None, or -1 as its offset, where the group has none.
    committed: Callable[[TopicPartition], Awaitable[OffsetAndMetadata | None]]
    #: Where the next committed record of a partition will be.
    end_offset: Callable[[TopicPartition], Awaitable[int]]
    #: The first offset a partition still holds.
    beginning_offset: Callable[[TopicPartition], Awaitable[int]]
    #: Read a partition from this offset next.
    rewind: Callable[[TopicPartition, int], Awaitable[None]]
    #: Whether a partition is read to its end and has no batch in flight.
    is_caught_up: Callable[[TopicPartition], bool]
    #: False from the moment a rebalance begins: no new work on the old assignment.
    is_assignment_stable: Callable[[], bool]
    #: End the worker: this error cannot be helped by trying again.
    end: Callable[[BaseException], None]
    #: What this worker has written to sources and not folded.
    backlog: Backlog = field(default_factory=Backlog)


async def committed_offset(admin: AIOKafkaAdminClient, group: str, source: TopicPartition) -> OffsetAndMetadata:
    """The group's offset of a partition; -1 when it has none. Raises PositionUnknown when the answer omits it.

    A coordinator that is still loading answers with an error and no partitions, which aiokafka takes for a group
    without offsets (docs/upstream.md). Without this check every input was read a second time after a broker's restart.
    """
    offsets = await admin.list_consumer_group_offsets(group, partitions=[source])
    if source not in offsets:
        raise PositionUnknown(
            f"the coordinator of group {group} does not say how far {source.topic}[{source.partition}] is read"
        )
    return offsets[source]


class OffsetLookup:
    """Start it before the first lookup; one for all lanes of a worker."""

    def __init__(self, group: str, options: BatchingOptions) -> None:
        self._group = group
        self._admin = AIOKafkaAdminClient(**options.reader)
        self._reader: AIOKafkaConsumer = committed_reader(options.reader)

    async def start(self) -> None:
        """Connect. Raises what aiokafka raises; `close` it then."""
        await self._admin.start()
        await self._reader.start()

    async def close(self) -> None:
        """Close both connections, also those that were never made."""
        await self._admin.close()
        await self._reader.stop()

    async def committed(self, source: TopicPartition) -> OffsetAndMetadata:
        """See `committed_offset`."""
        return await committed_offset(self._admin, self._group, source)

    async def end_offset(self, source: TopicPartition) -> int:
        """Where the next committed record of a partition will be, as the broker has it now."""
        return (await ends_of(self._reader, [source]))[source]

    async def beginning_offset(self, source: TopicPartition) -> int:
        """The first offset a partition still holds."""
        offsets: dict[TopicPartition, int] = await self._reader.beginning_offsets([source])
        return offsets[source]
