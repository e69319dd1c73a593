"""Records read one by one from a stream, field by field, whatever their sizes say: memory is bounded by limits.

What exceeds a limit is cut to its beginning, and the record says so (`CutRecord`). Format: a record of Kafka's record
batch, version 2 (KIP-98). A broker takes compressed batches whose records state a wrong length, so a length is used
only to skip headers that are too many to be read.
"""

from typing import BinaryIO, NamedTuple

from aiokafka.errors import CorruptRecordException

KIB = 1024
#: No more is read of any record, however its batch is compressed. Keys are ids; headers name a type, a trace (W3C: up
#: to 8 KiB) or, of a record that holds thousands of events, where each came from.
KEY_MAX = HEADERS_BYTES_MAX = 256 * KIB
HEADERS_MAX = 64
#: Values of a batch that is too large to be inflated at once: whole up to this size.
STREAMED_VALUE_MAX = 16 * KIB
CUT_TO = KIB
_CHUNK = 128 * KIB

Headers = list[tuple[str, bytes | None]]


class Cut(bytes):
    """The beginning of a field that was too large to keep; `size` is that of the whole, in bytes."""

    size: int


class StreamedRecord(NamedTuple):
    """A record with the fields of aiokafka's."""

    offset: int
    timestamp: int
    timestamp_type: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    checksum: None = None


class CutRecord(StreamedRecord):
    """A record beyond a limit: its key is too large, or its key or value is a `Cut`, or its headers were left out."""

    #: One line on what was too large.
    beyond: str

    def because(self, beyond: str) -> "CutRecord":
        """This record, with what was too large of it."""
        self.beyond = beyond
        return self


class Parts(NamedTuple):
    """What a stream holds of one record. `beyond` is empty, or says what was too large to keep."""

    ts_delta: int
    offset_delta: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    beyond: str


def too_many(headers: int) -> str:
    """What a record with so many headers says is missing."""
    return f"headers: {headers}, at most {HEADERS_MAX} are read"


class RecordStream:
    """Records from a stream of which at most `read_max` bytes are read. Values are whole up to `value_max` bytes, keys
    up to that or KEY_MAX.

    Its methods raise CorruptRecordException where the stream ends, or holds no record, and what the stream raises.
    """

    def __init__(self, stream: BinaryIO, read_max: int, value_max: int) -> None:
        self._stream, self._read_max, self._value_max = stream, read_max, value_max
        #: Bytes read so far.
        self.position = 0

    def read(self) -> Parts:
        """The next record."""
        length = self._varint()
        end = self.position + length
        self._exactly(1)  # attributes, none in use
        ts_delta, offset_delta = self._varint(), self._varint()
        key, value = self._field(max(KEY_MAX, self._value_max)), self._field(self._value_max)
        headers, beyond = self._headers(end)
        if type(value) is Cut:
            beyond = f"{value.size} bytes, at most {self._value_max} are read"
        elif (size := key.size if type(key) is Cut else len(key or b"")) > KEY_MAX:
            beyond = f"key: {size} bytes, at most {KEY_MAX} are read"
        return Parts(ts_delta, offset_delta, key, value, headers, beyond)

    def _headers(self, end: int) -> tuple[Headers, str]:
        """The headers of a record that states to end at `end`, or none and what was too large."""
        count = self._varint()
        if count > HEADERS_MAX:
            self._skip(end - self.position)
            return [], too_many(count)
        headers: Headers = []
        start = self.position
        for _ in range(count):
            name, content = self._field(_CHUNK), self._field(_CHUNK)
            if self.position - start <= HEADERS_BYTES_MAX:
                headers.append(((name or b"").decode("utf-8", "replace"), content))
        if (size := self.position - start) > HEADERS_BYTES_MAX:
            return [], f"headers: {size} bytes, at most {HEADERS_BYTES_MAX} are read"
        return headers, ""

    def _field(self, most: int) -> bytes | None:
        size = self._varint()
        if size < 0:
            return None
        if size <= most:
            return self._exactly(size)
        cut = Cut(self._exactly(CUT_TO))
        cut.size = size
        self._skip(size - CUT_TO)
        return cut

    def _exactly(self, size: int) -> bytes:
        self.position += size
        if self.position > self._read_max:
            raise CorruptRecordException(f"a batch of more than {self._read_max} bytes")
        found = self._stream.read(size)
        if len(found) < size:
            raise CorruptRecordException("a batch ends within a record")
        return found

    def _skip(self, size: int) -> None:
        if size < 0:
            raise CorruptRecordException("a record is longer than it says")
        while size:
            size -= len(self._exactly(min(size, _CHUNK)))

    def _varint(self) -> int:
        """Zig-zag encoded, as all numbers within a record are."""
        value = shift = 0
        while True:
            byte = self._exactly(1)[0]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return (value >> 1) ^ -(value & 1)
            shift += 7
            if shift > 63:
                raise CorruptRecordException("a number within a record does not end")
