"""The format number of the records that this package writes of its own: positions in the state, and notes.

Records without a number are of format 1: the first release wrote none, and reads past it. What a release writes, the
release before must read; so a new layout is read by one release before the next writes it.
"""

import json
from typing import Any

from .fold import Fatal

FORMAT = 1


def encoded(fields: dict[str, Any]) -> bytes:
    """A record of these fields."""
    return json.dumps(fields | {"format": FORMAT}).encode()


def decoded(name: str, value: bytes) -> dict[str, Any]:
    """The fields of a record; `name` is what an error calls it. Raises Fatal for a newer format."""
    fields: dict[str, Any] = json.loads(value)
    if (number := fields.get("format", 1)) > FORMAT:
        raise Fatal(f"{name} is of format {number}, this version reads up to {FORMAT}: start the version that wrote it")
    return fields
