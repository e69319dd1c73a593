"""Reads from Kafka what `siaga status` shows: the workers' group, how far it is behind, and what processes say."""

import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from agents.kafka.connection import kafka_python_options
from agents.kafka.group import foreign_members
from agents.kafka.topic_reader import TopicReader
from agents.kafka.topics import open_admin
from agents.settings import Settings
from apps.status.overview import Lag, Overview
from schemas.status import ProcessStatus
from schemas.topics import Topic

#: A process that has written no status for so long is no longer listed: it was replaced.
FORGOTTEN_AFTER_S = 600.0
#: How long to wait for the oldest record that is not committed; none comes where only markers of transactions are left.
FETCH_S = 1.0
RETRY_S = 0.5


def overview(settings: Settings, connect_s: float) -> Overview:
    """The deployment of these settings now. Raises KafkaError, TopicMissing, TopicError."""
    with open_admin(kafka_python_options(settings), connect_s) as admin:
        group = _group(admin, settings.group, connect_s)
        lags = tuple(_lags(settings, admin, connect_s))
    processes, unreadable = _processes(settings, connect_s)
    foreign = foreign_members(group, [settings.topics.of(spec) for spec in settings.load_topics()])
    members = len(group["members"]) - len(foreign)
    state = group.get("group_state") or ""
    now_ms = int(time.time() * 1000)
    about = settings.topic_prefix, settings.group, state, members, len(foreign)
    return Overview(*about, processes, lags, now_ms, unreadable)


def _group(admin: KafkaAdminClient, name: str, within_s: float) -> dict[str, Any]:
    """The group; a broker that never had one first makes the topic for it, and refuses meanwhile."""
    deadline = time.monotonic() + within_s
    while True:
        try:
            found: dict[str, Any] = admin.describe_groups([name])[name]
            return found
        except KafkaError as error:
            if not getattr(error, "retriable", False) or time.monotonic() >= deadline:
                raise
            time.sleep(RETRY_S)


def _processes(settings: Settings, connect_s: float) -> tuple[tuple[ProcessStatus, ...], int]:
    """What each process has written last, and how many of these records are no status."""
    latest: dict[bytes, bytes] = {}
    with TopicReader(settings, connect_s) as reader:
        reader.start_at_beginning(reader.partitions(Topic.STATUS))
        for records in reader.read_to_end():
            latest |= {record.key: record.value for record in records}
    found = []
    written = [value for value in latest.values() if value is not None]
    for value in written:
        with suppress(ValueError):
            found.append(ProcessStatus.read(value))
    oldest_ms = (time.time() - FORGOTTEN_AFTER_S) * 1000
    listed = sorted((one for one in found if one.at_ms >= oldest_ms), key=lambda one: (one.role, one.name))
    return tuple(listed), len(written) - len(found)


def _lags(settings: Settings, admin: KafkaAdminClient, connect_s: float) -> Iterable[Lag]:
    """Of every input and the ledger."""
    read = [settings.topics.of(spec) for spec in settings.load_topics() if spec.is_read_by_workers]
    offsets = admin.list_group_offsets({settings.group: None})[settings.group]
    consumer = KafkaConsumer(
        **kafka_python_options(settings),
        group_id=None,
        isolation_level="read_committed",
        enable_auto_commit=False,
        bootstrap_timeout_ms=int(connect_s * 1000),
        metrics_enabled=False,
    )
    try:
        for topic in read:
            yield _lag(consumer, topic, {tp: at.offset for tp, at in offsets.items() if tp.topic == topic})
    finally:
        consumer.close()


def _lag(consumer: KafkaConsumer, topic: str, committed: dict[TopicPartition, int]) -> Lag:
    partitions = [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic) or ())]
    ends, firsts = consumer.end_offsets(partitions), consumer.beginning_offsets(partitions)
    behind = {tp: at for tp in partitions if (at := max(firsts[tp], committed.get(tp, 0))) < ends[tp]}
    records, oldest = 0, time.time()
    for tp, at in behind.items():
        consumer.assign([tp])
        consumer.seek(tp, at)
        found = consumer.poll(timeout_ms=int(FETCH_S * 1000), max_records=1).get(tp, ())
        if found:
            records += ends[tp] - found[0].offset
            oldest = min(oldest, found[0].timestamp / 1000)
    return Lag(topic, records, max(0.0, time.time() - oldest) if records else 0.0)
