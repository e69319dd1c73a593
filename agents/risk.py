"""The risk fold in a shard: ledger frames in, rows, escalations, state, notices to neighbours and provinces out.

`streams.table` makes all decisions; this file moves bytes between it and the topics, and sets metrics.
"""

import time
from collections import Counter
from collections.abc import Iterator
from operator import itemgetter

from aiokafka import TopicPartition

from agents import metrics
from agents.batching import Batch, Output, Record
from agents.garbage_collection import gc_paused
from agents.intake import APPENDED_HEADER
from agents.row_metrics import RowGauges, remove_series
from schemas.ledger import SPAN_HEADER, Entry, Frame, NotAFrame, encode_frames, partition_of
from schemas.topics import Topic, TopicNames
from streams.event_time.sequencer import Sequencer
from streams.table import Drained, RiskTable


class ForeignLedgerRecord(Exception):
    """The ledger holds a record that Siaga did not write. Skipping it could skip part of a regency's history."""


class RiskFold:
    """See `agents.batching.Fold`. `sequencer` puts entries in event-time order; None in wall mode."""

    def __init__(
        self,
        source: TopicPartition,
        table: RiskTable,
        names: TopicNames,
        partitions: int,
        sequencer: Sequencer | None = None,
    ) -> None:
        self._source, self._table, self._sequencer = source, table, sequencer
        self._sequenced: dict[bytes, bytes] = {}
        self._names, self._partitions = names, partitions
        self._drained = Drained()  # of the last batch
        self._appended_ms: dict[str, int] = {}
        self._gauges = RowGauges()

    def restore(self, key: bytes, value: bytes | None) -> None:
        if not Sequencer.owns(key):
            self._table.restore(key, value)
        elif value is None:
            self._sequenced.pop(key, None)
        else:
            self._sequenced[key] = value

    def restored(self, note: str) -> None:
        with gc_paused():  # the objects made here stay; collecting meanwhile takes a fifth of the restore
            self._table.restored()
            if self._sequencer is not None:
                self._sequencer.restore(self._sequenced)
        self._sequenced = {}
        for figures in self._table.figures():
            self._gauges.update(figures)

    def idle(self) -> tuple[Output, ...]:
        return ()

    def note(self) -> str:
        return ""

    def fold(self, batch: Batch) -> Iterator[Output]:
        self._appended_ms = {}
        for record in batch.records:
            self._apply(record)
        self._drained = self._table.drain()
        if self._sequencer is not None:
            self._drained.state += self._sequencer.drain()
        yield from self._outputs(self._drained)

    def _apply(self, record: Record) -> None:
        headers = dict(record.headers)
        frame = Frame(record.offset, record.value or b"", record.timestamp, headers.get(SPAN_HEADER))
        try:
            key = (record.key or b"").decode()
            if appended := headers.get(APPENDED_HEADER):
                self._appended_ms.setdefault(key, int(appended))
            self._table.apply_in_order(self._sequencer, record.key or b"", frame)
        except (NotAFrame, UnicodeDecodeError) as error:
            raise ForeignLedgerRecord(
                f"{self._source.topic}[{self._source.partition}]@{record.offset}: {error}"
            ) from error

    def _outputs(self, drained: Drained) -> Iterator[Output]:
        partition = self._source.partition
        for topic, pairs in (
            (Topic.RISK, drained.rows),
            (Topic.PROVINCE, drained.provinces),
            (Topic.ESCALATIONS, drained.escalations),
        ):
            for key, value in pairs:
                yield Output(self._names[topic], partition, key.encode(), value)
        for state_key, record in drained.state:
            yield Output(self._names[Topic.STATE], partition, state_key, record)
        yield from self._notices(drained)

    def _notices(self, drained: Drained) -> Iterator[Output]:
        by_target: dict[str, list[Entry]] = {}
        for target, entry in drained.notices:
            by_target.setdefault(target, []).append(entry)
        for target, entries in by_target.items():
            # With the event clock regencies are folded one after the other within a minute, so the notices to one
            # target are not in the order of time yet.
            for value in encode_frames(sorted(entries, key=itemgetter(1))):
                yield Output(self._names[Topic.LEDGER], partition_of(target, self._partitions), target.encode(), value)

    def committed(self) -> None:
        drained = self._drained
        for kind, outcomes in drained.outcomes.items():
            for outcome, count in outcomes.items():
                metrics.ENTRIES.labels(kind, outcome).inc(count)
        self._count_escalations(drained)
        for figures in drained.figures:
            self._gauges.update(figures)
        metrics.CLOCK.labels(str(self._source.partition)).set(self._table.clock_ms / 1000)

    def closed(self) -> None:
        self._gauges.remove()
        remove_series(metrics.CLOCK, str(self._source.partition))

    def _count_escalations(self, drained: Drained) -> None:
        now_ms = time.time() * 1000
        changes: Counter[tuple[str, str]] = Counter()
        for code, change, level in drained.escalated:
            changes[change, level] += 1
            if code in self._appended_ms:
                metrics.ESCALATION_LATENCY.observe(max(0.0, now_ms - self._appended_ms[code]) / 1000)
        for (change, level), count in changes.items():
            metrics.ESCALATIONS.labels(change, level).inc(count)
