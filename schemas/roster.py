"""The roster: which regencies vote, with how many stations and voters, and who borders whom.

A CSV with the columns `regency,name,stations,registered` and optional `neighbours` (codes joined by `;`), `prior`
(0-100), `latitude` and `longitude` (degrees, for the board's map). Any election's roster works, not Sumsel's alone.
"""

import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from importlib import resources
from typing import Self

from schemas.fields import REGENCY_PATTERN

REQUIRED = ("regency", "name", "stations", "registered")
OPTIONAL = ("neighbours", "prior", "latitude", "longitude")
NAME_MAX_CHARS = 80
STATIONS_MAX = 1_000_000  # above the 823,220 of a whole Indonesian election
REGISTERED_MAX = 1_000_000_000

_CODE = re.compile(REGENCY_PATTERN)
_WHOLE = re.compile(r"[0-9]{1,10}")
_DECIMAL = re.compile(r"[+-]?[0-9]{1,3}(\.[0-9]{1,12})?")


class RosterError(ValueError):
    """A roster that cannot be used: one line that names the file, the line and the field."""


@dataclass(frozen=True, slots=True)
class Regency:
    """One row. `stations` and `registered` are what is expected; `prior` 0-100; coordinates in degrees."""

    code: str
    name: str
    stations: int
    registered: int
    neighbours: tuple[str, ...] = ()
    prior: float | None = None
    latitude: float | None = None
    longitude: float | None = None

    @property
    def province(self) -> str:
        """The first two digits of the code."""
        return self.code[:2]


class Roster(Mapping[str, Regency]):
    """Regencies by code, in the order of the roster. Immutable; neighbours are symmetric."""

    __slots__ = ("_regencies",)

    def __init__(self, regencies: Mapping[str, Regency]) -> None:
        self._regencies = dict(regencies)

    def __getitem__(self, code: str) -> Regency:
        return self._regencies[code]

    def __contains__(self, code: object) -> bool:
        return code in self._regencies

    def __iter__(self) -> Iterator[str]:
        return iter(self._regencies)

    def __len__(self) -> int:
        return len(self._regencies)

    @classmethod
    def parse(cls, text: str, origin: str = "roster") -> Self:
        """From CSV text; `origin` is how errors call it. Raises RosterError."""
        return cls(_symmetric(_rows(text, origin), origin))

    @classmethod
    def default(cls) -> Self:
        """South Sumatra at the Pilkada of 27 November 2024; sources in schemas/rosters/README.md."""
        packaged = resources.files("schemas").joinpath("rosters/sumsel.csv")
        return cls.parse(packaged.read_text(encoding="utf-8"), "sumsel.csv")


def _rows(text: str, origin: str) -> dict[str, tuple[Regency, int]]:
    """Each regency with the line it ends on."""
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    rows: dict[str, tuple[Regency, int]] = {}
    header: list[str] | None = None
    try:
        for fields in reader:
            if not any(field.strip() for field in fields):
                continue
            where = f"{origin} line {reader.line_num}"
            if header is None:
                header = _header(fields, where)
                continue
            if len(fields) != len(header):
                raise RosterError(f"{where}: {len(fields)} fields, the header has {len(header)}")
            regency = _regency(dict(zip(header, (field.strip() for field in fields), strict=True)), where)
            if regency.code in rows:
                raise RosterError(f"{where}, regency: {regency.code} is already on line {rows[regency.code][1]}")
            rows[regency.code] = (regency, reader.line_num)
    except csv.Error as wrong:
        raise RosterError(f"{origin} line {reader.line_num}: not CSV: {wrong}") from None
    if not rows:
        raise RosterError(f"{origin}: holds no regency")
    return rows


def _header(fields: list[str], where: str) -> list[str]:
    names = [field.strip().lower() for field in fields]
    for name in REQUIRED:
        if name not in names:
            raise RosterError(f"{where}: the header lacks the column {name}")
    for name in names:
        if name not in REQUIRED + OPTIONAL:
            raise RosterError(f"{where}: unknown column {name!r}; known are {', '.join(REQUIRED + OPTIONAL)}")
        if names.count(name) > 1:
            raise RosterError(f"{where}: the column {name} is repeated")
    return names


def _regency(row: dict[str, str], where: str) -> Regency:
    code, name = row["regency"], row["name"]
    if not _CODE.fullmatch(code):
        raise RosterError(f"{where}, regency: {code!r} is not of the form NN.NN")
    if not name or len(name) > NAME_MAX_CHARS or not name.isprintable():
        raise RosterError(f"{where}, name: must be 1 to {NAME_MAX_CHARS} printable characters")
    latitude = _decimal(row, "latitude", -90, 90, where)
    longitude = _decimal(row, "longitude", -180, 180, where)
    if (latitude is None) != (longitude is None):
        raise RosterError(f"{where}, latitude and longitude: give both or neither")
    return Regency(
        code=code,
        name=name,
        stations=_whole(row, "stations", STATIONS_MAX, where),
        registered=_whole(row, "registered", REGISTERED_MAX, where),
        neighbours=_neighbours(row.get("neighbours", ""), code, where),
        prior=_decimal(row, "prior", 0, 100, where),
        latitude=latitude,
        longitude=longitude,
    )


def _neighbours(cell: str, code: str, where: str) -> tuple[str, ...]:
    codes = tuple(dict.fromkeys(part.strip() for part in cell.split(";") if part.strip()))
    for neighbour in codes:
        if not _CODE.fullmatch(neighbour):
            raise RosterError(f"{where}, neighbours: {neighbour!r} is not of the form NN.NN")
        if neighbour == code:
            raise RosterError(f"{where}, neighbours: {code} cannot border itself")
    return codes


def _whole(row: dict[str, str], field: str, most: int, where: str) -> int:
    cell = row[field]
    if not _WHOLE.fullmatch(cell) or int(cell) > most:
        raise RosterError(f"{where}, {field}: {cell!r} is not a whole number from 0 to {most}")
    return int(cell)


def _decimal(row: dict[str, str], field: str, least: int, most: int, where: str) -> float | None:
    cell = row.get(field, "")
    if not cell:
        return None
    if not _DECIMAL.fullmatch(cell) or not least <= float(cell) <= most:
        raise RosterError(f"{where}, {field}: {cell!r} is not a number from {least} to {most}")
    return float(cell)


def _symmetric(rows: dict[str, tuple[Regency, int]], origin: str) -> dict[str, Regency]:
    """If one row says that two regencies border, both do; each regency's neighbours in code order."""
    borders: dict[str, set[str]] = {code: set() for code in rows}
    for code, (regency, line) in rows.items():
        for neighbour in regency.neighbours:
            if neighbour not in rows:
                raise RosterError(f"{origin} line {line}, neighbours: {neighbour} is not in the roster")
            borders[code].add(neighbour)
            borders[neighbour].add(code)
    return {code: replace(regency, neighbours=tuple(sorted(borders[code]))) for code, (regency, _) in rows.items()}
