"""Reading compressed batches with bounded memory, whatever is in them.

A broker limits the compressed size of a batch, not what it inflates to: 30 KiB of zstd can hold gigabytes, and aiokafka
inflates a whole batch at once. Nor does a broker check that header names are UTF-8, which aiokafka insists on. Either
would kill every worker that reads the partition, again and again. Here a batch that inflates beyond a limit, or that
aiokafka cannot parse, is read record by record from a stream; values, keys and headers too large for any message are
cut to their beginning and say so (`Cut`).

Format: Kafka's record batch, version 2 (KIP-98). `patches/records.py` has aiokafka use it.
"""

import gzip
import io
import struct
import threading
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, NamedTuple, cast

import lz4.frame
import zstandard
from aiokafka import codec
from aiokafka.errors import CorruptRecordException
from aiokafka.record.memory_records import MemoryRecords

MIB = 1 << 20
#: Limit of one batch; a full one (1 MiB) of JSON inflates some 12 times.
BATCH_INFLATED_MAX = 16 * MIB
#: Limit of one fetch answer of a partition; batches beyond it are fetched again.
ANSWER_INFLATED_MAX = 32 * MIB
#: A field of a record read from a stream is kept whole up to this size, else its first CUT_TO bytes.
WHOLE_MAX = 16 * 1024
CUT_TO = 1024
HEADERS_MAX = 64
_CHUNK = 128 * 1024
_HEAD = struct.Struct(">qiibIhiqqqhii")
_GZIP, _SNAPPY, _LZ4, _ZSTD = 1, 2, 3, 4
#: No stream of the format inflates by more.
_LZ4_RATIO_MAX, _GZIP_RATIO_MAX = 255, 1032


class Cut(bytes):
    """The beginning of a field that was too large to keep; `size` is that of the whole, in bytes."""

    size: int


class InflatesTooMuch(Exception):
    """A batch inflates beyond BATCH_INFLATED_MAX."""


class StreamedRecord(NamedTuple):
    """A record with the fields of aiokafka's."""

    offset: int
    timestamp: int
    timestamp_type: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]
    checksum: None = None


def open_stream(codec_id: int, payload: bytes) -> BinaryIO:
    """The records of a batch as a stream that inflates as it is read."""
    if codec_id == _GZIP:
        return cast(BinaryIO, gzip.GzipFile(fileobj=io.BytesIO(payload)))
    if codec_id == _LZ4:
        return cast(BinaryIO, lz4.frame.LZ4FrameFile(io.BytesIO(payload)))
    if codec_id == _ZSTD:
        return cast(BinaryIO, zstandard.ZstdDecompressor().stream_reader(payload, read_across_frames=True))
    if codec_id == _SNAPPY:  # inflates 21 times at the most: no stream is needed
        return io.BytesIO(codec.snappy_decode(payload))
    return io.BytesIO(payload)


def gzip_decode(payload: bytes) -> bytes:
    """Inflate up to BATCH_INFLATED_MAX. Raises InflatesTooMuch beyond it, as lz4 and zstd do."""
    is_small = len(payload) * _GZIP_RATIO_MAX <= BATCH_INFLATED_MAX
    return _metered(codec.gzip_decode(payload) if is_small else _read_bounded(_GZIP, payload))


def lz4_decode(payload: bytes) -> bytes:
    """See `gzip_decode`."""
    is_small = len(payload) * _LZ4_RATIO_MAX <= BATCH_INFLATED_MAX
    return _metered(codec.lz4_decode(payload) if is_small else _read_bounded(_LZ4, payload))


def zstd_decode(payload: bytes) -> bytes:
    """See `gzip_decode`. A payload of one frame that states its size is inflated at once, any other from a stream."""
    if 0 <= zstandard.frame_content_size(payload) <= BATCH_INFLATED_MAX:
        try:
            return _metered(zstandard.ZstdDecompressor().decompress(payload, allow_extra_data=False))
        except zstandard.ZstdError:
            pass
    return _metered(_read_bounded(_ZSTD, payload))


def snappy_decode(payload: bytes) -> bytes:
    """snappy inflates 21 times at the most: no limit is needed."""
    return _metered(codec.snappy_decode(payload))


#: What the last batch of this thread inflated to: aiokafka decodes inside `iter(batch)` and does not return the size.
_meter = threading.local()


def _metered(inflated: bytes) -> bytes:
    _meter.size = len(inflated)
    return inflated


def _read_bounded(codec_id: int, payload: bytes) -> bytes:
    chunks, total = [], 0
    with open_stream(codec_id, bytes(payload)) as stream:
        while chunk := stream.read(_CHUNK):
            chunks.append(chunk)
            total += len(chunk)
            if total > BATCH_INFLATED_MAX:
                raise InflatesTooMuch
    return b"".join(chunks)


class BoundedRecords:
    """Takes the place of aiokafka's `MemoryRecords`: the batches of one fetch answer of a partition."""

    def __init__(self, answer: bytes) -> None:
        self._answer, self._position, self._inflated = answer, 0, 0
        self._batches = MemoryRecords(answer)

    def size_in_bytes(self) -> int:
        """The size of the fetch answer, as aiokafka asks for it."""
        return len(self._answer)

    def has_next(self) -> bool:
        """Whether another batch follows. False also when enough was inflated: the consumer fetches the rest again."""
        return self._inflated < ANSWER_INFLATED_MAX and bool(self._batches.has_next())

    def next_batch(self) -> Any:
        """The next batch of the answer, read with bounded memory. Only where `has_next`."""
        batch = self._batches.next_batch()
        start, (size,) = self._position, struct.unpack_from(">i", self._answer, self._position + 8)
        self._position = start + 12 + size
        if batch.magic < 2 or batch.is_control_batch:
            return batch
        return _Batch(batch, memoryview(self._answer)[start : self._position], self._grow)

    def _grow(self, amount: int) -> None:
        self._inflated += amount


class _Batch:
    """A batch of aiokafka's, read from a stream when it cannot or must not be parsed at once."""

    def __init__(self, batch: Any, raw: memoryview, grow: Callable[[int], None]) -> None:
        self._batch, self._raw, self._grow = batch, raw, grow

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __iter__(self) -> Iterator[Any]:
        _meter.size = len(self._raw)
        try:
            records = iter(self._batch)
        except InflatesTooMuch:
            return self._stream()
        self._grow(_meter.size)
        return self._parsed(records)

    def _parsed(self, records: Iterator[Any]) -> Iterator[Any]:
        try:
            yield from records
        except (CorruptRecordException, UnicodeDecodeError):
            # From the first record again: the consumer skips what it has read.
            yield from self._stream()

    def _stream(self) -> Iterator[StreamedRecord]:
        batch = self._batch
        with open_stream(batch.attributes & 7, bytes(self._raw[_HEAD.size :])) as stream:
            for _ in range(_HEAD.unpack_from(self._raw)[-1]):
                ts_delta, offset_delta, key, value, headers = _read_record(stream)
                self._grow(len(value or b""))
                timestamp = batch.max_timestamp if batch.timestamp_type else batch.first_timestamp + ts_delta
                yield StreamedRecord(
                    batch.base_offset + offset_delta, timestamp, batch.timestamp_type, key, value, headers
                )


def _read_record(stream: BinaryIO) -> tuple[int, int, bytes | None, bytes | None, list[tuple[str, bytes | None]]]:
    _varint(stream)  # length
    _exactly(stream, 1)  # attributes, none in use
    ts_delta, offset_delta = _varint(stream), _varint(stream)
    key, value = _field(stream), _field(stream)
    headers = []
    for index in range(_varint(stream)):
        name, content = _field(stream), _field(stream)
        if index < HEADERS_MAX:
            headers.append(((name or b"").decode("utf-8", "replace"), content))
    return ts_delta, offset_delta, key, value, headers


def _field(stream: BinaryIO) -> bytes | None:
    size = _varint(stream)
    if size < 0:
        return None
    if size <= WHOLE_MAX:
        return _exactly(stream, size)
    cut = Cut(_exactly(stream, CUT_TO))
    cut.size = size
    left = size - CUT_TO
    while left:
        left -= len(_exactly(stream, min(left, _CHUNK)))
    return cut


def _exactly(stream: BinaryIO, size: int) -> bytes:
    found = stream.read(size)
    while len(found) < size:
        more = stream.read(size - len(found))
        if not more:
            raise CorruptRecordException("a batch ends within a record")
        found += more
    return found


def _varint(stream: BinaryIO) -> int:
    """Zig-zag encoded, as all numbers within a record are."""
    value = shift = 0
    while True:
        byte = _exactly(stream, 1)[0]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return (value >> 1) ^ -(value & 1)
        shift += 7
        if shift > 63:
            raise CorruptRecordException("a number within a record does not end")
