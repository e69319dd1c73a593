"""The board's live messages, encoded once and kept for a while, so that any number of viewers can read on from any of
them.

A viewer holds no queue of its own, only the number of the last message it was given. Whoever falls further behind than
the journal reaches is told so (`since` returns None) and gets a fresh snapshot: memory is bounded by the journal, not
by viewers.

Compression is shared too. A gzip stream is a header and DEFLATE blocks; each message is compressed on its own and ends
at a byte boundary without closing the stream (RFC 1951 non-final blocks, zlib's sync flush), so the same bytes can
follow the header of any viewer's stream at any time."""

import asyncio
import secrets
import zlib
from collections import deque
from dataclasses import dataclass
from functools import cached_property

GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
FRAMES_MAX = 4096
BYTES_MAX = 8 * 1024 * 1024


@dataclass(frozen=True)
class Frame:
    """One encoded server-sent event and its number."""

    seq: int
    plain: bytes

    @cached_property
    def deflated(self) -> bytes:
        """The frame as DEFLATE blocks that may follow any others."""
        compress = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
        return compress.compress(self.plain) + compress.flush(zlib.Z_SYNC_FLUSH)


def encode_event(event: str, data: bytes, event_id: str | None = None) -> bytes:
    """One server-sent event (WHATWG HTML, 9.2). `data` is JSON without line breaks."""
    id_line = b"id: " + event_id.encode() + b"\n" if event_id else b""
    return b"event: " + event.encode() + b"\n" + id_line + b"data: " + data + b"\n\n"


class Journal:
    """Frames numbered from 1, the oldest dropped when there are too many or they take too much memory.

    Numbers mean something only together with `epoch`, which is new with every start of the board.
    """

    def __init__(self, frames_max: int = FRAMES_MAX, bytes_max: int = BYTES_MAX, epoch: str | None = None) -> None:
        self.epoch = epoch or secrets.token_hex(4)
        self.head = 0
        self._frames: deque[Frame] = deque()
        self._bytes = 0
        self._frames_max, self._bytes_max = frames_max, bytes_max
        self._news = asyncio.Event()

    @property
    def bytes_held(self) -> int:
        """Bytes of all frames kept, uncompressed."""
        return self._bytes

    def append(self, event: str, data: bytes) -> Frame:
        """Number, encode and keep one event, and wake everybody who waits."""
        self.head += 1
        frame = Frame(self.head, encode_event(event, data, self.event_id(self.head)))
        self._frames.append(frame)
        self._bytes += len(frame.plain)
        while len(self._frames) > self._frames_max or self._bytes > self._bytes_max:
            self._bytes -= len(self._frames.popleft().plain)
        self._news.set()
        self._news = asyncio.Event()
        return frame

    def since(self, seq: int) -> list[Frame] | None:
        """Frames after number `seq`, oldest first; None when some of them are gone or `seq` was never given out."""
        missed = self.head - seq
        if missed < 0 or missed > len(self._frames):
            return None
        return [self._frames[index] for index in range(len(self._frames) - missed, len(self._frames))]

    async def wait_beyond(self, seq: int) -> None:
        """Return when there is a frame after `seq`."""
        while self.head <= seq:
            await self._news.wait()

    def event_id(self, seq: int) -> str:
        return f"{self.epoch}-{seq}"

    def parse_id(self, event_id: str | None) -> int | None:
        """The number in an event id of this epoch; None for anything else."""
        epoch, _, seq = (event_id or "").rpartition("-")
        return int(seq) if epoch == self.epoch and seq.isascii() and seq.isdigit() and len(seq) < 16 else None
