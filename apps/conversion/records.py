"""The lines and records of a CSV file, as Excel and others write it, in constant memory.

UTF-8 with or without a byte order mark, UTF-16 with one. A byte order mark at the beginning of a later line, and Ctrl-Z
at the end of one, are left by programs that join files, and no part of a cell. Bytes that are not UTF-8 become lone
surrogates, so that only the cell is refused that has them.

A quote that is never closed costs its own line alone: the lines after it are read again by themselves.
"""

import csv
import io
import zlib
from collections import deque
from collections.abc import Iterator, Sequence
from typing import BinaryIO, NamedTuple, TextIO, cast

from apps.publishing.lines import InputError

LINE_MAX_CHARS = 64 * 1024
#: The lines that one record may have, by line ends within quotes.
RECORD_MAX_LINES = 100
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_BOM = "\ufeff"
_CTRL_Z = "\x1a"


class TextLine(NamedTuple):
    """`number` counts from 1. `whole` is False when the line was longer than LINE_MAX_CHARS and `text` is cut."""

    number: int
    text: str
    whole: bool


class Record(NamedTuple):
    """The cells of one record, without outer blanks; `wrong` says why they are not to be used, "" if they are."""

    lines: Sequence[TextLine]
    cells: list[str]
    wrong: str = ""

    @property
    def number(self) -> int:
        """The number of its first line."""
        return self.lines[0].number

    @property
    def is_blank(self) -> bool:
        return not self.wrong and not any(self.cells)


class TextLines:
    """The lines of a text; those that were given back are taken again."""

    def __init__(self, text: TextIO) -> None:
        self._text = text
        self._number = 0
        self._given_back: deque[TextLine] = deque()

    def take(self) -> TextLine | None:
        """The next line, None at the end. Raises InputError."""
        if self._given_back:
            return self._given_back.popleft()
        try:
            text = rest = self._text.readline(LINE_MAX_CHARS)
            while len(rest) == LINE_MAX_CHARS and not rest.endswith(("\n", "\r")):
                rest = self._text.readline(LINE_MAX_CHARS)
        except (OSError, EOFError, zlib.error) as error:
            raise InputError(f"after line {self._number}: {error}") from None
        except UnicodeDecodeError:
            raise InputError(f"after line {self._number}: the text is not whole UTF-16") from None
        if not text:
            return None
        self._number += 1
        return TextLine(self._number, text.lstrip(_BOM).rstrip(_CTRL_Z), rest is text)

    def give_back(self, lines: Sequence[TextLine]) -> None:
        """Lines to be taken again, in this order."""
        self._given_back.extendleft(reversed(lines))


def decoded(stream: BinaryIO) -> TextIO:
    """The text of a stream, its line ends as they are. Raises InputError."""
    buffered = io.BufferedReader(cast(io.RawIOBase, stream))
    try:
        head = buffered.peek(2)[:2]
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"before line 1: {error}") from None
    if head in _UTF16_MARKS:
        return io.TextIOWrapper(buffered, "utf-16", newline="")
    if b"\0" in head:
        raise InputError("the text is UTF-16 without a byte order mark, and not read; in Excel save as `CSV UTF-8`")
    return io.TextIOWrapper(buffered, "utf-8-sig", errors="surrogateescape", newline="")


def read_record(lines: TextLines, delimiter: str, width: int | None = None) -> Record | None:
    """The next record, None at the end. `width` is the number of cells it must have. Raises InputError.

    Of a record of many lines that is wrong, only the first line is taken."""
    taken: list[TextLine] = []
    cells: list[str] = []
    try:
        cells = [cell.strip() for cell in next(csv.reader(_feed(lines, taken), delimiter=delimiter, strict=True))]
        wrong = _wrong_width(cells, width)
    except StopIteration:
        return None
    except csv.Error:
        wrong = "a quote is not closed, or text follows a closing quote"
    if not all(line.whole for line in taken):
        wrong = f"is longer than {LINE_MAX_CHARS} characters"
    if wrong and len(taken) > 1:
        lines.give_back(taken[1:])
        del taken[1:]
    return Record(taken, cells, wrong)


def _feed(lines: TextLines, taken: list[TextLine]) -> Iterator[str]:
    """The texts of lines for one record; each is added to `taken`."""
    while len(taken) < RECORD_MAX_LINES and (line := lines.take()) is not None:
        taken.append(line)
        yield line.text


def _wrong_width(cells: list[str], width: int | None) -> str:
    """Cut empty cells beyond the width off; say what is wrong with the number of the others."""
    if width is None:
        return ""
    while len(cells) > width and not cells[-1]:
        cells.pop()
    return f"has {len(cells)} cells, the header has {width}" if any(cells) and len(cells) != width else ""
