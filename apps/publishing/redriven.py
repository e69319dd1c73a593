"""The journal of redriven records: one line per origin, in the data directory.

One file per input topic, named by the topic's id on the broker, which is unique: in a recreated topic, or on another
cluster, the same offsets are other records. A line is written when the broker has acknowledged the record. A crash
between the two sends one record again, which Siaga counts as a duplicate by its `event_id`."""

import fcntl
import re
from pathlib import Path
from typing import BinaryIO, Self

from apps.publishing.rejects import Origin

_LINE = re.compile(rb"[0-9]+/[0-9]+")


class JournalError(Exception):
    """The journal cannot be written, so nothing is sent. One line."""


class Journal:
    """Use as a context manager; `ids` are topic ids by topic name. One process at a time. Raises JournalError."""

    def __init__(self, directory: Path, ids: dict[str, str]) -> None:
        self._paths = {topic: directory / f"{number}.txt" for topic, number in ids.items()}
        self._files: dict[str, BinaryIO] = {}
        self._done: set[Origin] = set()

    def __enter__(self) -> Self:
        try:
            for topic, path in self._paths.items():
                path.parent.mkdir(parents=True, exist_ok=True)
                self._files[topic] = self._opened(topic, path)
        except BlockingIOError:
            self.__exit__()
            raise JournalError("another redrive is running with this data directory") from None
        except OSError as error:
            self.__exit__()
            raise JournalError(
                f"{error.filename or path}: the journal of redriven records cannot be written: {error.strerror}"
            ) from None
        return self

    def __exit__(self, *exc: object) -> None:
        for file in self._files.values():
            file.close()

    def __contains__(self, origin: Origin) -> bool:
        return origin in self._done

    def add(self, origin: Origin) -> None:
        """Record that `origin` has been redriven. Raises JournalError."""
        try:
            self._files[origin.topic].write(b"%d/%d\n" % (origin.partition, origin.offset))
            self._files[origin.topic].flush()
        except OSError as error:
            raise JournalError(f"{self._paths[origin.topic]}: {origin} is not journaled: {error.strerror}") from None
        self._done.add(origin)

    def _opened(self, topic: str, path: Path) -> BinaryIO:
        file = path.open("a+b")
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        file.seek(0)
        text = file.read()
        whole = text.rfind(b"\n") + 1
        file.truncate(whole)  # a crash may have left part of a line, which would be another offset
        for line in text[:whole].split():
            if _LINE.fullmatch(line):
                partition, _, offset = line.partition(b"/")
                self._done.add(Origin(topic, int(partition), int(offset)))
        return file
