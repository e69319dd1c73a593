"""Record batches written by hand, as a client other than aiokafka may: any lengths, any codec, any window."""

import gzip
import struct
from collections.abc import Iterable

import lz4.frame
import zstandard
from aiokafka import codec
from aiokafka.record.util import calc_crc32c, encode_varint

MIB = 1 << 20
CODECS = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
BOMBS = ("gzip", "lz4", "zstd")

#: Names and contents are bytes: nobody checks that they are UTF-8.
RawHeaders = Iterable[tuple[bytes, bytes | None]]


def varint(number: int) -> bytes:
    written = bytearray()
    encode_varint(number, written.append)
    return bytes(written)


def field(content: bytes | None) -> bytes:
    return varint(-1) if content is None else varint(len(content)) + content


def headers_of(headers: RawHeaders) -> bytes:
    headers = list(headers)
    return varint(len(headers)) + b"".join(field(name) + field(content) for name, content in headers)


def record(
    offset_delta: int, key: bytes | None, value: bytes | None, headers: bytes = varint(0), length: int | None = None
) -> bytes:
    """One record; `length` instead of its true one. `headers` as `headers_of` writes them."""
    body = b"\0" + varint(0) + varint(offset_delta) + field(key) + field(value) + headers
    return varint(len(body) if length is None else length) + body


def compressed(name: str, parts: Iterable[bytes], window_log: int = 21) -> bytes:
    """The parts one after another; those of zstd and lz4 are never held together."""
    if name == "zstd":
        parameters = zstandard.ZstdCompressionParameters.from_level(1, window_log=window_log, write_content_size=False)
        stream = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
        return b"".join([*(stream.compress(part) for part in parts), stream.flush()])
    if name == "lz4":
        with lz4.frame.LZ4FrameCompressor(block_linked=False) as frame:
            return b"".join([frame.begin(), *(frame.compress(part) for part in parts), frame.flush()])
    packers = {"none": bytes, "gzip": lambda whole: gzip.compress(whole, 1), "snappy": codec.snappy_encode}
    return packers[name](b"".join(parts))


def batch(name: str, records: Iterable[bytes], count: int, base: int = 0, window_log: int = 21) -> bytes:
    """A batch of `count` records whose offsets follow each other, with the right checksum."""
    payload = compressed(name, records, window_log)
    tail = struct.pack(">hiqqqhii", CODECS[name], count - 1, 1000, 1000, -1, -1, -1, count) + payload
    checksum = struct.pack(">I", calc_crc32c(tail))
    return struct.pack(">qiib", base, len(tail) + 9, -1, 2) + checksum + tail


def transactional(records: Iterable[bytes], count: int, producer: int, base: int, attributes: int = 0x10) -> bytes:
    """A batch without compression of a transactional producer; of one offset where it has no record."""
    last = max(count, 1) - 1
    tail = struct.pack(">hiqqqhii", attributes, last, 1000, 1000, producer, 0, -1, count) + b"".join(records)
    checksum = struct.pack(">I", calc_crc32c(tail))
    return struct.pack(">qiib", base, len(tail) + 9, -1, 2) + checksum + tail


def marker(producer: int, base: int, *, is_abort: bool = False, is_emptied: bool = False) -> bytes:
    """What ends a transaction; `is_emptied`: as compaction leaves the last one of a producer, without its record."""
    end = record(0, struct.pack(">hh", 0, 0 if is_abort else 1), struct.pack(">hi", 0, 0))
    records, count = ([], 0) if is_emptied else ([end], 1)
    return transactional(records, count, producer, base, 0x30)
