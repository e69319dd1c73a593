"""State records of regencies and provinces: what changed, and back. Keys and format: streams/storage/format.py."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

from streams.province import ProvinceState
from streams.risk.regency import RegencyState
from streams.storage import head
from streams.storage.format import FORMAT, UnknownFormat, UnreadableState, check, read
from streams.storage.made_with import MadeWith

#: A state record to write; None is a tombstone.
StateRecord = tuple[bytes, bytes | None]
_HEAD, _PROVINCE = b"/h", b"/p"
_CODE = 5  # length of a regency's code
_NUMBERED = {b"/i/": "incidents", b"/t/": "stations", b"/d/": "event_ids"}
#: What reading fields that are missing, or of another type, raises.
_DAMAGED = (LookupError, TypeError, ValueError, AttributeError)


@dataclass(slots=True)
class StoredRegency:
    """The records of one regency, by number or station."""

    head: bytes = b""
    incidents: dict[int, bytes] = field(default_factory=dict)
    stations: dict[int, bytes] = field(default_factory=dict)
    own_stations: dict[str, bytes] = field(default_factory=dict)
    event_ids: dict[int, bytes] = field(default_factory=dict)

    def take(self, name: bytes, value: bytes) -> None:
        """Take one record; `name` is its key without the code."""
        kind, name = name[:3], name[3:]
        if kind == _HEAD:
            self.head = value
        elif kind == b"/s/":
            self.own_stations[name.decode()] = value
        elif kind in _NUMBERED and name.isdigit():
            getattr(self, _NUMBERED[kind])[int(name)] = value
        else:
            raise UnreadableState(f"a state record has the key {(kind + name)!r}, which is none of format {FORMAT}")


def drain(state: RegencyState, made: Any = None) -> Iterator[StateRecord]:
    """State records of what changed since the last drain, the head included. `made`: the head's `made_with`, see
    streams/storage/made_with.py.
    """
    prefix = state.regency.code.encode()
    yield from state.incident_records.drain(prefix)
    yield from state.station_records.drain(prefix)
    for number, ids in state.event_ids.drain().items():
        yield prefix + b"/d/%d" % number, ids
    yield prefix + _HEAD, encode(head.stored(state) | {"made_with": made})


def restore(state: RegencyState, stored: StoredRegency) -> MadeWith | None:
    """Take back the records of a regency; what it was made with, None where the state does not say so. Raises
    UnknownFormat.

    Stations are decoded at their first look-up; their format is looked at now.
    """
    code = state.regency.code
    if not stored.head:
        raise UnreadableState(f"the state of {code} has no head")
    try:
        fields = read(stored.head)
        for record in (*stored.stations.values(), *stored.own_stations.values()):
            check(record)
        last = fields["segments"]
        head.restore(state, fields)  # first: incidents are counted against its time
        state.event_ids.restore(last["event_ids"], stored.event_ids)
        state.station_records.restore(last["stations"], stored.stations, stored.own_stations)
        state.incident_records.restore(last["incidents"], stored.incidents)
        return fields.get("made_with")
    except UnknownFormat as error:
        raise type(error)(f"{code}: {error}") from None
    except _DAMAGED as error:
        raise UnreadableState(f"{code}: state of format {FORMAT} that cannot be read ({error!r})") from error


def restore_province(province: ProvinceState, record: bytes) -> None:
    """Take back the record of a province. Raises UnknownFormat."""
    try:
        province.restore(read(record))
    except UnknownFormat as error:
        raise type(error)(f"{province.code}: {error}") from None
    except _DAMAGED as error:
        raise UnreadableState(f"{province.code}: state of format {FORMAT} that cannot be read ({error!r})") from error


def encode(fields: dict[str, Any]) -> bytes:
    """A state record of these fields."""
    return orjson.dumps({"format": FORMAT, **fields})


def province_key(code: str) -> bytes:
    """The key of a province's record."""
    return code.encode() + _PROVINCE


def by_code(records: Iterable[tuple[bytes, bytes]]) -> tuple[dict[bytes, StoredRegency], dict[bytes, bytes]]:
    """Records of a ledger partition's state, by regency and by province."""
    regencies: dict[bytes, StoredRegency] = {}
    provinces: dict[bytes, bytes] = {}
    for key, value in records:
        if key[2:] == _PROVINCE:
            provinces[key[:2]] = value
        else:
            regencies.setdefault(key[:_CODE], StoredRegency()).take(key[_CODE:], value)
    return regencies, provinces
