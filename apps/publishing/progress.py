"""How far a file has been acknowledged: a small JSON file in the data directory, replaced atomically.

It names the last acknowledged line by position and digest, and the target, so that a resumed run cannot continue in
another file or on another broker. A file that has grown since is the same file.
"""

import hashlib
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

import orjson

from apps.publishing.lines import Line, read_lines


@dataclass(frozen=True)
class Progress:
    """All lines up to `line` (bytes `start` to `end` of the uncompressed text) are acknowledged or rejected; `sent` of
    them were sent."""

    topic: str
    broker: str
    line: int
    start: int
    end: int
    digest: str
    sent: int


class ProgressError(Exception):
    """The progress file does not match the file or the target. One line."""


def progress_path(data_dir: Path, source: Path, topic: str) -> Path:
    """Where the progress of publishing `source` to `topic` is kept."""
    name = hashlib.sha256(f"{source.resolve()}\0{topic}".encode()).hexdigest()[:24]
    return data_dir / "publish" / f"{name}.json"


def load(path: Path) -> Progress | None:
    """The saved progress, None if there is none. Raises ProgressError."""
    try:
        return Progress(**orjson.loads(path.read_bytes()))
    except FileNotFoundError:
        return None
    except (OSError, TypeError, orjson.JSONDecodeError) as error:
        raise ProgressError(f"{path} cannot be used ({error}); delete it to start over") from None


def save(path: Path, topic: str, broker: str, line: Line, sent: int) -> None:
    """Save that all lines up to `line` are acknowledged or rejected. Atomic: a crash leaves the old or the new file.

    Raises OSError."""
    progress = Progress(topic, broker, line.number, line.start, line.end, _digest(line), sent)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}.tmp")
    draft.write_bytes(orjson.dumps(asdict(progress)) + b"\n")
    draft.replace(path)


def resume_at(stream: BinaryIO, progress: Progress, topic: str, broker: str) -> None:
    """Seek to where the last run stopped. Raises ProgressError when it is another file or another target."""
    if (progress.topic, progress.broker) != (topic, broker):
        raise ProgressError(f"the last run sent to {progress.topic} at {progress.broker}, not to {topic} at {broker}")
    stream.seek(progress.start)
    line = next(read_lines(stream, progress.line - 1, progress.start), None)
    if line is None or (line.end, _digest(line)) != (progress.end, progress.digest):
        raise ProgressError(f"line {progress.line} is not what the last run sent; publish without --resume")


def _digest(line: Line) -> str:
    return hashlib.sha256(line.value).hexdigest()
