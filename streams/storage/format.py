"""The format of state records: JSON objects with named fields, one of which, `format`, is the number of the layout.

Keys are fine-grained, so that a change writes little: `16.71/h` the head of a regency, `16.71/i/<number>` a segment of
incidents, `16.71/t/<number>` a segment of stations, `16.71/s/<station>` one by itself, `16.71/d/<number>` a segment of
event ids' digests (bytes, see streams/risk/event_ids.py), `16/p` a province. Segments name their columns once.

A field may be added without another number where a version that lacks it reads past it and one that has it reads a
record without it. Every other change is another number, in two releases: one reads it, the next writes it, so that each
reads what the one before and the one after it write (docs/decisions/0027-formats.md; tests/formats holds it).
"""

from typing import Any

import orjson

#: What is written.
FORMAT = 4
#: What is read, the oldest first. 4 is the format of release 0.9, the first one.
FORMATS_READ = (4,)

_BEGINNING = orjson.dumps({"format": FORMAT})[:-1] + b","


class UnknownFormat(ValueError):
    """State that this version does not read. One line."""


class NewerFormat(UnknownFormat):
    """State of a later version: nothing but that version, or a later one, can go on from it."""


class UnreadableState(UnknownFormat):
    """State of an earlier version than is read, or that is damaged: it can be built again from the ledger."""


def read(record: bytes) -> dict[str, Any]:
    """The fields of a state record. Raises UnknownFormat."""
    try:
        fields: dict[str, Any] = orjson.loads(record)
        number = fields.get("format")
    except (ValueError, AttributeError):
        raise UnreadableState("a state record is no JSON object") from None
    check_number(number)
    return fields


def check(record: bytes) -> None:
    """Look at the format number alone, of a record that is decoded later. Raises UnknownFormat."""
    if not record.startswith(_BEGINNING):
        read(record)


def check_number(number: object) -> None:
    """Raises UnknownFormat where a number is not of FORMATS_READ."""
    if number in FORMATS_READ:
        return
    read_are = " and ".join(map(str, FORMATS_READ))
    if isinstance(number, int) and number > FORMATS_READ[-1]:
        raise NewerFormat(f"state of format {number}, this version reads {read_are}: start the version that wrote it")
    raise UnreadableState(f"state of format {'none' if number is None else number}, this version reads {read_are}")
