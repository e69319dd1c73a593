"""Escalations that the receiver refused for good, and records that held none: a file, one JSON object a line.

"Refused" is the receiver's decision; "rejected" (the topic `siaga.rejected`) is what intake did not admit."""

import base64
import os
import time
from pathlib import Path
from typing import Any

import orjson


class RefusedStore:
    """Append-only; flushed to disk before `add` returns, so that the offset may be committed."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, record: Any, content: bytes | None, reason: str) -> None:
        """Append what was refused: its record's position, why, and `content`, which is what the receiver was sent, or
        the value of a record that held no escalation (base64 when not JSON). Raises OSError."""
        line = {
            "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "said": reason,
            "topic": record.topic,
            "partition": record.partition,
            "offset": record.offset,
            **_content(content),
        }
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab") as stream:
            stream.write(orjson.dumps(line) + b"\n")
            stream.flush()
            os.fsync(stream.fileno())


def _content(value: bytes | None) -> dict[str, Any]:
    if value is None:
        return {"value": None}
    try:
        return {"value": orjson.loads(value)}
    except orjson.JSONDecodeError:
        return {"value_base64": base64.b64encode(value).decode()}
