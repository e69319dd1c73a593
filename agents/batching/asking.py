"""Asks Kafka where sources stand: what the group has read of them, where they begin and end.

On connections of its own. The consumer that reads the sources answers only between two fetches, which an idle broker
holds: opening twelve shards through it took up to two seconds."""

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.structs import OffsetAndMetadata

from agents.batching.options import BatchingOptions
from agents.batching.partition_end import committed_reader


class PositionUnknown(Exception):
    """The group's coordinator did not say how far a partition is read."""


async def committed_offset(admin: AIOKafkaAdminClient, group: str, source: TopicPartition) -> OffsetAndMetadata:
    """The group's offset of a partition; -1 when it has none. Raises PositionUnknown when there is no answer to rely
    on.

    A coordinator that is still loading answers with an error and no partitions, which aiokafka takes for a group
    without offsets (docs/upstream.md). Believing it read every input a second time after a broker's restart."""
    offsets = await admin.list_consumer_group_offsets(group, partitions=[source])
    if source not in offsets:
        raise PositionUnknown(
            f"the coordinator of group {group} does not say how far {source.topic}[{source.partition}] is read"
        )
    return offsets[source]


class Asking:
    """Start it before the first question; one for all lanes of a worker."""

    def __init__(self, group: str, options: BatchingOptions) -> None:
        self._group = group
        self._admin = AIOKafkaAdminClient(**options.client)
        self._reader: AIOKafkaConsumer = committed_reader(options.reader)

    async def start(self) -> None:
        """Connect. Raises what aiokafka raises; `close` it then."""
        await self._admin.start()
        await self._reader.start()

    async def close(self) -> None:
        """Let go of both connections, also of those that were never made."""
        await self._admin.close()
        await self._reader.stop()

    async def committed(self, source: TopicPartition) -> OffsetAndMetadata:
        """See `committed_offset`."""
        return await committed_offset(self._admin, self._group, source)

    async def end_offset(self, source: TopicPartition) -> int:
        """Where the next committed record of a partition will be, as the broker has it now."""
        return (await self._reader.end_offsets([source]))[source]

    async def beginning_offset(self, source: TopicPartition) -> int:
        """First offset a partition still holds."""
        return (await self._reader.beginning_offsets([source]))[source]
