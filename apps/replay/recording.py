"""A recorded election as one sequence: the lines of an incidents and a turnout file in order of time.

Recordings are rarely sorted: they contain late reports and corrections. So each line is indexed (about 60 bytes of
memory), the index is sorted by time, and lines are read from their place in the file. Lines of the same time keep the
order of their file, so each regency's history is in order."""

import gzip
import shutil
import tempfile
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import BinaryIO, NamedTuple, Self

from apps.publishing.lines import InputError, Line, open_input, read_lines
from apps.publishing.messages import Kind, Reader
from schemas.rejected import Rejected

OnRejected = Callable[[Kind, Line, Rejected], None]


class RecordedMessage(NamedTuple):
    """One message of the recording; `at_ms` is its time, milliseconds since the epoch."""

    at_ms: int
    kind: Kind
    key: bytes
    value: bytes


class Recording:
    """Indexed files, readable from any time. A context manager that keeps the files open."""

    def __init__(self) -> None:
        self._files = ExitStack()
        self._streams: list[tuple[Kind, BinaryIO, Reader]] = []
        self._at_ms, self._stream, self._start, self._number = array("q"), array("b"), array("q"), array("q")
        self._order: list[int] = []
        self.rejected = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._files.close()

    def __len__(self) -> int:
        return len(self._at_ms)

    @property
    def first_ms(self) -> int:
        """Time of the earliest message; there must be one."""
        return self._at_ms[self._order[0]]

    @property
    def last_ms(self) -> int:
        """Time of the latest message; there must be one."""
        return self._at_ms[self._order[-1]]

    def add(self, kind: Kind, path: Path, read: Reader, on_rejected: OnRejected) -> None:
        """Index a file; lines that `read` rejects are passed to `on_rejected` and left out. Raises InputError."""
        stream = self._files.enter_context(_seekable(open_input(path)))
        index = len(self._streams)
        self._streams.append((kind, stream, read))
        for line in read_lines(stream):
            try:
                message = read(line)
            except Rejected as rejected:
                self.rejected += 1
                on_rejected(kind, line, rejected)
                continue
            self._at_ms.append(message.played_ms)
            self._stream.append(index)
            self._start.append(line.start)
            self._number.append(line.number)
        self._order = sorted(range(len(self._at_ms)), key=self._at_ms.__getitem__)

    def skipped(self, from_ms: int | None) -> int:
        """The number of messages before `from_ms`."""
        return 0 if from_ms is None else bisect_left(self._order, from_ms, key=self._at_ms.__getitem__)

    def messages(self, from_ms: int | None = None) -> Iterator[RecordedMessage]:
        """Messages in order, from `from_ms` on. Raises InputError when a file changed since it was indexed."""
        at = [stream.tell() for _, stream, _ in self._streams]
        for entry in islice(self._order, self.skipped(from_ms), None):
            index = self._stream[entry]
            kind, stream, read = self._streams[index]
            if at[index] != self._start[entry]:  # a sorted file is read without seeking
                stream.seek(self._start[entry])
            line = next(read_lines(stream, self._number[entry] - 1, self._start[entry]), None)
            at[index] = line.end if line else -1
            try:
                message = read(line) if line else None
            except Rejected:
                message = None
            if message is None or message.played_ms != self._at_ms[entry] or message.key is None:
                raise InputError(f"{kind} line {self._number[entry]}: the file has changed while it was replayed")
            yield RecordedMessage(message.played_ms, kind, message.key, message.value)


def _seekable(stream: BinaryIO | gzip.GzipFile) -> BinaryIO:
    """The stream, or a decompressed copy in a temporary file: gzip can only be read forwards."""
    if not isinstance(stream, gzip.GzipFile) and stream.seekable():
        return stream
    copy = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
    try:
        with stream:
            shutil.copyfileobj(stream, copy)
    except (OSError, EOFError) as error:
        copy.close()
        raise InputError(f"cannot be unpacked: {error}") from None
    copy.seek(0)
    return copy
