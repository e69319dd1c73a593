"""The intake fold: input records become ledger frames or rejected records. Bytes in, bytes out, and counters.

One fold per input partition. An accepted record is keyed by its regency on the ledger, so it does not matter which
partitioner the publisher used. `streams.admission` decides what is accepted, `streams.event_time.watermark` when a
watermark is published. The watermark's progress is the only state: the risk fold drops duplicates.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from aiokafka import TopicPartition

from agents import metrics
from agents.batching import Batch, Cut, CutRecord, Fatal, Output, Record
from schemas.ledger import (
    BROKER_AHEAD_MS,
    FORMAT_HEADERS,
    INPUT_HEADER,
    SPAN_HEADER,
    TICK_KEY,
    Entry,
    encode_reports,
    partition_of,
    span_header,
    watermark_frame,
)
from schemas.ledger_form import shard_name
from schemas.rejected import (
    CUT_KEY_BYTES,
    CUT_VALUE_BYTES,
    HEADER_KEY_CUT,
    HEADER_VALUE_CUT,
    WHOLE_MAX_BYTES,
    Rejected,
    rejected_headers,
)
from schemas.topics import Topic, TopicNames
from schemas.vocabulary import RejectReason
from streams.admission import Gate
from streams.event_time.watermark import Published, Watermark

#: Header of a ledger frame: append time of the first input record of its batch, for the latency of an escalation.
APPENDED_HEADER = "siaga.appended"
#: Kafka's type of a timestamp that the broker gave.
LOG_APPEND_TIME = 1
_NEVER_MS = 2**63
_CUT: type = CutRecord

#: The entries of one regency from a batch, and the offsets of their input records.
_Reports = tuple[list[Entry], list[int]]
KafkaHeaders = tuple[tuple[str, bytes], ...]


@dataclass
class _Tally:
    """What one batch did, counted when its transaction is committed.

    `delays_ms`, by source: the clock (wall time, or the newest event time) minus the event time of its last record.
    """

    rejected: Counter[str] = field(default_factory=Counter)
    sources: Counter[str] = field(default_factory=Counter)
    delays_ms: dict[str, int] = field(default_factory=dict)


class IntakeFold:
    """The fold of one partition of an input topic; see `agents.batching.Fold` for when each method is called.

    `now_ms` reads this worker's clock. `idle_after_ms`, for the event clock, is explained at `Watermark`. `input` is
    the name of the publisher whose own topic this is; "" for the common topic.
    """

    def __init__(
        self,
        source: TopicPartition,
        topic: Topic,
        gate: Gate,
        names: TopicNames,
        partitions: int,
        now_ms: Callable[[], int],
        is_event_clock: bool,
        idle_after_ms: int,
        input: str = "",
    ) -> None:
        self._source, self._topic, self._names, self._partitions = source, topic, names, partitions
        self._shard = shard_name(topic, input, source.partition)
        self._accept, self._now_ms = gate.acceptor(topic, input), now_ms
        self._watermark = Watermark(now_ms(), idle_after_ms) if is_event_clock else None
        self._tally = _Tally()

    def restore(self, key: bytes, value: bytes | None) -> None:
        raise AssertionError("intake has no state topic")

    def restored(self, note: str) -> None:
        """Take the note of the last committed transaction (`Watermark.note`). Raises Fatal for one of the event clock
        with the wall clock, which writes none.
        """
        if self._watermark:
            self._watermark.restore(note)
        elif note:
            source = f"{self._source.topic}[{self._source.partition}]"
            raise Fatal(f"{source} was read with the event clock: start this worker with SIAGA_CLOCK=event")

    def note(self) -> str:
        """The text to commit with the source's offset; empty with the wall clock."""
        return self._watermark.note() if self._watermark else ""

    def fold(self, batch: Batch) -> Iterator[Output]:
        """Rejected records first, in their order, then the frames of each regency, then the watermark if one is due."""
        tally = self._tally = _Tally()
        accept, watermark = self._accept, self._watermark
        sources, delays_ms = tally.sources, tally.delays_ms
        is_wall, clock_ms = watermark is None, watermark.newest_ms if watermark else 0
        oldest_ms, now_ms, are_stamped = _NEVER_MS, self._now_ms(), _are_stamped(batch)
        wall_ms, most_ms = now_ms, now_ms + BROKER_AHEAD_MS
        frames: defaultdict[str, _Reports] = defaultdict(_reports)
        for record in batch.records:
            # Arrival is the append: the broker's clock is one for all workers, and a batch that is folded again gets
            # the same stamps. Beyond a bound a stamp is not ahead of this worker's clock; what is from the future is
            # judged by the append alone, or a worker whose clock is behind would reject good reports.
            wall_ms = record.timestamp if are_stamped else now_ms
            if is_wall:
                clock_ms = wall_ms if wall_ms <= most_ms else most_ms
            try:
                if type(record) is _CUT:
                    raise _too_large(record)
                regency, entry, event_ms, source = accept(record.value, record.headers, clock_ms, wall_ms)
            except Rejected as rejected:
                yield self._rejected(record, rejected)
                continue
            entries, offsets = frames[regency]
            entries.append(entry)
            offsets.append(record.offset)
            sources[source] += 1
            delays_ms[source] = clock_ms - event_ms
            # Not min() and max(): this runs for every record, and a comparison is faster than a call.
            if event_ms < oldest_ms:
                oldest_ms = event_ms
            if event_ms > clock_ms:
                clock_ms = event_ms  # the event clock advances; with the wall clock the next record sets it
        yield from self._frames(frames, batch.records[0].timestamp)
        if watermark:
            appended_ms = min(wall_ms, most_ms)
            yield from self._published(watermark.read(oldest_ms, clock_ms, appended_ms, self._now_ms()))

    def idle(self) -> Iterator[Output]:
        """With the event clock: yield one idle watermark per ledger partition once the source is read to its end."""
        self._tally = _Tally()
        if self._watermark:
            yield from self._published(self._watermark.end(self._now_ms()))

    def committed(self) -> None:
        """Count the batch: its transaction is committed."""
        tally, topic = self._tally, self._topic.value
        if self._watermark:
            self._watermark.committed()
        metrics.RECORDS.labels(topic, "admitted").inc(tally.sources.total())
        metrics.RECORDS.labels(topic, "rejected").inc(tally.rejected.total())
        for reason, count in tally.rejected.items():
            metrics.REJECTED.labels(topic, reason).inc(count)
        metrics.count_sources(tally.sources, tally.delays_ms, self._now_ms() / 1000)

    def closed(self) -> None:
        """Nothing to remove: no metric of intake has the partition as a label."""

    def _frames(self, frames: dict[str, _Reports], appended_ms: int) -> Iterator[Output]:
        appended = (APPENDED_HEADER, str(appended_ms).encode())
        for regency, (entries, offsets) in frames.items():
            encoded = list(encode_reports(self._source.topic, self._source.partition, entries, offsets))
            has_span = self._watermark is not None and len(encoded) == 1
            more = ((SPAN_HEADER, span_header(entries)),) if has_span else ()
            partition, key = partition_of(regency, self._partitions), regency.encode()
            for value, inputs in encoded:
                yield self._to_ledger(partition, key, value, (appended, (INPUT_HEADER, inputs), *more))

    def _published(self, watermark: Published | None) -> Iterator[Output]:
        """A watermark for every ledger partition: each has its own sequencer."""
        if watermark is None:
            return
        value = watermark_frame(watermark.at_ms, self._shard, watermark.is_idle)
        for partition in range(self._partitions):
            yield self._to_ledger(partition, TICK_KEY, value)

    def _to_ledger(self, partition: int, key: bytes, value: bytes, headers: KafkaHeaders = ()) -> Output:
        return Output(self._names[Topic.LEDGER], partition, key, value, (*FORMAT_HEADERS, *headers))

    def _rejected(self, record: Record, rejected: Rejected) -> Output:
        """The record as it came, with the reason in its headers; what is too large to keep is cut to its beginning."""
        self._tally.rejected[rejected.reason.value] += 1
        where = self._source.topic, self._source.partition, record.offset
        headers = rejected_headers(rejected.reason, rejected.error, *where)
        key, value = record.key, record.value
        if len(key or b"") + len(value or b"") > WHOLE_MAX_BYTES or type(key) is Cut or type(value) is Cut:
            key, key_cut = _shortened(HEADER_KEY_CUT, key, CUT_KEY_BYTES)
            value, value_cut = _shortened(HEADER_VALUE_CUT, value, CUT_VALUE_BYTES)
            headers += key_cut + value_cut
        partition = self._source.partition % self._partitions  # an input may have more
        return Output(self._names[Topic.REJECTED], partition, key, value, headers)


def _reports() -> _Reports:
    return [], []


def _are_stamped(batch: Batch) -> bool:
    """Whether the broker gave the records their times. Else (`siaga topics` creates no such topic) publishers did, and
    wall time is this worker's. The type belongs to the topic: the first and the last record tell it of all.
    """
    ends = batch.records[0], batch.records[-1]
    return all(getattr(record, "timestamp_type", None) == LOG_APPEND_TIME for record in ends)


def _too_large(cut: Any) -> Rejected:
    """The rejection of a cut record. It is not parsed: a valid message may be followed by a megabyte of blanks."""
    return Rejected(RejectReason.TOO_LARGE, cut.beyond)


def _shortened(header: str, field: bytes | None, most: int) -> tuple[bytes | None, KafkaHeaders]:
    """The field, or its first bytes and the header that says how large it was."""
    if field is None or (type(field) is not Cut and len(field) <= most):
        return field, ()
    size = field.size if type(field) is Cut else len(field)
    return bytes(field[:most]), ((header, b"%d" % size),)
