"""Level changes as they come, in words: read from the escalations topic as any outside reader would."""

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta, timezone

import click
import orjson
from kafka import TopicPartition
from kafka.errors import KafkaError

from agents.kafka.connection import kafka_python_options
from agents.kafka.topic_reader import open_consumer
from agents.settings import Settings
from apps.devstack.errors import UpError
from schemas.topics import Topic
from schemas.vocabulary import LEVELS, Change

CONNECT_S = 10.0
LEVEL_CHANGES = frozenset({Change.RAISED, Change.LOWERED, Change.CLEARED})
_EVIDENCE_NAMED = 2
_WIB = timezone(timedelta(hours=7), "WIB")  # the simulated day's local time
_COLOURS = dict(zip(LEVELS, ("green", "yellow", "bright_red", "magenta"), strict=True))


class News:
    """A committed-only reader that starts at the end of `siaga.escalations`. Reads from one thread."""

    def __init__(self, settings: Settings) -> None:
        # It logs every failed connection attempt; when the broker is down, `siaga up` says so once itself.
        logging.getLogger("kafka").setLevel(logging.CRITICAL)
        topic = settings.topics[Topic.ESCALATIONS]
        self._consumer = open_consumer(kafka_python_options(settings), CONNECT_S)
        here = [TopicPartition(topic, number) for number in range(settings.partitions)]
        self._consumer.assign(here)
        for partition, end in self._consumer.end_offsets(here).items():
            self._consumer.seek(partition, end)

    def read(self, within_ms: int) -> list[dict]:
        """Escalations that are level changes, waiting up to `within_ms` for the first. Empty while the broker is away.

        Raises UpError for what waiting does not mend.
        """
        try:
            batches = self._consumer.poll(within_ms)
        except KafkaError as error:
            if error.retriable:
                return []
            raise UpError(f"cannot read the escalations: {type(error).__name__}: {error}") from None
        return list(level_changes(record.value for batch in batches.values() for record in batch))

    def close(self) -> None:
        self._consumer.close(timeout_ms=500)


def level_changes(values: Iterable[bytes | None]) -> Iterable[dict]:
    """The escalations among `values` that change a level; amendments and silence stay on the board."""
    for value in values:
        escalation = orjson.loads(value) if value else {}
        if escalation.get("change") in LEVEL_CHANGES:
            yield escalation


def in_words(escalation: dict) -> str:
    """One line: when, which level, where, from what, why, and who hears."""
    at = datetime.fromisoformat(escalation["event_time"]).astimezone(_WIB)
    level = escalation["level"]
    head = click.style(f"{level.upper():<8}", fg=_COLOURS.get(level), bold=True)
    where = f"{escalation['name']} ({escalation['regency']})"
    why = escalation["reason"].replace("_", " ")
    text = f"{where} {escalation['change']} from {escalation['previous_level']}, score {escalation['score']}: {why}"
    if escalation["change"] == "raised" and escalation["evidence"]:
        text += "; " + _evidence(escalation["evidence"])
    if escalation["unverified"]:
        text += "; unverified"
    return f"{at:%d %b %H:%M} {head} {text}; for {', '.join(escalation['routes'])}"


def _evidence(items: list[dict]) -> str:
    named = [f"{item['category'].replace('_', ' ')} of severity {item['severity']}" for item in items[:_EVIDENCE_NAMED]]
    more = len(items) - len(named)
    return ", ".join(named) + (f" and {more} more" if more else "")
