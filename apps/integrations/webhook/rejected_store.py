"""Escalations that the receiver refused for good, or that were none: kept in a file, one JSON object a line."""

import base64
import os
import time
from pathlib import Path
from typing import Any

import orjson


class RefusedList:
    """Append-only and flushed to disk before it returns, so that the position may move on. Raises OSError."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, record: Any, said: str) -> None:
        """Keep a Kafka record: where it lies, why it was refused, its value (base64 when it is not JSON)."""
        line = {
            "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "said": said,
            "topic": record.topic,
            "partition": record.partition,
            "offset": record.offset,
            **_content(record.value),
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
