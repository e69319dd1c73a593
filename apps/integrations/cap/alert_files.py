"""CAP documents as files of a directory, one each.

An issued alert must not change under its identifier. A file that exists with the same bytes is left alone, so a restart
writes nothing twice; with other bytes it is an error, and the file is not overwritten."""

import os
from collections.abc import Callable
from datetime import UTC
from pathlib import Path

from schemas.outward import Outward

WriteAlert = Callable[[Outward, str, bytes], None]
"""Takes the escalation, the document's identifier and its bytes."""


class AlertFileError(Exception):
    """A document cannot be written. One line. `is_final`: waiting does not help."""

    def __init__(self, line: str, is_final: bool = False) -> None:
        super().__init__(line)
        self.is_final = is_final


def write_to_directory(path: Path) -> WriteAlert:
    """A writer of `20241127T011400Z-<identifier>.xml` (UTC); a file is complete or absent. Raises AlertFileError."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise AlertFileError(f"{path}: {error.strerror}") from None

    def write(escalation: Outward, identifier: str, document: bytes) -> None:
        moment = escalation.event_time.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
        try:
            _write(path / f"{moment}-{identifier}.xml", document + b"\n")
        except OSError as error:
            raise AlertFileError(f"{path}: {error.strerror}") from None

    return write


def _write(file: Path, content: bytes) -> None:
    if file.exists():
        if file.read_bytes() != content:
            raise AlertFileError(f"{file}: was written with other settings; an issued alert must not change", True)
        return
    # Another suffix and a leading dot: a program that watches the directory for *.xml never sees a partial file.
    draft = file.with_name(f".{file.name}.part")
    with draft.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(file)
