"""Italy's referendum of 20 and 21 September 2020: turnout of 7,903 municipalities at four times, as roster and lines.

Source: Ministero dell'Interno (Eligendo), collected as CSV by onData (github.com/ondata), CC BY 4.0.

A region becomes a regency, `39.RR`: 39, Italy's calling code, is not a Kemendagri province, and RR is the Ministry's
region number, the first two digits of the `provincia` column. A municipality becomes a station. A municipality with
more voters than a station may have (there are 32) is split into equal parts, `058091-1`, `058091-2`, ..., whose voters
and votes add up to the municipality's, so the totals of each region equal the source's. One municipality's count falls
between 19:00 and 23:00 (Lusevera, 273 to 210); it is kept, and Siaga counts it as a correction."""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson

from schemas.turnout import VOTERS_MAX

SOURCE = "eligendo"
COUNTRY = "39"
# Columns end in the hour of the snapshot; the last is the close of polls on the second day.
SNAPSHOTS = ("12", "19", "23", "15")
# Italy was on summer time (CEST) on both days.
UTC_OFFSET = "+02:00"
REGIONS = {
    "01": "Piemonte",
    "02": "Valle d'Aosta",
    "03": "Lombardia",
    "04": "Trentino-Alto Adige",
    "05": "Veneto",
    "06": "Friuli-Venezia Giulia",
    "07": "Liguria",
    "08": "Emilia-Romagna",
    "09": "Toscana",
    "10": "Umbria",
    "11": "Marche",
    "12": "Lazio",
    "13": "Abruzzo",
    "14": "Molise",
    "15": "Campania",
    "16": "Puglia",
    "17": "Basilicata",
    "18": "Calabria",
    "19": "Sicilia",
    "20": "Sardegna",
}


class SourceError(Exception):
    """The CSV is not in the expected format. One line with the line number."""


@dataclass(frozen=True)
class Municipality:
    """One row: voters, and for each snapshot its local time and the votes so far."""

    istat: str
    region: str
    registered: int
    snapshots: tuple[tuple[str, int], ...]

    @property
    def regency(self) -> str:
        """The code of its region as a regency, `39.RR`."""
        return f"{COUNTRY}.{self.region}"

    @property
    def parts(self) -> int:
        """The number of stations it is split into: 1 unless it has more voters than a station may have."""
        return -(-self.registered // VOTERS_MAX)


def read(path: Path) -> Iterator[Municipality]:
    """The rows of `affluenzaComuni`. Raises SourceError."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            for row in rows:
                try:
                    yield _municipality(row)
                except (KeyError, TypeError, ValueError) as error:
                    raise SourceError(f"{path} line {rows.line_num}: {error!r} is not as expected") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{path}: {error}") from None


def roster_rows(municipalities: Iterable[Municipality]) -> list[dict[str, object]]:
    """The roster: one row per region, `regency,name,stations,registered`, in order of the code."""
    totals: dict[str, list[int]] = {}
    for municipality in municipalities:
        total = totals.setdefault(municipality.region, [0, 0])
        total[0] += municipality.parts
        total[1] += municipality.registered
    return [
        {"regency": f"{COUNTRY}.{region}", "name": REGIONS[region], "stations": stations, "registered": registered}
        for region, (stations, registered) in sorted(totals.items())
    ]


def turnout_lines(municipalities: Iterable[Municipality]) -> Iterator[bytes]:
    """Turnout messages, JSON, in order of time, then of the source's rows."""
    stations = list(municipalities)
    for index in range(len(SNAPSHOTS)):
        for municipality in stations:
            yield from _messages(municipality, index)


def share(total: int, part: int, parts: int) -> int:
    """Part number `part` (from 0) of `total`, in `parts` parts that differ by one at most and add up.

    It never falls when the total rises, so no part has more votes than voters and no count falls that did not.
    """
    return total // parts + (part < total % parts)


def _municipality(row: dict[str, str]) -> Municipality:
    region = row["provincia"][:2]
    if region not in REGIONS:
        raise ValueError(f"provincia {row['provincia']}")
    snapshots = tuple((_time(row[f"datah{hour}"]), int(row[f"voti_h{hour}"])) for hour in SNAPSHOTS)
    return Municipality(row["CODICE ISTAT"], region, int(row["elettori"]), snapshots)


def _time(text: str) -> str:
    """`20200920120000` as RFC 3339."""
    if len(text) != 14 or not text.isdecimal():
        raise ValueError(f"time {text}")
    date, clock = text[:8], text[8:]
    return f"{date[:4]}-{date[4:6]}-{date[6:]}T{clock[:2]}:{clock[2:4]}:{clock[4:]}{UTC_OFFSET}"


def _messages(municipality: Municipality, index: int) -> Iterator[bytes]:
    as_of, voted = municipality.snapshots[index]
    parts = municipality.parts
    for part in range(parts):
        station = municipality.istat if parts == 1 else f"{municipality.istat}-{part + 1}"
        yield orjson.dumps(
            {
                "event_id": f"it2020-{station}-{index + 1}",
                "regency": municipality.regency,
                "station": station,
                "registered": share(municipality.registered, part, parts),
                "voted": share(voted, part, parts),
                "as_of": as_of,
                "source": SOURCE,
            }
        )
