"""A viewer of the board: a connection that accepts gzip, as browsers do."""

import asyncio
import time
import zlib
from collections.abc import AsyncIterator


async def connect(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Request the event stream of the board on this port. Returns after the response's headers."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
    writer.write(b"GET /events HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAccept-Encoding: gzip\r\n\r\n" % port)
    await reader.readuntil(b"\r\n\r\n")
    return reader, writer


async def chunks(reader: asyncio.StreamReader) -> AsyncIterator[tuple[bytes, float]]:
    """Each chunk decompressed, with the Unix time in ms at its last byte. Raises IncompleteReadError at the end."""
    unpack = zlib.decompressobj(31)
    while True:
        size = int(await reader.readuntil(b"\r\n"), 16)
        packed = await reader.readexactly(size + 2)
        text = unpack.decompress(packed[:-2])
        yield text, time.time() * 1000


def milliseconds_after(text: bytes, name: bytes) -> int | None:
    """The last 13-digit number under this name in a piece of JSON text, or None."""
    mark = text.rfind(b'"' + name + b'":')
    start = mark + len(name) + 3
    return int(text[start : start + 13]) if mark >= 0 else None
