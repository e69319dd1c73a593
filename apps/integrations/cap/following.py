"""Follows the escalations as they are committed and has a document of each written; says what stops it meanwhile.

Nothing is stored but the documents: the chains follow from the topic, which every start reads from its beginning."""

import logging
import time
from collections.abc import Callable, Iterable
from typing import Any

from kafka import TopicPartition
from kafka.errors import KafkaError

from agents.health import Health
from agents.kafka.topic_reader import TopicReader
from apps.integrations.cap.alert_files import AlertFileError, WriteAlert
from apps.integrations.cap.issuer import Issuer
from schemas.outward import Outward
from schemas.topics import Topic

#: How often Kafka is asked for the ends, and how long it may take: a poll alone does not notice that no broker answers.
WATCH_S, ANSWER_S = 1.0, 3.0
WRITE_AGAIN_S = 2.0
KAFKA, DIRECTORY = "Kafka", "directory"

log = logging.getLogger("siaga.cap")


class Hopeless(Exception):
    """A part was blocked for END_AFTER_S. One line."""


def position(record: Any) -> tuple[int, int]:
    """Polls interleave partitions differently each time: the order in which documents are made."""
    return record.partition, record.offset


class CapFollower:
    """Reads on where `reader` stands, at the ends of what it has read."""

    def __init__(self, reader: TopicReader, issuer: Issuer, health: Health, put: WriteAlert) -> None:
        self._reader, self._issuer, self._health, self._put = reader, issuer, health, put
        self._partitions = reader.partitions(Topic.ESCALATIONS)
        self._next = reader.positions()
        self._looked_s = 0.0

    def run(self, stopped: Callable[[], bool]) -> None:
        """Issue what is committed until `stopped()`. Raises Hopeless, AlertFileError when a document differs."""
        for records in self._reader.follow(stopped):
            self._issue(records)
            if time.monotonic() - self._looked_s >= WATCH_S:
                self._look()

    def _issue(self, records: Iterable[Any]) -> None:
        for record in sorted(records, key=position):
            source = TopicPartition(record.topic, record.partition)
            if record.offset < self._next[source]:
                self._begin_again()
                return
            self._issuer.issue(record, self._written)
            self._next[source] = record.offset + 1

    def _written(self, escalation: Outward, identifier: str, document: bytes) -> None:
        """Write a document, for as long as the directory is full or gone."""
        while True:
            try:
                self._put(escalation, identifier, document)
            except AlertFileError as error:
                if error.is_final:
                    raise
                self._health.blocked(DIRECTORY, str(error), "make room, or mount it again: documents wait for it")
                log.error("%s; trying again", error)
                self._end_when_hopeless()
                time.sleep(WRITE_AGAIN_S)
            else:
                self._health.works(DIRECTORY)
                return

    def _look(self) -> None:
        """Ask Kafka for the ends: whether it answers, and whether the topic is still the one that was read."""
        try:
            ends = self._reader.ends(self._partitions, ANSWER_S)
        except KafkaError as error:
            why = f"no answer about the escalations: {type(error).__name__}"
            self._health.blocked(KAFKA, why, "is the broker up, and may this user read the topic?")
        else:
            self._health.works(KAFKA)
            if any(ends[one] < self._next[one] for one in self._partitions):
                self._begin_again()
        self._looked_s = time.monotonic()
        self._end_when_hopeless()

    def _begin_again(self) -> None:
        log.error("the topic of escalations was created again: all that is on it is written, in new chains")
        self._issuer.begin_again()
        self._next = dict.fromkeys(self._partitions, 0)
        self._reader.start_at_beginning(self._partitions)

    def _end_when_hopeless(self) -> None:
        if stuck := self._health.hopeless():
            raise Hopeless(stuck.line())
