"""The codecs of record batches with bounded memory: inflating at once up to a limit, and reading from a stream beyond.

A broker limits the compressed size of a batch, not what it inflates to: 30 KiB of zstd can hold gigabytes. Nor does it
limit the window of zstd, memory that a stream needs as long as it is open, nor what a frame says of its own size.
"""

import gzip
import io
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO, cast

import cramjam
import lz4.frame
import zstandard
from aiokafka import codec
from aiokafka.errors import CorruptRecordException

MIB = 1 << 20
#: Inflated at once; a full batch (1 MiB) of JSON inflates some 12 times.
BATCH_INFLATED_MAX = 16 * MIB
#: Read of one batch: a gigabyte takes about a second, and the consumer must send heartbeats. No batch of messages comes
#: near it.
BATCH_READ_MAX = 2048 * MIB
#: Window of zstd up to which a batch is read to BATCH_READ_MAX: that of its highest usual level, 19. Levels 20 to 22
#: have up to 128 MiB, which fill up as the batch is read, in each partition: of those, WIDE_READ_MAX is read. 1 MiB of
#: JSON at level 22 inflates to some 20 MiB.
WINDOW_MAX = 8 * MIB
WIDE_READ_MAX = 32 * MIB
NONE, GZIP, SNAPPY, LZ4, ZSTD = range(5)
_CHUNK = 128 * 1024
#: No stream of the format inflates by more.
_LZ4_RATIO_MAX, _GZIP_RATIO_MAX, _SNAPPY_RATIO_MAX = 255, 1032, 22
_XERIAL, _XERIAL_HEAD_BYTES = b"\x82SNAPPY\0", 16

#: What reading a stream raises that is no stream of its codec.
STREAM_ERRORS = (
    CorruptRecordException, EOFError, OSError, RuntimeError, ValueError, zlib.error, zstandard.ZstdError,
    cramjam.DecompressionError,
)  # fmt: skip


class InflatesTooMuch(Exception):
    """A batch inflates beyond BATCH_INFLATED_MAX."""


def inflate(codec_id: int, payload: memoryview) -> bytes | memoryview:
    """The records of a batch. Raises InflatesTooMuch, and one of STREAM_ERRORS for what is not of the codec."""
    if codec_id == NONE:
        return payload
    inflated: bytes
    if codec_id == GZIP and len(payload) * _GZIP_RATIO_MAX <= BATCH_INFLATED_MAX:
        inflated = codec.gzip_decode(payload)
        return inflated
    if codec_id == LZ4 and len(payload) * _LZ4_RATIO_MAX <= BATCH_INFLATED_MAX:
        inflated = codec.lz4_decode(payload)
        return inflated
    if codec_id == SNAPPY:
        return _inflate_snappy(payload)
    # A frame that states its size needs no window.
    if codec_id == ZSTD and 0 <= zstandard.frame_content_size(payload) <= BATCH_INFLATED_MAX:
        try:
            return zstandard.ZstdDecompressor().decompress(payload, allow_extra_data=False)
        except zstandard.ZstdError:
            pass  # more than one frame
    return _read_bounded(codec_id, payload)


def _inflate_snappy(payload: memoryview) -> bytes:
    if sum(cramjam.snappy.decompress_raw_len(block) for block in _snappy_blocks(payload)) > BATCH_INFLATED_MAX:
        raise InflatesTooMuch
    return b"".join(map(_inflate_block, _snappy_blocks(payload)))


def _inflate_block(block: memoryview) -> bytes:
    """A block of snappy. What it says of its size is allocated before it is inflated, so that must be possible."""
    if cramjam.snappy.decompress_raw_len(block) > len(block) * _SNAPPY_RATIO_MAX:
        raise CorruptRecordException("a block of snappy states a size that it cannot have")
    return bytes(cramjam.snappy.decompress_raw(block))


def _snappy_blocks(payload: memoryview) -> Iterator[memoryview]:
    """Blocks with their sizes, as Java and Python write them, or a single one, as librdkafka may."""
    if payload[: len(_XERIAL)] != _XERIAL:
        yield payload
        return
    position = _XERIAL_HEAD_BYTES
    while position < len(payload):
        size = int.from_bytes(payload[position : position + 4], "big")
        position += 4 + size
        yield payload[position - size : position]


def _read_bounded(codec_id: int, payload: memoryview) -> bytes:
    chunks, total = [], 0
    with open_stream(codec_id, payload)[0] as stream:
        while chunk := stream.read(_CHUNK):
            chunks.append(chunk)
            total += len(chunk)
            if total > BATCH_INFLATED_MAX:
                raise InflatesTooMuch
    return b"".join(chunks)


def open_stream(codec_id: int, payload: memoryview) -> tuple[BinaryIO, int]:
    """The records of a batch as a stream that inflates as it is read, and how many bytes of it may be read."""
    raw: Any
    read_max = BATCH_READ_MAX
    if codec_id == GZIP:
        raw = gzip.GzipFile(fileobj=io.BytesIO(payload))
    elif codec_id == LZ4:
        raw = lz4.frame.LZ4FrameFile(io.BytesIO(payload))
    elif codec_id == ZSTD:
        if zstandard.get_frame_parameters(payload).window_size > WINDOW_MAX:
            raw, read_max = io.BytesIO(_read_wide(payload)), WIDE_READ_MAX
        else:
            reader = zstandard.ZstdDecompressor(max_window_size=WINDOW_MAX)
            raw = reader.stream_reader(payload, read_across_frames=True)
    elif codec_id == SNAPPY:
        raw = _SnappyStream(payload)
    else:
        raw = io.BytesIO(payload)
    return cast(BinaryIO, io.BufferedReader(raw, _CHUNK)), read_max


def _read_wide(payload: memoryview) -> bytes:
    """Up to WIDE_READ_MAX bytes at once: as long as its stream is open, it holds the window."""
    with zstandard.ZstdDecompressor().stream_reader(payload, read_across_frames=True) as stream:
        return stream.read(WIDE_READ_MAX)


class _SnappyStream(io.RawIOBase):
    """Blocks of snappy, inflated one at a time."""

    def __init__(self, payload: memoryview) -> None:
        self._blocks, self._left = map(_inflate_block, _snappy_blocks(payload)), memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._left:
            block = next(self._blocks, None)
            if block is None:
                return 0
            self._left = memoryview(block)
        size = min(len(buffer), len(self._left))
        buffer[:size], self._left = self._left[:size], self._left[size:]
        return size
