"""Lines of a file or a stream, gzip or not: numbered, with their offsets, in constant memory.

A line ends at LF, CRLF or the end of the input. Blank lines are counted and skipped. What joining files leaves
behind is no part of a line: byte order marks before it (`cat`), Ctrl-Z after it (`copy a+b` of Windows).
"""

import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

# A message is at most 16 KiB. Of a longer line only the beginning is kept, to be rejected with its number.
LINE_MAX_BYTES = 64 * 1024
_GZIP_MAGIC = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"
_BLANKS = b" \t\r\n\x1a"
# UTF-16 with its byte order mark, or without one where the text begins with `{`.
_UTF16 = (b"\xff\xfe", b"\xfe\xff", b"{\x00", b"\x00{")
UTF16_TEXT = (
    "the text is UTF-16, not UTF-8: save the file again as UTF-8, or convert it: iconv -f UTF-16 -t UTF-8 FILE > NEW"
)


class Line(NamedTuple):
    """`number` counts from 1, blank lines included; `start` and `end` are offsets in the uncompressed text, newline
    included. `whole` is False when the line was longer than LINE_MAX_BYTES and `value` is only its beginning."""

    number: int
    start: int
    end: int
    value: bytes
    whole: bool = True


class InputError(Exception):
    """The input cannot be read. One line."""


def open_input(path: Path) -> BinaryIO:
    """The file's text, uncompressed if it is gzip. Raises InputError."""
    try:
        return unpacked(path.open("rb"))
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None


def unpacked(stream: BinaryIO) -> BinaryIO:
    """The stream itself, or its uncompressed content when it begins like gzip."""
    buffered = stream if isinstance(stream, io.BufferedReader) else io.BufferedReader(cast(io.RawIOBase, stream))
    return cast(BinaryIO, gzip.GzipFile(fileobj=buffered) if buffered.peek(2)[:2] == _GZIP_MAGIC else buffered)


def read_lines(stream: BinaryIO, number: int = 0, offset: int = 0) -> Iterator[Line]:
    """Lines after line `number`, which ended at `offset`, the position of `stream`. Raises InputError."""
    try:
        while chunk := stream.readline(LINE_MAX_BYTES):
            number, start, offset = number + 1, offset, offset + len(chunk)
            whole, rest = True, chunk
            while len(rest) == LINE_MAX_BYTES and not rest.endswith(b"\n"):
                rest = stream.readline(LINE_MAX_BYTES)
                whole, offset = whole and not rest.strip(_BLANKS), offset + len(rest)
            if start == 0 and chunk.startswith(_UTF16):
                raise InputError(UTF16_TEXT)
            value = chunk.strip(_BLANKS)
            while value.startswith(_BOM):  # two, where a file that was joined had nothing else
                value = value[len(_BOM) :].lstrip(_BLANKS)
            if value or not whole:
                yield Line(number, start, offset, value, whole)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"after line {number}: {error}") from None
