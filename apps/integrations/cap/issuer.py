"""From the topic to documents: read everything once, in an order that is always the same, and give each record its
place.
"""

import logging
from collections.abc import Callable, Iterator
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from agents.kafka.topic_reader import POLL_MS
from apps.integrations.cap.document import Profile, document, identifier
from apps.integrations.cap.outbox import Outbox
from apps.integrations.cap.references import Chains
from apps.integrations.delivery_counts import Tally
from apps.integrations.escalation_record import Unreadable, escalation_of

log = logging.getLogger("siaga.cap")


class Issuer:
    """Makes documents of records that come in each partition's order; counts those that are no escalation."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._chains = Chains()
        self._tally = Tally("cap")
        self.unreadable = 0

    def issue(self, record: Any, put: Outbox | None) -> None:
        """Place a record in its chain and put its document away; None for `put` only places it."""
        try:
            escalation = escalation_of(record.value)
        except Unreadable as error:
            self.unreadable += 1
            self._tally.unreadable()
            log.warning("%s %d:%d: no escalation: %s", record.topic, record.partition, record.offset, error)
            return
        link = self._chains.link(escalation)
        if put:
            put(escalation, identifier(escalation, self._profile), document(escalation, link, self._profile))
            self._tally.delivered()


def history_then_news(
    consumer: KafkaConsumer, topic: str, partitions: int, stopped: Callable[[], bool]
) -> Iterator[list[Any]]:
    """All that is there now as one batch, by partition and offset; then batches of what comes (maybe empty) until
    `stopped`.

    One batch, because polls interleave partitions differently each time. Escalations are few: a regency cannot change
    level more than some ten times an hour (streams/risk/levels.py).
    """
    here = [TopicPartition(topic, number) for number in range(partitions)]
    consumer.assign(here)
    ends = consumer.end_offsets(here)
    consumer.seek_to_beginning(*here)
    history: list[Any] = []
    news: list[Any] = []
    waiting = {partition for partition in here if consumer.position(partition) < ends[partition]}
    while waiting and not stopped():
        for partition, records in consumer.poll(POLL_MS).items():
            history += [record for record in records if record.offset < ends[partition]]
            news += [record for record in records if record.offset >= ends[partition]]
        done = {partition for partition in waiting if consumer.position(partition) >= ends[partition]}
        consumer.pause(*done)  # or a busy partition would keep the others from their end
        waiting -= done
    yield sorted(history, key=_place)
    consumer.resume(*here)
    yield sorted(news, key=_place)
    while not stopped():
        yield sorted((record for batch in consumer.poll(POLL_MS).values() for record in batch), key=_place)


def _place(record: Any) -> tuple[int, int]:
    return record.partition, record.offset
