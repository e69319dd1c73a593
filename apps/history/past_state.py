"""What stood in the past: one regency's or province's part of the ledger, folded again up to a time.

Rows are compacted, so the past is not in their topic; it follows from the ledger, as long as that holds its beginning.
"""

from collections.abc import Iterator
from typing import Any

import orjson
from kafka import KafkaConsumer, TopicPartition

from agents.kafka import topic_reader
from agents.kafka.connection import kafka_python_options
from agents.settings import Settings
from schemas.ledger import TICK_KEY, WATERMARK, Frame, partition_of
from schemas.roster import Roster
from schemas.ruleset import Ruleset
from schemas.topics import Topic
from streams.event_time.sequencer import Run, sequencer_of
from streams.table import RiskTable


class LedgerCut(Exception):
    """Retention has taken the beginning of the ledger, so what stood cannot be said."""


def row_until(
    settings: Settings, roster: Roster, ruleset: Ruleset, code: str, until_ms: int, connect_s: float
) -> dict[str, Any] | None:
    """The row as published last up to a time of Siaga's clock (ms since the epoch); None when there was none yet.

    Takes the roster, ruleset, clock and partitions that the workers use. Raises KafkaError, LedgerCut, and ValueError
    where the ledger shows that they use others."""
    partition, key = partition_of(code, settings.partitions), code.encode()
    table = RiskTable(partition, settings.partitions, roster, ruleset)
    consumer = topic_reader.open_consumer(kafka_python_options(settings), connect_s)
    try:
        ledger = TopicPartition(settings.topics[Topic.LEDGER], partition)
        if consumer.beginning_offsets([ledger])[ledger] > 0:
            raise LedgerCut
        for offset, whose, entries in _runs(consumer, settings, partition):
            if whose not in (key, TICK_KEY):
                continue
            kept = [entry for entry in entries if entry[1] <= until_ms]
            if kept:
                table.apply(offset, whose, kept)
            elif whose == TICK_KEY:
                break  # time has passed for everybody: what comes later was admitted later
    finally:
        consumer.close()
    drained = table.drain()
    return next((orjson.loads(value) for name, value in (*drained.rows, *drained.provinces) if name == code), None)


def _runs(consumer: KafkaConsumer, settings: Settings, partition: int) -> Iterator[Run]:
    """What the fold is given, in its order: (ledger offset, key, entries)."""
    sequencer = sequencer_of(settings.clock, settings.partitions)
    for records in topic_reader.tail(
        consumer, settings.topics[Topic.LEDGER], [partition], from_beginning=True, until_end=True
    ):
        for record in records:
            frame = Frame(record.offset, record.value, record.timestamp)
            if sequencer is not None:
                yield from sequencer.take(record.key, frame)
                continue
            entries = frame.entries()
            if entries[0][0] == WATERMARK:
                raise ValueError("it is in event time")
            yield record.offset, record.key, entries
