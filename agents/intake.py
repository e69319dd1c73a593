"""The intake fold: input records become ledger frames or rejected records. Stateless but for its watermark.

Runs in a shard per input partition. What is admitted is re-keyed by regency onto the ledger, so it does not matter
which partitioner the publisher used."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from aiokafka import TopicPartition

from agents import metrics
from agents.batching import Batch, Cut, Output, Record
from schemas.ledger import SPAN_HEADER, TICK_KEY, Entry, encode_frames, partition_of, span_of, watermark_frame
from schemas.rejected import (
    CUT_KEY_BYTES,
    CUT_VALUE_BYTES,
    HEADER_KEY_CUT,
    HEADER_VALUE_CUT,
    WHOLE_MAX_BYTES,
    Reason,
    Rejected,
    rejected_headers,
)
from schemas.topics import Topic, TopicNames
from schemas.wire import VALUE_MAX_BYTES
from streams.admission import Gate

#: Header of a ledger frame: append time of the oldest input record in it, for the latency of an escalation.
APPENDED_HEADER = "siaga.appended"

#: Kafka's mark of timestamps that the broker gave.
LOG_APPEND_TIME = 1

#: A watermark is told after this much event time, or this much wall time: often enough that a replay at any speed is
#: not held back by more than a quarter second, seldom enough that a day at full speed is some 800 frames per shard and
#: partition.
TELL_EVENT_MS = 60_000
TELL_WALL_MS = 250
#: The least time without a record before a shard says that it has read everything: the end of the partition may be some
#: moments old.
READ_ALL_AFTER_MS = 500
_NEVER_MS = 2**63
#: Follows the newest event time in the note of a shard that is under way.
UNDER_WAY = " under way"


@dataclass
class _Tally:
    """What one batch did, counted when it is committed."""

    rejected: Counter = field(default_factory=Counter)
    sources: Counter = field(default_factory=Counter)
    delays_ms: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class _Told:
    """What a shard last told of its watermark. Wall and event times in milliseconds."""

    newest_ms: int = 0
    at_ms: int = 0
    is_idle: bool | None = None
    is_under_way: bool = False  # progress was told since it woke, so that nobody is waited for any more

    def is_due(self, newest_ms: int, now_ms: int) -> bool:
        """Whether there is enough progress since."""
        if newest_ms >= self.newest_ms + TELL_EVENT_MS:
            return True
        return newest_ms > self.newest_ms and now_ms >= self.at_ms + TELL_WALL_MS


class IntakeFold:
    """See `agents.batching.Fold`. `now_ms` reads the wall; with the event clock the shard tells its watermark.

    `idle_after_ms`, for the event clock: wall time after the newest record's append after which a shard that has read
    everything says so, and that a shard which wakes leaves the others to wake too. Longer keeps a bulk load in order on
    a busier machine."""

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
    ) -> None:
        self._source, self._topic, self._gate = source, topic, gate
        self._names, self._partitions = names, partitions
        self._now_ms, self._is_event_clock, self._idle_after_ms = now_ms, is_event_clock, idle_after_ms
        self._newest_ms = 0
        self._told = self._telling = _Told()
        self._worked_at_ms = self._woke_at_ms = self._appended_at_ms = now_ms()
        self._tally = _Tally()

    def restore(self, key: bytes, value: bytes | None) -> None:
        raise AssertionError("intake keeps no state topic")

    def restored(self, note: str) -> None:
        """The note is the newest event time admitted so far: without it a restart would turn the event clock back. A
        shard that was under way goes on at once: others need not be given time to wake."""
        newest, _, way = note.partition(" ")
        self._newest_ms = int(newest) if newest.isdecimal() else 0
        if way:
            self._told = self._telling = _Told(self._newest_ms, 0, is_idle=False, is_under_way=True)
            self._woke_at_ms = 0

    def note(self) -> str:
        if not self._is_event_clock:
            return ""
        return f"{self._newest_ms}{UNDER_WAY if self._telling.is_under_way else ''}"

    def fold(self, batch: Batch) -> Iterator[Output]:
        tally = self._tally = _Tally()
        take, is_wall, clock_ms, oldest_ms = (
            self._gate.taker(self._topic),
            not self._is_event_clock,
            self._newest_ms,
            _NEVER_MS,
        )
        frames: defaultdict[str, list[Entry]] = defaultdict(list)
        sources, delays_ms = tally.sources, tally.delays_ms
        for record in batch.records:
            if is_wall:
                clock_ms = self._wall_ms(record)
            try:
                if type(record.value) is Cut:
                    raise _too_large(record.value)
                regency, entry, event_ms, source = take(record.value, record.headers, clock_ms)
            except Rejected as rejected:
                yield self._refused(record, rejected)
                continue
            frames[regency].append(entry)
            sources[source] += 1
            delays_ms[source] = clock_ms - event_ms
            if event_ms < oldest_ms:
                oldest_ms = event_ms
            if event_ms > clock_ms:
                clock_ms = event_ms  # the event clock; the wall's is read for each
        self._newest_ms = 0 if is_wall else clock_ms
        appended = ((APPENDED_HEADER, str(batch.records[0].timestamp).encode()),)
        for regency, entries in frames.items():
            values = list(encode_frames(entries))
            is_told = self._is_event_clock and len(values) == 1
            headers = (*appended, (SPAN_HEADER, span_of(entries))) if is_told else appended
            for value in values:
                yield self._to_ledger(partition_of(regency, self._partitions), regency.encode(), value, headers)
        if self._is_event_clock:
            self._appended_at_ms = self._wall_ms(batch.records[-1])
            yield from self._tell_progress(oldest_ms)

    def _wall_ms(self, record: Record) -> int:
        """When the broker took the record. Its clock is one for all workers, and what is folded again is stamped the
        same again.

        A topic that keeps its publishers' timestamps (`siaga topics` makes none) is read by the worker's own clock.
        """
        is_brokers = getattr(record, "timestamp_type", None) == LOG_APPEND_TIME
        return record.timestamp if is_brokers else self._now_ms()

    def _tell_progress(self, oldest_ms: int) -> Iterator[Output]:
        """A shard that wakes says so with its oldest record and goes on a while later: others may be waking too."""
        now_ms = self._worked_at_ms = self._now_ms()
        if self._told.is_idle is not False:
            self._woke_at_ms = now_ms
            yield from self._watermark(min(oldest_ms, self._newest_ms), is_idle=False)
        elif now_ms - self._woke_at_ms >= self._idle_after_ms and self._told.is_due(self._newest_ms, now_ms):
            yield from self._watermark(self._newest_ms, is_idle=False, is_under_way=True)

    def idle(self) -> Iterator[Output]:
        """With the event clock: say once that there is nothing more to wait for here."""
        self._tally = _Tally()
        if self._is_event_clock and not self._told.is_idle and self._has_read_all():
            yield from self._watermark(self._newest_ms, is_idle=True)

    def _has_read_all(self) -> bool:
        """Whether nobody is likely to add to what was read. What was appended long ago tells that at once; a publisher
        who is still at work, or a shard that may yet wake, is given time."""
        now_ms, since_ms = self._now_ms(), max(self._appended_at_ms, self._woke_at_ms)
        return now_ms - since_ms >= self._idle_after_ms and now_ms - self._worked_at_ms >= READ_ALL_AFTER_MS

    def _watermark(self, watermark_ms: int, is_idle: bool, is_under_way: bool = False) -> Iterator[Output]:
        self._telling = _Told(watermark_ms, self._now_ms(), is_idle, is_under_way)
        value = watermark_frame(watermark_ms, f"{self._topic.value}-{self._source.partition}", is_idle)
        for partition in range(self._partitions):
            yield self._to_ledger(partition, TICK_KEY, value)

    def _to_ledger(self, partition: int, key: bytes, value: bytes, headers: tuple = ()) -> Output:
        return Output(self._names[Topic.LEDGER], partition, key, value, headers)

    def _refused(self, record: Record, rejected: Rejected) -> Output:
        self._tally.rejected[rejected.reason.value] += 1
        headers = rejected_headers(rejected.reason, rejected.error, *self._source, record.offset)
        key, value = record.key, record.value
        if len(key or b"") + len(value or b"") > WHOLE_MAX_BYTES or type(key) is Cut or type(value) is Cut:
            key, key_cut = _shortened(HEADER_KEY_CUT, key, CUT_KEY_BYTES)
            value, value_cut = _shortened(HEADER_VALUE_CUT, value, CUT_VALUE_BYTES)
            headers += key_cut + value_cut
        return Output(self._names[Topic.REJECTED], self._source.partition, key, value, headers)

    def closed(self) -> None:
        """Nothing of a shard of intake is shown but counters, which stay."""

    def committed(self) -> None:
        tally, topic = self._tally, self._topic.value
        self._told = self._telling
        metrics.RECORDS.labels(topic, "admitted").inc(tally.sources.total())
        metrics.RECORDS.labels(topic, "rejected").inc(tally.rejected.total())
        for reason, count in tally.rejected.items():
            metrics.REJECTED.labels(topic, reason).inc(count)
        metrics.count_sources(tally.sources, tally.delays_ms, self._now_ms() / 1000)


def _too_large(cut: Cut) -> Rejected:
    """Whatever its beginning says: a whole message may stand before a megabyte of blanks."""
    return Rejected(Reason.TOO_LARGE, f"{cut.size} bytes, at most {VALUE_MAX_BYTES} are read")


def _shortened(header: str, field: bytes | None, most: int) -> tuple[bytes | None, tuple[tuple[str, bytes], ...]]:
    """The field, or its beginning and the header that says how large it was."""
    if field is None or (type(field) is not Cut and len(field) <= most):
        return field, ()
    size = field.size if type(field) is Cut else len(field)
    return bytes(field[:most]), ((header, b"%d" % size),)
