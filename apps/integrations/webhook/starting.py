"""What a sender checks and fixes before it reads anything: the topics, who else uses its name, and where "now" is.

Without a committed start a crash before the first delivery would lose where "now" was, and what was published in
between would never be sent."""

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import CommitFailedError

from apps.integrations.webhook.notification_log import REQUEST_MS, LogReader
from apps.integrations.webhook.target import Target

Offsets = dict[TopicPartition, int]
#: A member that was killed stays in its group for the session time-out of 10 s: no reason to end the next one.
STRANGER_WAIT_S = 15.0
_CLIENT = "siaga-webhook"

log = logging.getLogger("siaga.webhook")


class SenderEnds(Exception):
    """No retry can help: the sender ends with this line, exit status 1."""


@dataclass(frozen=True)
class SenderNames:
    """What a sender is called on Kafka: topics, group, its name, and a digest of its URL."""

    escalations: str
    log: str
    group: str
    target: str
    client_id: str


def client_id_of(target: Target) -> str:
    """A client id that shows whether two members of a group post to the same URL, and nothing of the URL: the host
    does not suffice, for two receivers may differ in the path alone."""
    return f"{_CLIENT}-{hashlib.sha256(b'siaga client ' + target.url.encode()).hexdigest()[:12]}"


async def prepare(options: dict[str, Any], names: SenderNames, from_beginning: bool) -> None:
    """Check the topics and the group, then commit the offsets at which a new sender starts.

    A new sender starts at the end, with `from_beginning` at the beginning. Raises KafkaError, LookupError while a topic
    is missing, SenderEnds."""
    admin = AIOKafkaAdminClient(**options, request_timeout_ms=REQUEST_MS)
    try:
        await admin.start()
        partitions = await _check_topics(admin, names)
        await _check_strangers(admin, names)
    finally:
        await admin.close()
    async with _group_without_membership(options, names.group, partitions) as consumer:
        if await _committed(consumer, partitions) or await _is_logged(options, names, partitions):
            return
        first = await consumer.beginning_offsets(partitions)
        start = first if from_beginning else await consumer.end_offsets(partitions)
        try:
            await consumer.commit(start)
        except CommitFailedError:
            log.info("another instance of this webhook has already started")


async def strangers(admin: AIOKafkaAdminClient, names: SenderNames) -> list[str]:
    """Client ids of the group's members that post to another URL under this name."""
    (described,) = await admin.describe_consumer_groups([names.group])
    (group,) = described.groups
    clients = sorted(member[1] for member in group[5])
    return [client for client in clients if client.startswith(f"{_CLIENT}-") and client != names.client_id]


async def check_members(options: dict[str, Any], names: SenderNames) -> None:
    """After joining: of two senders that started at the same time under one name the same one always ends. Raises
    SenderEnds, KafkaError."""
    admin = AIOKafkaAdminClient(**options, request_timeout_ms=REQUEST_MS)
    try:
        await admin.start()
        if any(client < names.client_id for client in await strangers(admin, names)):
            raise SenderEnds(_STRANGER.format(name=names.target))
    finally:
        await admin.close()


_STRANGER = (
    "another sender named {name} runs and posts to another URL, and the two would share the escalations: give this "
    "one another --name, or stop all of the other before the URL of a name changes"
)


async def _check_strangers(admin: AIOKafkaAdminClient, names: SenderNames) -> None:
    deadline = asyncio.get_running_loop().time() + STRANGER_WAIT_S
    while await strangers(admin, names):
        if asyncio.get_running_loop().time() > deadline:
            raise SenderEnds(_STRANGER.format(name=names.target))
        await asyncio.sleep(1.0)


async def _check_topics(admin: AIOKafkaAdminClient, names: SenderNames) -> list[TopicPartition]:
    existing = await admin.list_topics()
    if missing := [topic for topic in (names.escalations, names.log) if topic not in existing]:
        raise LookupError(
            f"no topic {' and '.join(missing)}, or no right to it (siaga topics creates it, --acls gives the right)"
        )
    described = await admin.describe_topics([names.escalations, names.log])
    counts = {found["topic"]: len(found["partitions"]) for found in described}
    if counts[names.log] < counts[names.escalations]:
        raise SenderEnds(
            f"{names.log} has {counts[names.log]} partitions, {names.escalations} {counts[names.escalations]}: "
            "make them equal (siaga topics --check)"
        )
    return [TopicPartition(names.escalations, number) for number in range(counts[names.escalations])]


async def _is_logged(options: dict[str, Any], names: SenderNames, partitions: list[TopicPartition]) -> bool:
    """Whether the log has anything of this sender, whose group's offsets expired."""
    reader = LogReader(options, names.log, [partition.partition for partition in partitions], names.target)
    try:
        await reader.start()
        return bool(await reader.read_to_end())
    finally:
        await reader.stop()


@asynccontextmanager
async def _group_without_membership(
    options: dict[str, Any], group: str, partitions: list[TopicPartition]
) -> AsyncIterator[AIOKafkaConsumer]:
    """A client that reads and commits a group's offsets without joining the group."""
    consumer = AIOKafkaConsumer(**options, group_id=group, enable_auto_commit=False, isolation_level="read_committed")
    try:
        await consumer.start()
        consumer.assign(partitions)
        yield consumer
    finally:
        await consumer.stop()


async def _committed(consumer: AIOKafkaConsumer, partitions: Iterable[TopicPartition]) -> Offsets:
    """The committed offsets, of those partitions that have one."""
    offsets = {partition: await consumer.committed(partition) for partition in partitions}
    return {partition: offset for partition, offset in offsets.items() if offset is not None}
