"""Reading record batches with bounded memory, whatever is in them.

aiokafka inflates a whole batch at once and makes objects of all it holds: 625 KiB can be 1.5 GiB of headers, and a
header of two bytes takes 80 as an object. Nor does a broker check that header names are UTF-8, which aiokafka insists
on. Either would kill every worker that reads the partition, again and again. Here aiokafka parses pieces of a batch, so
that what one of them costs is bounded; what inflates beyond a limit, or what aiokafka cannot parse, is read record by
record from a stream (`record_stream.py`). The bytes that records take in memory are counted as they are handed out.

Format: Kafka's record batch, version 2 (KIP-98). `patches/records.py` has aiokafka use it.
"""

import io
import itertools
import struct
from collections.abc import Iterable, Iterator
from operator import attrgetter
from typing import Any

from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatch
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import decode_varint

from .inflating import BATCH_INFLATED_MAX, MIB, STREAM_ERRORS, InflatesTooMuch, inflate, open_stream
from .record_stream import (
    HEADERS_BYTES_MAX,
    HEADERS_MAX,
    KEY_MAX,
    STREAMED_VALUE_MAX,
    CutRecord,
    Parts,
    RecordStream,
    StreamedRecord,
    too_many,
)

#: Limit of one fetch answer of a partition; batches beyond it are fetched again.
ANSWER_INFLATED_MAX = 32 * MIB
#: What aiokafka parses at once, some 900 reports. Of the smallest headers it makes objects of 40 times that for a
#: moment, 10 MiB; the records that are kept, with HEADERS_MAX of the smallest headers each, take 33 times that. No key
#: in a piece is beyond its limit, nor are headers together.
PIECE_MAX = min(KEY_MAX, HEADERS_BYTES_MAX)
#: Memory that a record takes beside its bytes, and each of its headers: up to 224 and 188 bytes of objects.
RECORD_COST, HEADER_COST = 256, 192
#: So many bytes of a stream cost the time of one that is kept: a batch made of giants ends before it has held up the
#: consumer, which sends heartbeats, for a second.
READ_PER_COST = 64
_HEAD = struct.Struct(">qiibIhiqqqhii")
_LENGTH, _ATTRIBUTES, _LAST_DELTA, _COUNT = 1, 5, 6, 12
_VARINT_MAX, _CODEC_BITS, _CAUSE_MAX = 10, 7, 120
_headers_of = attrgetter("headers")


class BoundedRecords:
    """Takes the place of aiokafka's `MemoryRecords`: the batches of one fetch answer of a partition."""

    def __init__(self, answer: bytes) -> None:
        self._answer, self._position = answer, 0
        self._batches = MemoryRecords(answer)
        #: Bytes that were inflated.
        self.inflated = 0
        #: Bytes of memory that the records take which were handed out, or are about to be: those of one piece.
        self.cost = 0

    def size_in_bytes(self) -> int:
        """The size of the fetch answer, as aiokafka asks for it."""
        return len(self._answer)

    def has_next(self) -> bool:
        """Whether another batch follows. False also when enough was inflated: the consumer fetches the rest again."""
        return self.inflated < ANSWER_INFLATED_MAX and bool(self._batches.has_next())

    def next_batch(self) -> Any:
        """The next batch of the answer, read with bounded memory. Only where `has_next`."""
        batch = self._batches.next_batch()
        start, (size,) = self._position, struct.unpack_from(">i", self._answer, self._position + 8)
        self._position = start + 12 + size
        if batch.magic < 2 or batch.is_control_batch:
            return batch
        return _Batch(batch, memoryview(self._answer)[start : self._position], self)


class _Batch:
    """A batch of aiokafka's, with its records read in pieces, or from a stream."""

    def __init__(self, batch: Any, raw: memoryview, answer: BoundedRecords) -> None:
        self._batch, self._answer, self._payload = batch, answer, raw[_HEAD.size :]
        self._head = _HEAD.unpack_from(raw)
        self._codec = self._head[_ATTRIBUTES] & _CODEC_BITS

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __iter__(self) -> Iterator[Any]:
        try:
            records = memoryview(inflate(self._codec, self._payload))
        except (InflatesTooMuch, *STREAM_ERRORS):
            return self._stream()
        self._answer.inflated += len(records)
        return itertools.chain.from_iterable(self._parsed(records))

    def _parsed(self, records: memoryview) -> Iterator[Iterable[Any]]:
        try:
            for start, end, count in _pieces(records, self._head[_COUNT]):
                yield self._piece(records[start:end], count)
        except (CorruptRecordException, ValueError):  # a name that is not UTF-8, or a number without an end
            # From the first record again: the consumer skips what it has read.
            yield self._stream()

    def _piece(self, piece: memoryview, count: int) -> list[Any]:
        if count == 1 and len(piece) > PIECE_MAX:
            return [self._large(piece)]
        head = list(self._head)
        head[_LENGTH], head[_COUNT] = _HEAD.size - 12 + len(piece), count
        head[_ATTRIBUTES] &= ~_CODEC_BITS
        records = list(DefaultRecordBatch(b"".join((_HEAD.pack(*head), piece))))
        self._answer.cost += len(piece) + count * RECORD_COST
        if any(map(_headers_of, records)):
            records = list(map(_without_surplus, records))
            self._answer.cost += HEADER_COST * sum(map(len, map(_headers_of, records)))
        return records

    def _large(self, piece: memoryview) -> StreamedRecord:
        stream = RecordStream(io.BytesIO(piece), len(piece), BATCH_INFLATED_MAX)
        record: StreamedRecord = self._record(stream.read())
        if stream.position != len(piece):
            raise CorruptRecordException("a record is shorter than it says")
        self._count(record)
        return record

    def _stream(self) -> Iterator[StreamedRecord]:
        last, most, read = -1, self._head[_LAST_DELTA], 0
        has_gaps = self._head[_COUNT] <= most  # as after compaction
        try:
            opened, read_max = open_stream(self._codec, self._payload)
            with opened:
                stream = RecordStream(opened, read_max, STREAMED_VALUE_MAX)
                for _ in range(self._head[_COUNT]):
                    parts = stream.read()
                    if not last < parts.offset_delta <= (most if has_gaps else last + 1):
                        raise CorruptRecordException("the offsets of a batch do not follow each other")
                    last, record = parts.offset_delta, self._record(parts)
                    self._count(record, stream.position - read)
                    read = stream.position
                    yield record
        except STREAM_ERRORS as error:
            cause = str(error.args[0] if error.args else error)
            yield from self._unread(range(last + 1, most + 1), " ".join(cause.split())[:_CAUSE_MAX])

    def _unread(self, deltas: range, error: str) -> Iterator[StreamedRecord]:
        """The rest of a batch that cannot be read on: its records take their offsets, so the next batch can be read."""
        for delta in deltas:
            record = self._record(Parts(0, delta, None, None, [], f"not read: {error}"))
            self._count(record)
            yield record

    def _record(self, parts: Parts) -> StreamedRecord:
        batch = self._batch
        timestamp = batch.max_timestamp if batch.timestamp_type else batch.first_timestamp + parts.ts_delta
        fields = batch.base_offset + parts.offset_delta, timestamp, batch.timestamp_type, *parts[2:5]
        return CutRecord(*fields).because(parts.beyond) if parts.beyond else StreamedRecord(*fields)

    def _count(self, record: StreamedRecord, read: int = 0) -> None:
        kept = len(record.key or b"") + len(record.value or b"")
        kept += sum(HEADER_COST + len(name) + len(content or b"") for name, content in record.headers)
        self._answer.cost += RECORD_COST + kept + read // READ_PER_COST
        self._answer.inflated += read


def _without_surplus(record: Any) -> Any:
    """The record, without its headers when they are too many."""
    if len(record.headers) <= HEADERS_MAX:
        return record
    cut = CutRecord(record.offset, record.timestamp, record.timestamp_type, record.key, record.value, [])
    return cut.because(too_many(len(record.headers)))


def _pieces(records: memoryview, count: int) -> Iterator[tuple[int, int, int]]:
    """Start, end and number of records of pieces of about PIECE_MAX bytes; a larger record is one of its own.

    By the lengths that the records state: where one of them lies, aiokafka finds no record that ends with its piece.
    """
    start, end = 0, len(records)
    while end - start > PIECE_MAX + _VARINT_MAX:
        found, middle = _piece_from(records, start)
        yield start, middle, found
        start, count = middle, count - found
    if start < end or count:
        yield start, end, count


def _piece_from(records: memoryview, start: int) -> tuple[int, int]:
    """How many records the piece holds that starts here, and where it ends. More than _VARINT_MAX bytes lie behind it:
    decode_varint does not look for the end.
    """
    position, limit = start, start + PIECE_MAX
    for found in itertools.count():
        size, following = decode_varint(records, position)
        following += size
        if position < following <= limit:
            position = following
        elif found:
            return found, position
        elif limit < following <= len(records):
            return 1, following
        else:
            break
    raise CorruptRecordException("a record is longer than its batch")
