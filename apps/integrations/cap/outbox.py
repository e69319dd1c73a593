"""Where CAP documents go: a stream, one document a line, or a directory, one file each.

An issued alert must not change under its identifier. A file that is there with the same bytes is left alone, so a
restart writes nothing twice; one with other bytes is an error, not overwritten."""

import os
from collections.abc import Callable
from datetime import UTC
from pathlib import Path

from schemas.escalation import Escalation

Outbox = Callable[[Escalation, str, bytes], None]


class OutboxError(Exception):
    """A document cannot be put away. One line."""


def directory(path: Path) -> Outbox:
    """One file per alert, `20241127T011400Z-<identifier>.xml` (UTC), whole or not there. Raises OutboxError."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutboxError(f"{path}: {error.strerror}") from None

    def put(escalation: Escalation, identifier: str, document: bytes) -> None:
        moment = escalation.event_time.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
        try:
            _write(path / f"{moment}-{identifier}.xml", document + b"\n")
        except OSError as error:
            raise OutboxError(f"{path}: {error.strerror}") from None

    return put


def _write(file: Path, content: bytes) -> None:
    if file.exists():
        if file.read_bytes() != content:
            raise OutboxError(f"{file}: was written under other settings; an issued alert must not change")
        return
    # A dot and another suffix, so that whoever watches the directory for *.xml sees no half file.
    draft = file.with_name(f".{file.name}.part")
    with draft.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(file)
