"""The ledger as a list of entries, in the order in which they are folded.

A frame of reports names the input record of each entry in its header `siaga.input`. What is no frame is folded by
nobody.

The ledger is read only for what the inputs cannot say: which of two records of different partitions came first, and
what the clock showed. That each accepted input is on it once, whole and in its publisher's order is itself a law.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from tests.recount.contract import ms
from tests.recount.event_time import EventOrder
from tests.recount.records import Record, input_of
from tests.recount.sources import Speaker
from tests.recount.stations import station_key

EVERYONE = "*"
INPUT_HEADER = "siaga.input"
#: How far the broker's append time may be ahead of the clock of the worker that writes a tick, and count.
BROKER_AHEAD_MS = 5 * 60_000
#: Least length of an entry of each kind.
KINDS = {"i": 14, "t": 12, "j": 7, "k": 2, "n": 9, "w": 4, "e": 7, "x": 5, "c": 5, "p": 6}
#: Kind, key and all fields of a message, in the order of the ledger format.
Fingerprint = tuple[Any, ...]


class Entry(NamedTuple):
    """One ledger entry. `position` orders all entries of a partition by when they are folded."""

    partition: int
    position: tuple[int, int]
    key: str
    fields: list[Any]

    @property
    def offset(self) -> int:
        """Of the ledger record that was read when it was folded."""
        return self.position[0]


class Origin(NamedTuple):
    """Where the input record of an entry is; `topic` without the prefix."""

    topic: str
    partition: int
    offset: int


def origins(record: Record) -> list[Origin]:
    """Of each entry of a frame of reports. Raises ValueError, LookupError or TypeError when it does not name them."""
    topic, partition, offsets = json.loads(record.headers[INPUT_HEADER])
    return [Origin(input_of(topic), partition, offset) for offset in offsets]


def is_frame(record: Record) -> bool:
    """Whether a record of the ledger is one that a worker or a decision of people may have written."""
    try:
        found = record.json()
        is_whole = bool(record.key) and all(len(entry) >= KINDS[entry[0]] for entry in found)
        has_reports = any(entry[0] in ("i", "t") for entry in found)
        return is_whole and (not has_reports or len(origins(record)) == len(found))
    except (ValueError, LookupError, TypeError):
        return False


def entries(ledger: Iterable[Record]) -> Iterator[Entry]:
    """Entries of all records as they lie on the ledger. A tick's time is that of its append, as far as its writer's
    clock allows (docs/architecture.md).
    """
    for record in ledger:
        for index, fields in enumerate(record.json()):
            if fields[0] == "k":
                fields = ["k", min(record.at_ms, fields[1] + BROKER_AHEAD_MS)]
            yield Entry(record.partition, (record.offset, index), record.key_text, fields)


def entries_by_event_time(ledger: Iterable[Record], shards: int) -> Iterator[Entry]:
    """The same under the event clock: in event time as far as `shards` watermarks allow, with a tick at each minute."""
    orders: dict[int, EventOrder] = defaultdict(lambda: EventOrder(shards))
    for record in ledger:
        due = orders[record.partition].take(record.key_text, record.json())
        for index, (key, fields) in enumerate(due):
            yield Entry(record.partition, (record.offset, index), key, fields)


def home(code: str, partitions: int) -> int:
    """The ledger partition of a regency or province, as docs/architecture.md states it."""
    return int("".join(filter(str.isdigit, code))) % partitions


def histories(all_entries: list[Entry], codes: set[str], partitions: int) -> dict[str, list[Entry]]:
    """Each regency's and province's entries in the order of the fold: its own, and those for all of its partition."""
    own: dict[str, list[Entry]] = defaultdict(list)
    shared: dict[int, list[Entry]] = defaultdict(list)
    for entry in all_entries:
        (shared[entry.partition] if entry.key == EVERYONE else own[entry.key]).append(entry)
    return {
        code: sorted(own[code] + shared[home(code, partitions)], key=lambda entry: entry.position) for code in codes
    }


def fingerprint_of_message(topic: str, m: dict[str, Any], speaker: Speaker) -> Fingerprint:
    """All fields of an accepted message, whoever carries it, and what the sources file says of its source."""
    station = station_key(m.get("village"), m.get("station"))
    if topic.partition(".")[0] == "incidents":
        return (
            "i", m["regency"], m["event_id"], f"{m.get('origin') or m['source']} {m['incident_id']}", m["revision"],
            station, m["category"], m["severity"], m["status"], ms(m["occurred_at"]), ms(m["reported_at"]),
            m["source"], m.get("is_exercise", False), speaker.agency,
        )  # fmt: skip
    return (
        "t", m["regency"], m["event_id"], station, m["registered"], m["voted"], ms(m["as_of"]), m.get("revision", 1),
        m["source"], m.get("is_exercise", False), *speaker,
    )  # fmt: skip


def fingerprint_of_entry(entry: Entry) -> Fingerprint:
    """The same of a ledger entry, whose fields are listed in docs/architecture.md's ledger format."""
    f = entry.fields
    return (f[0], entry.key, *f[2:])
