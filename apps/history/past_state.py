"""The past: one regency's or province's entries of the ledger, folded again up to a time.

The topic of rows is compacted and holds only the present; the past follows from the ledger while that holds its
beginning.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import orjson
from kafka import TopicPartition

from agents.kafka.topic_reader import TopicReader
from agents.settings import Settings
from apps.history.ledger_frames import LedgerFrames
from schemas.ledger import TICK_KEY, partition_of
from schemas.roster import Roster
from schemas.ruleset import Ruleset
from schemas.station_roster import StationRoster
from schemas.topics import Topic
from streams.event_time.sequencer import Run
from streams.risk.regency import RegencyState
from streams.table import RiskTable


class LedgerCut(Exception):
    """Retention has deleted the beginning of the ledger, so the past cannot be derived."""


class Past(NamedTuple):
    """What was known: the last row, None when there was none yet, and of a regency the state behind it."""

    row: dict[str, Any] | None
    state: RegencyState | None


def past(
    settings: Settings,
    roster: Roster,
    ruleset: Ruleset,
    stations: StationRoster | None,
    code: str,
    until_ms: int,
    connect_s: float,
) -> Past:
    """A regency or province as published up to a time of Siaga's clock (ms since the epoch).

    Needs the roster, station roster, ruleset, clock and partitions that the workers use. Raises KafkaError, LedgerCut,
    and ValueError where the ledger shows that the workers use others.
    """
    partition, key = partition_of(code, settings.partitions), code.encode()
    table = RiskTable(partition, settings.partitions, roster, ruleset, stations)
    ledger = TopicPartition(settings.topics[Topic.LEDGER], partition)
    with TopicReader(settings, connect_s) as reader:
        if reader.beginning(ledger) > 0:
            raise LedgerCut
        reader.start_at_beginning([ledger])
        for offset, record_key, entries in _runs(reader, LedgerFrames(settings, roster, partition)):
            if record_key not in (key, TICK_KEY):
                continue
            kept = [entry for entry in entries if entry[1] <= until_ms]
            if kept:
                table.apply(offset, record_key, kept)
            elif record_key == TICK_KEY:
                break  # a tick moves every regency's clock past the time: whatever follows was admitted later
    drained = table.drain()
    rows = (*drained.rows, *drained.provinces)
    return Past(
        next((orjson.loads(value) for name, value in rows if name == code), None),
        next((state for state in table if state.regency.code == code), None),
    )


def _runs(reader: TopicReader, frames: LedgerFrames) -> Iterator[Run]:
    """What the fold is given, in its order: (ledger offset, key, entries)."""
    for records in reader.read_to_end():
        for record in records:
            if (entries := frames.entries(record)) is not None:
                yield from frames.runs(record, entries)
    frames.close()
