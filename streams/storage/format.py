"""The format of state records: JSON objects with named fields, one of which, `format`, is the number of the layout.

Keys are fine-grained, so that a change writes little: `16.71/h` the head of a regency, `16.71/i/<number>` a segment of
incidents, `16.71/t/<number>` a segment of stations, `16.71/s/<station>` one by itself, `16.71/d/<number>` a segment of
event ids' digests (bytes, see streams/risk/event_ids.py), `16/p` a province. Segments name their columns once.
"""

from typing import Any

import orjson

FORMAT = 4


class UnknownFormat(ValueError):
    """A state record of a layout that this version does not read."""


def read(record: bytes) -> dict[str, Any]:
    """The fields of a state record. Raises UnknownFormat."""
    fields: dict[str, Any] = orjson.loads(record)
    if fields.get("format") != FORMAT:
        raise UnknownFormat(f"state record of format {fields.get('format')!r}, this version reads {FORMAT}")
    return fields
