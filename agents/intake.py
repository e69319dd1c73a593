"""The intake fold: input records become ledger frames or rejected records. Stateless but for the event clock.

Runs in a shard per input partition. What is admitted is re-keyed by regency onto the ledger, so it does not matter which
partitioner the publisher used.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from aiokafka import TopicPartition

from agents import metrics
from agents.batching.fold import Batch, Output, Record
from agents.clock import EventClock
from schemas.ledger import TICK_KEY, Entry, encode_frames, partition_of, tick_frame
from schemas.rejected import rejected_headers
from schemas.topics import Topic, TopicNames
from streams.intake import Admitted, ClockMode, Gate, Rejection

#: Header of a ledger frame: append time of the oldest input record in it, for the latency of an escalation.
APPENDED_HEADER = "siaga.appended"


@dataclass
class _Tally:
    """What one batch did, counted when it is committed."""

    admitted: int = 0
    rejected: Counter = field(default_factory=Counter)
    sources: Counter = field(default_factory=Counter)
    delays_ms: dict[str, int] = field(default_factory=dict)
    newest_ms: int = 0
    told_ms: int | None = None


class IntakeFold:
    """See `agents.batching.fold.Fold`. `now_ms` reads the wall; `event_clock` is None in wall mode."""

    def __init__(
        self,
        source: TopicPartition,
        topic: Topic,
        gate: Gate,
        names: TopicNames,
        partitions: int,
        now_ms: Callable[[], int],
        event_clock: EventClock | None,
    ) -> None:
        self._source, self._topic, self._gate = source, topic, gate
        self._names, self._partitions = names, partitions
        self._now_ms, self._event_clock = now_ms, event_clock
        self._newest_ms = 0
        self._tally = _Tally()

    def restore(self, key: bytes, value: bytes | None) -> None:
        raise AssertionError("intake keeps no state topic")

    def restored(self, note: str) -> None:
        """The note is the newest event time admitted so far: without it a restart would turn the event clock back."""
        self._newest_ms = int(note) if note.isdecimal() else 0
        if self._event_clock is not None:
            self._event_clock.seen(self._newest_ms)

    def note(self) -> str:
        return str(self._newest_ms) if self._event_clock is not None else ""

    def fold(self, batch: Batch) -> Iterator[Output]:
        tally = self._tally = _Tally()
        frames: dict[str, list[Entry]] = {}
        clock_ms = self._now_ms() if self._event_clock is None else self._newest_ms
        for record in batch.records:
            decision = self._gate.admit(self._topic, record.value, record.headers, clock_ms)
            if isinstance(decision, Rejection):
                tally.rejected[decision.reason.value] += 1
                yield self._rejected(record, decision)
                continue
            frames.setdefault(decision.regency, []).append(decision.entry)
            self._count(tally, decision, clock_ms)
            if self._event_clock is not None and decision.event_ms > clock_ms:
                clock_ms = decision.event_ms
        self._newest_ms = clock_ms if self._event_clock is not None else 0
        appended = ((APPENDED_HEADER, str(batch.records[0].timestamp).encode()),)
        for regency, entries in frames.items():
            for value in encode_frames(entries):
                yield self._to_ledger(partition_of(regency, self._partitions), regency.encode(), value, appended)
        yield from self._ticks(batch, tally)

    def _count(self, tally: _Tally, decision: Admitted, clock_ms: int) -> None:
        tally.admitted += 1
        tally.sources[decision.source] += 1
        tally.delays_ms[decision.source] = clock_ms - decision.event_ms

    def _ticks(self, batch: Batch, tally: _Tally) -> Iterator[Output]:
        if self._event_clock is None or not self._newest_ms:
            return
        tally.newest_ms = self._newest_ms
        self._event_clock.progress(self._source, batch.caught_up)
        tally.told_ms = self._event_clock.due_ms(self._newest_ms)
        if tally.told_ms is not None:
            for partition in range(self._partitions):
                yield self._to_ledger(partition, TICK_KEY, tick_frame(tally.told_ms))

    def _to_ledger(self, partition: int, key: bytes, value: bytes, headers: tuple = ()) -> Output:
        return Output(self._names[Topic.LEDGER], partition, key, value, headers)

    def _rejected(self, record: Record, rejection: Rejection) -> Output:
        headers = rejected_headers(rejection.reason, rejection.error, *self._source, record.offset)
        return Output(self._names[Topic.REJECTED], self._source.partition, record.key, record.value, headers)

    def committed(self) -> None:
        tally, topic = self._tally, self._topic.value
        if self._event_clock is not None:
            self._event_clock.seen(tally.newest_ms)
            if tally.told_ms is not None:
                self._event_clock.told(tally.told_ms)
        metrics.RECORDS.labels(topic, "admitted").inc(tally.admitted)
        metrics.RECORDS.labels(topic, "rejected").inc(tally.rejected.total())
        for reason, count in tally.rejected.items():
            metrics.REJECTED.labels(topic, reason).inc(count)
        metrics.count_sources(tally.sources, tally.delays_ms, self._now_ms() / 1000)
