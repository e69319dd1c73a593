"""The station roster: which polling stations each regency has, by village. Optional; counts need none.

A CSV with the columns `regency,village,station,registered`, divided by commas, or by semicolons as spreadsheets write
it where the comma is the decimal sign. `village` may be empty, as may `registered` (voters). Stations are compared in
the form of schemas/stations.py, so two spellings of one station are a repeated station.

A country has 823,220 stations in 84,000 villages, and every worker holds them all. A dict of their keys takes 112 bytes
each; a dict for each village 36, but 278 where a village has one station. Here a station is a number, its village's
code and its name's place among all names, in one sorted array for each regency: 12 bytes with `registered`, whatever
the villages, and one text for each different name. To find one takes 0.9 microseconds, in dicts 0.2.
"""

import csv
import re
from array import array
from bisect import bisect_left
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b
from io import StringIO
from itertools import chain, pairwise
from operator import itemgetter
from typing import Self

from schemas.fields import REGENCY_PATTERN
from schemas.roster import STATIONS_MAX
from schemas.stations import canonical_station, station_key
from schemas.turnout import VOTERS_MAX

COLUMNS = ("regency", "village", "station", "registered")

_REGENCY = re.compile(REGENCY_PATTERN)
_VILLAGE = re.compile(r"[0-9]{2}\.[0-9]{2}\.[0-9]{2}\.[0-9]{4}")
_WHOLE = re.compile(r"[0-9]{1,6}")
_NAME_BITS = 24  # more than STATIONS_MAX names; eleven digits and these fit in 63 bits
_NAME_MASK = (1 << _NAME_BITS) - 1
_KEPT = 4_096  # villages and numbers of voters met again; files are mostly in order of village
_SHOWN = 40  # characters of a wrong cell in an error


class StationRosterError(ValueError):
    """A station roster that cannot be used: one line that names the file, the line and the field."""


class RegencyStations:
    """The stations of one regency, at least one. Immutable. Keys are those of `schemas.stations.station_key`."""

    __slots__ = ("_digest", "_names", "_places", "_registered")

    def __init__(self, names: Sequence[str], places: "array[int]", registered: "array[int]") -> None:
        """`names` sorted; `places` sorted, each `_village_number` and the index of a name; 0 `registered`: none
        given."""
        self._names = names
        self._places = places
        self._registered = registered
        self._digest = ""

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self._index(key) is not None

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[str]:
        """The station keys, in the order of village, then of name as text."""
        for place in self._places:
            yield station_key(_village_text(place >> _NAME_BITS), self._names[place & _NAME_MASK])

    def registered(self, key: str) -> int | None:
        """Voters of the station; None if the roster gives none or lacks the station."""
        index = self._index(key)
        return None if index is None else self._registered[index] or None

    def digest(self) -> str:
        """By what two sets of stations differ, in 16 digits; the voters make no difference."""
        if not self._digest:
            self._digest = blake2b("\n".join(self).encode(), digest_size=8).hexdigest()
        return self._digest

    def _index(self, key: str) -> int | None:
        village, _, station = key.partition(" ")
        name = bisect_left(self._names, station)
        if name == len(self._names) or self._names[name] != station:
            return None
        try:
            place = _village_number(village) << _NAME_BITS | name
        except ValueError:
            return None
        index = bisect_left(self._places, place)
        return index if index < len(self._places) and self._places[index] == place else None


class StationRoster:
    """The stations of the regencies that the file names; it need not name all. Immutable."""

    __slots__ = ("_regencies",)

    def __init__(self, regencies: Mapping[str, RegencyStations]) -> None:
        self._regencies = dict(regencies)

    def of(self, regency: str) -> RegencyStations | None:
        """The stations of a regency; None if the file names none of it."""
        return self._regencies.get(regency)

    def __len__(self) -> int:
        """Stations in all."""
        return sum(map(len, self._regencies.values()))

    @classmethod
    def parse(
        cls, lines: str | Iterable[str], origin: str = "station roster", regencies: Container[str] | None = None
    ) -> Self:
        """From CSV, as one text or line by line, which needs no memory for the text. `origin` is how errors call it;
        only stations of `regencies`, if given, are accepted. Raises StationRosterError.
        """
        reading = _Reading(regencies)
        for line, *cells in _rows(StringIO(lines, newline="") if isinstance(lines, str) else lines, origin):
            try:
                reading.add(line, *cells)
            except ValueError as wrong:
                raise StationRosterError(f"{origin} line {line}, {wrong}") from None
        return cls(reading.finished(origin))


class _Reading:
    """Rows so far, 16 bytes each: for each regency where each station lies, its voters and its line."""

    def __init__(self, regencies: Container[str] | None) -> None:
        self._known = regencies
        self._names: dict[str, int] = {}
        self._rows: dict[str, tuple[array[int], array[int], array[int]]] = {}
        self._count = 0

    def add(self, line: int, regency: str, village: str, station: str, registered: str) -> None:
        """Raises ValueError, whose text begins with the field."""
        places, voters, lines = self._rows.get(regency) or self._opened(regency)
        if village and village[:5] != regency:
            raise ValueError(f"village: {village[:_SHOWN]!r} is not in {regency}")
        names = self._names
        try:
            name = names.setdefault(canonical_station(station), len(names))
        except ValueError as wrong:
            raise ValueError(f"station: {wrong}") from None
        places.append(_village_number(village) << _NAME_BITS | name)
        voters.append(_voters(registered))
        lines.append(line)
        self._count += 1
        if self._count > STATIONS_MAX:
            raise ValueError(f"station: more than {STATIONS_MAX} in all")

    def finished(self, origin: str) -> dict[str, RegencyStations]:
        """The stations by regency. Raises StationRosterError for a repeated station and if there is none."""
        if not self._rows:
            raise StationRosterError(f"{origin}: holds no station")
        names = sorted(self._names)
        rank = array("q", bytes(8 * len(names)))
        for index, name in enumerate(names):
            rank[self._names[name]] = index
        self._names.clear()
        return {regency: _sorted(regency, names, rank, self._rows.pop(regency), origin) for regency in list(self._rows)}

    def _opened(self, regency: str) -> tuple["array[int]", "array[int]", "array[int]"]:
        if not _REGENCY.fullmatch(regency):
            raise ValueError(f"regency: {regency[:_SHOWN]!r} is not of the form NN.NN")
        if self._known is not None and regency not in self._known:
            raise ValueError(f"regency: {regency} is not in the roster")
        return self._rows.setdefault(regency, (array("q"), array("I"), array("I")))


def _sorted(
    regency: str,
    names: Sequence[str],
    rank: "array[int]",
    rows: tuple["array[int]", "array[int]", "array[int]"],
    origin: str,
) -> RegencyStations:
    """Names come as they were met, `rank` says where each is among `names`. Raises StationRosterError for a repeat."""
    places = (place & ~_NAME_MASK | rank[place & _NAME_MASK] for place in rows[0])
    in_order = sorted(zip(places, rows[2], rows[1], strict=True))
    repeats = [(line, earlier, place) for (place, earlier, _), (other, line, _) in pairwise(in_order) if place == other]
    if repeats:
        line, earlier, place = min(repeats)
        name, village = names[place & _NAME_MASK], _village_text(place >> _NAME_BITS)
        where = f"{name!r} of {village or regency}"
        raise StationRosterError(f"{origin} line {line}, station: {where} is already on line {earlier}")
    # Of a list an array takes what it needs, of a generator more.
    return RegencyStations(
        names, array("q", [place for place, _, _ in in_order]), array("I", [voters for _, _, voters in in_order])
    )


def _rows(lines: Iterable[str], origin: str) -> Iterator[tuple[int, str, str, str, str]]:
    """Each row's line (the last if it has several) and its cells in the order of COLUMNS. Raises StationRosterError."""
    lines = iter(lines)
    blank, first = next(((n, line) for n, line in enumerate(lines) if line.strip("\ufeff \t\r\n,;")), (0, ""))
    reader = csv.reader(chain((first,), lines), delimiter=";" if ";" in first else ",", strict=True)
    try:
        header = next(reader)
        pick = itemgetter(*_positions(header, f"{origin} line {blank + reader.line_num}"))
        for fields in reader:
            if len(fields) != len(header) and fields:
                where = f"{origin} line {blank + reader.line_num}"
                raise StationRosterError(f"{where}: {len(fields)} fields, the header has {len(header)}")
            if "".join(fields).strip():
                regency, village, station, registered = pick(fields)
                yield blank + reader.line_num, regency.strip(), village.strip(), station, registered.strip()
    except csv.Error as wrong:
        raise StationRosterError(f"{origin} line {blank + reader.line_num}: not CSV: {wrong}") from None


def _positions(header: list[str], where: str) -> list[int]:
    """Where each of COLUMNS stands. Raises StationRosterError unless the header has each once and no other."""
    names = [name.removeprefix("\ufeff").strip().lower() for name in header]
    for name in COLUMNS:
        if name not in names:
            raise StationRosterError(f"{where}: the header lacks the column {name}")
    for name in names:
        if name not in COLUMNS:
            raise StationRosterError(f"{where}: unknown column {name[:_SHOWN]!r}; known are {', '.join(COLUMNS)}")
        if names.count(name) > 1:
            raise StationRosterError(f"{where}: the column {name} is repeated")
    return [names.index(name) for name in COLUMNS]


@lru_cache(_KEPT)
def _village_number(village: str) -> int:
    """1 and the ten digits of a village's code; 0 for none. Raises ValueError."""
    if village and not _VILLAGE.fullmatch(village):
        raise ValueError(f"village: {village[:_SHOWN]!r} is not of the form NN.NN.NN.NNNN")
    return int("1" + village.replace(".", "")) if village else 0


def _village_text(number: int) -> str:
    digits = str(number)
    return f"{digits[1:3]}.{digits[3:5]}.{digits[5:7]}.{digits[7:]}" if number else ""


@lru_cache(_KEPT)
def _voters(cell: str) -> int:
    """0 for none given. Raises ValueError."""
    if not cell:
        return 0
    if not _WHOLE.fullmatch(cell) or not 1 <= int(cell) <= VOTERS_MAX:
        raise ValueError(f"registered: {cell[:_SHOWN]!r} is neither empty nor a whole number from 1 to {VOTERS_MAX}")
    return int(cell)
