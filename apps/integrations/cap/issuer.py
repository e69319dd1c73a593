"""From the topic to documents: reads it from its beginning in an order that is always the same, since each document
references the earlier ones of its chain."""

import logging
from collections.abc import Callable, Iterator
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from agents.kafka.topic_reader import POLL_MS
from apps.integrations.cap.alert_files import WriteAlert
from apps.integrations.cap.document import CapProfile, document, identifier
from apps.integrations.cap.references import MessageChains
from apps.integrations.escalation_records import DeliveryCounts, NotAnEscalation, parse_escalation

log = logging.getLogger("siaga.cap")


class Issuer:
    """Makes a document of each record. Records of one partition must come in offset order."""

    def __init__(self, profile: CapProfile) -> None:
        self._profile = profile
        self._chains = MessageChains()
        self._counts = DeliveryCounts("cap")
        self.unreadable = 0

    def issue(self, record: Any, write: WriteAlert | None) -> None:
        """Add a record to its chain and write its document; without `write` only the chain is kept.

        A record that holds no escalation is logged and counted in `unreadable`."""
        try:
            escalation = parse_escalation(record.value)
        except NotAnEscalation as error:
            self.unreadable += 1
            self._counts.unreadable()
            log.warning("%s %d:%d: no escalation: %s", record.topic, record.partition, record.offset, error)
            return
        position = self._chains.append(escalation)
        if write:
            write(escalation, identifier(escalation, self._profile), document(escalation, position, self._profile))
            self._counts.delivered()


def read_history_then_new(
    consumer: KafkaConsumer, topic: str, partitions: int, stopped: Callable[[], bool]
) -> Iterator[list[Any]]:
    """First all records present at the start as one batch, ordered by partition and offset; then batches of new ones
    (maybe empty) until `stopped`.

    The history is one batch because polls interleave partitions differently each time. It fits in memory: a regency
    cannot change level more than some ten times an hour (streams/risk/levels.py)."""
    assigned = [TopicPartition(topic, number) for number in range(partitions)]
    consumer.assign(assigned)
    ends = consumer.end_offsets(assigned)
    consumer.seek_to_beginning(*assigned)
    history: list[Any] = []
    new: list[Any] = []
    unfinished = {partition for partition in assigned if consumer.position(partition) < ends[partition]}
    while unfinished and not stopped():
        for partition, records in consumer.poll(POLL_MS).items():
            history += [record for record in records if record.offset < ends[partition]]
            new += [record for record in records if record.offset >= ends[partition]]
        finished = {partition for partition in unfinished if consumer.position(partition) >= ends[partition]}
        consumer.pause(*finished)  # else a busy partition would delay the others
        unfinished -= finished
    yield sorted(history, key=_partition_and_offset)
    consumer.resume(*assigned)
    yield sorted(new, key=_partition_and_offset)
    while not stopped():
        yield sorted(
            (record for batch in consumer.poll(POLL_MS).values() for record in batch), key=_partition_and_offset
        )


def _partition_and_offset(record: Any) -> tuple[int, int]:
    return record.partition, record.offset
