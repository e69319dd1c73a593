"""The risk fold in a shard: ledger frames in, rows, escalations, state, notices to neighbours and provinces out.

`streams.table` makes all decisions, `schemas.ledger_form` says what is a frame; this file moves bytes between them and
the topics, and sets metrics. A ledger record that is no frame stays where it lies: it is counted, named in the log and
never folded, and the partition goes on.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator
from operator import itemgetter

from aiokafka import TopicPartition

from agents import metrics
from agents.batching import Batch, Fatal, Output, Record, Unreadable
from agents.garbage_collection import gc_paused
from agents.intake import APPENDED_HEADER
from agents.row_metrics import RowGauges, remove_series
from schemas.ledger import (
    FORMAT_HEADER,
    FORMAT_HEADERS,
    INPUT_HEADER,
    SPAN_HEADER,
    TICK_KEY,
    Entry,
    Frame,
    NewerFrame,
    NotAFrame,
    change_frame,
    change_headers,
    check_format,
    encode_frames,
    partition_of,
)
from schemas.ledger_form import LedgerForm, OtherRoster, check_stored
from schemas.topics import Topic, TopicNames
from streams.event_time.sequencer import HELD_PREFIX, SOURCES_KEY, Sequencer
from streams.storage.format import NewerFormat, UnknownFormat
from streams.table import PUT_BACK, Drained, RiskTable, UnknownRegency

log = logging.getLogger(__name__)

#: Records that are no frames, named one by one for each batch; of more only the number and the last offset.
NAMED_MOST = 10


class FoldFailed(Exception):
    """The fold failed on a frame. While not every field is checked, the frame may be no frame; else it is a defect."""


class RiskFold:
    """See `agents.batching.Fold`. `sequencer` puts entries in event-time order; None in wall mode. `suspect` is called
    when the fold failed, before the shard is dropped: the next one should be given a strict `form`.
    """

    def __init__(
        self,
        source: TopicPartition,
        table: RiskTable,
        names: TopicNames,
        partitions: int,
        sequencer: Sequencer | None,
        form: LedgerForm,
        suspect: Callable[[], object] = lambda: None,
    ) -> None:
        self._source, self._table, self._sequencer = source, table, sequencer
        self._form, self._suspect = form, suspect
        self._sequenced: dict[bytes, bytes] = {}
        self._names, self._partitions = names, partitions
        self._drained = Drained()  # of the last batch
        self._appended_ms: dict[str, int] = {}
        self._gauges = RowGauges()
        self._quarantined: list[tuple[int, str]] = []  # offset and why, of the last batch
        self._changes: list[str] = []  # of roster and ruleset, to be written on the ledger with the first transaction
        self._not_held: dict[bytes, str] = {}  # state records that waited and hold no frame, and why
        self._counter = metrics.LEDGER_QUARANTINED.labels(str(source.partition))

    def restore(self, key: bytes, value: bytes | None) -> None:
        if not Sequencer.owns(key):
            self._table.restore(key, value)
        elif value is None:
            self._sequenced.pop(key, None)
        else:
            self._sequenced[key] = value

    def restored(self, note: str) -> None:
        try:
            self._check_clock()
            self._check_held()
            with gc_paused():  # the objects made here stay; collecting meanwhile takes a fifth of the restore
                self._changes = self._table.restored()
                if self._sequencer is not None:
                    self._changes += self._sequencer.restore(self._sequenced, self._form.shards)
                    self._table.check_known(self._sequencer.waiting())
        except (NewerFormat, UnknownRegency) as error:
            raise Fatal(f"{self._state()}: {error}") from error
        except (UnknownFormat, NotAFrame) as error:
            raise Unreadable(f"{self._state()}: {error}") from error
        self._sequenced = {}
        for figures in self._table.figures():
            self._gauges.update(figures)
        if self._changes:
            log.warning("%s goes on with what its state was not made with: %s", self._name(), "; ".join(self._changes))

    def _name(self) -> str:
        return f"{self._source.topic}[{self._source.partition}]"

    def _state(self) -> str:
        return f"{self._names[Topic.STATE]}[{self._source.partition}]"

    def _check_clock(self) -> None:
        """Whether the state is of this clock: a sequencer's state is there, and with the event clock first."""
        if self._sequencer is None and self._sequenced:
            raise Fatal(f"{self._state()} is of the event clock: start this worker with SIAGA_CLOCK=event")
        if self._sequencer is not None and SOURCES_KEY not in self._sequenced and self._table.has_state:
            raise Fatal(f"{self._state()} is of the wall clock: start this worker with SIAGA_CLOCK=wall")

    def _check_held(self) -> None:
        """What waits in the state, where every field is checked: a frame that waited was not parsed when it came."""
        if not self._form.is_strict:
            return
        for name in [name for name in self._sequenced if name != SOURCES_KEY]:
            key, _, value = self._sequenced[name].partition(b"\n")
            try:
                self._form.check_held(key, value)
            except NotAFrame as why:
                del self._sequenced[name]
                self._not_held[name] = str(why)

    def idle(self) -> tuple[Output, ...]:
        return ()

    def note(self) -> str:
        return ""

    def fold(self, batch: Batch) -> Iterator[Output]:
        self._appended_ms, offset = {}, batch.start_offset
        self._quarantined = [(int(name[len(HELD_PREFIX) :]), why) for name, why in self._not_held.items()]
        try:
            for record in batch.records:
                offset = record.offset
                self._apply(record)
            self._drained = self._table.drain()
        except Fatal:
            raise
        except Exception as error:
            self._suspect()
            raise FoldFailed(self._failed_at(offset, error)) from error
        if self._sequencer is not None:
            self._drained.state += self._sequencer.drain()
            self._drained.state += [(name, None) for name in self._not_held]
            self._not_held = {}
        yield from self._outputs(self._drained)
        yield from self._changed(batch.start_offset)

    def _failed_at(self, offset: int, error: Exception) -> str:
        where = f"{self._source.topic}[{self._source.partition}]@{offset}: {type(error).__name__}"
        if self._form.is_strict:
            return f"{where} on a well-formed frame: a defect of Siaga, see the runbook, SiagaShardFailing"
        return f"{where}; every field of its frames is checked from now on"

    def _apply(self, record: Record) -> None:
        headers, key = dict(record.headers), record.key or b""
        number = headers.get(FORMAT_HEADER)
        frame = Frame(record.offset, record.value or b"", record.timestamp, headers.get(SPAN_HEADER))
        inputs = headers.get(INPUT_HEADER)
        try:
            check_format(number)
            if self._sequencer is None:
                entries = self._form.entries(key, frame, inputs)
            else:
                self._form.check(key, frame, inputs)
        except NewerFrame as why:
            raise Fatal(f"{self._name()}@{record.offset} {why}") from why
        except NotAFrame as why:
            if number is not None and isinstance(why, OtherRoster):
                raise Fatal(f"{self._name()}@{record.offset}: {why}: {PUT_BACK}") from why
            self._quarantined.append((record.offset, str(why)))
            return
        if (appended := headers.get(APPENDED_HEADER)) and appended.isdigit():
            self._appended_ms.setdefault(key.decode(), int(appended))
        if self._sequencer is None:
            self._table.apply(record.offset, key, entries)
            return
        for offset, of, released in self._sequencer.take(key, frame):
            check_stored(released)
            self._table.apply(offset, of, released)

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

    def _changed(self, offset: int) -> Iterator[Output]:
        """What is different since the state was made, on the ledger: a tick that moves no clock, with the words in its
        header. With the event clock no tick may lie there: then the words are in the log alone.
        """
        if self._changes and self._sequencer is None:
            partition, headers = self._source.partition, change_headers(offset, self._changes)
            yield Output(self._names[Topic.LEDGER], partition, TICK_KEY, change_frame(), headers)

    def _notices(self, drained: Drained) -> Iterator[Output]:
        by_target: dict[str, list[Entry]] = {}
        for target, entry in drained.notices:
            by_target.setdefault(target, []).append(entry)
        for target, entries in by_target.items():
            # With the event clock regencies are folded one after the other within a minute, so the notices to one
            # target are not in the order of time yet.
            for value in encode_frames(sorted(entries, key=itemgetter(1))):
                partition = partition_of(target, self._partitions)
                yield Output(self._names[Topic.LEDGER], partition, target.encode(), value, FORMAT_HEADERS)

    def committed(self) -> None:
        drained, self._changes = self._drained, []
        if self._quarantined:
            self._count_quarantined()
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

    def _count_quarantined(self) -> None:
        quarantined = self._quarantined
        self._counter.inc(len(quarantined))
        topic, partition = self._source
        for offset, why in quarantined[:NAMED_MOST]:
            words = "%s[%d]@%d is no frame and is not folded: %s; see the runbook, SiagaLedgerQuarantined"
            log.error(words, topic, partition, offset, why)
        if (more := len(quarantined) - NAMED_MOST) > 0:
            log.error("%s[%d]: %d more are no frames, up to offset %d", topic, partition, more, quarantined[-1][0])

    def _count_escalations(self, drained: Drained) -> None:
        now_ms = time.time() * 1000
        changes: Counter[tuple[str, str]] = Counter()
        for code, change, level in drained.escalated:
            changes[change, level] += 1
            if code in self._appended_ms:
                metrics.ESCALATION_LATENCY.observe(max(0.0, now_ms - self._appended_ms[code]) / 1000)
        for (change, level), count in changes.items():
            metrics.ESCALATIONS.labels(change, level).inc(count)
