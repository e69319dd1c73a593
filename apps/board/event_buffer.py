"""The newest server-sent events of the board, encoded once, so that any number of viewers can resume from any of them.

A viewer has no queue of its own, only the number of the last event it was sent. A viewer that is behind the oldest
event kept gets a snapshot instead (`since` returns None): the buffer bounds memory, whatever the number of viewers.

Compression is shared too. A gzip stream is a header and DEFLATE blocks; each event is compressed on its own and ends
at a byte boundary without closing the stream (RFC 1951 non-final blocks, zlib's sync flush), so the same bytes can
follow the header of any viewer's stream at any time."""

import asyncio
import secrets
import zlib
from collections import deque
from dataclasses import dataclass
from functools import cached_property

GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
EVENTS_MAX = 4096
BYTES_MAX = 8 * 1024 * 1024


@dataclass(frozen=True)
class EncodedEvent:
    """The bytes of one server-sent event, and its sequence number."""

    seq: int
    plain: bytes

    @cached_property
    def deflated(self) -> bytes:
        """The event as DEFLATE blocks that may follow any others."""
        compress = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
        return compress.compress(self.plain) + compress.flush(zlib.Z_SYNC_FLUSH)


def encode_event(event: str, data: bytes, event_id: str | None = None) -> bytes:
    """One server-sent event (WHATWG HTML, 9.2). `data` is JSON without line breaks."""
    id_line = b"id: " + event_id.encode() + b"\n" if event_id else b""
    return b"event: " + event.encode() + b"\n" + id_line + b"data: " + data + b"\n\n"


class EventBuffer:
    """Events numbered from 1; the oldest are dropped when there are too many or they take too much memory.

    Numbers are valid only together with `epoch`, which differs with every start of the board."""

    def __init__(self, events_max: int = EVENTS_MAX, bytes_max: int = BYTES_MAX, epoch: str | None = None) -> None:
        self.epoch = epoch or secrets.token_hex(4)
        self.head = 0
        self._events: deque[EncodedEvent] = deque()
        self._bytes = 0
        self._events_max, self._bytes_max = events_max, bytes_max
        self._appended = asyncio.Event()

    @property
    def bytes_held(self) -> int:
        """Bytes of all events kept, uncompressed."""
        return self._bytes

    def append(self, event: str, data: bytes) -> EncodedEvent:
        """Number, encode and keep one event, and wake all waiting viewers."""
        self.head += 1
        encoded = EncodedEvent(self.head, encode_event(event, data, self.event_id(self.head)))
        self._events.append(encoded)
        self._bytes += len(encoded.plain)
        while len(self._events) > self._events_max or self._bytes > self._bytes_max:
            self._bytes -= len(self._events.popleft().plain)
        self._appended.set()
        self._appended = asyncio.Event()
        return encoded

    def since(self, seq: int) -> list[EncodedEvent] | None:
        """Events after number `seq`, oldest first; None when some were dropped or `seq` was never assigned."""
        missed = self.head - seq
        if missed < 0 or missed > len(self._events):
            return None
        return [self._events[index] for index in range(len(self._events) - missed, len(self._events))]

    async def wait_beyond(self, seq: int) -> None:
        """Return when there is an event after `seq`."""
        while self.head <= seq:
            await self._appended.wait()

    def event_id(self, seq: int) -> str:
        """The id that a browser sends back as `Last-Event-ID`."""
        return f"{self.epoch}-{seq}"

    def parse_id(self, event_id: str | None) -> int | None:
        """The number in an event id of this epoch; None for anything else."""
        epoch, _, seq = (event_id or "").rpartition("-")
        return int(seq) if epoch == self.epoch and seq.isascii() and seq.isdigit() and len(seq) < 16 else None
