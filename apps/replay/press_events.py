"""The 19 press-reported events of South Sumatra (2018, 2024) as incidents; the table ROWS says how each row is read.

Source: the file's own `source_url` column. Rules:

* `count` n becomes n incidents (mostly one per polling station), `...-01` to `...-NN`: an incident has no count.
* A row about an incident that an earlier row reported is another word on it: the re-vote (PSU) or continued vote (PSL)
  that settled it, or a second and third newspaper on the clash in Rawas Ilir. The same newspaper sends the next
  revision of its word, another one its own word, with the first newspaper as `origin`.
* A later word keeps the `occurred_at` of the event; `reported_at` is the row's own time. The sources give three times
  for the Rawas Ilir clash; 22:30, the only one given to the minute, is used from the second report on.
* The riot in Jakabaring (22 August 2024) was a police exercise: `is_exercise`.
* One press report is `reported`; a second independent one, or an act of KPU or Bawaslu, is `verified`; a repeated vote
  is `resolved`. Severities are this table's judgement, on the contract's scale of 1 to 5."""

import csv
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import orjson

from apps.replay.italy2020 import SourceError


@dataclass(frozen=True)
class RowReading:
    """How one row is read: as words on the incidents `incident`-01, -02, ..., as many as `count` says."""

    incident: str
    category: str
    severity: int
    status: str
    is_exercise: bool = False
    occurred_at: str | None = None


# Key: time, regency, event kind; one row each.
ROWS: dict[tuple[str, str, str], RowReading] = {
    ("2018-06-01T00:00", "16.11", "supporter_clash_fatal"): RowReading("clash-2018", "fatality", 5, "reported"),
    ("2024-02-14T00:00", "16.06", "double_voting"): RowReading("double-voting", "eligibility", 3, "reported"),
    ("2024-02-14T00:00", "16.13", "double_voting"): RowReading("double-voting", "eligibility", 3, "reported"),
    ("2024-02-14T00:00", "16.13", "ballot_shortage"): RowReading("ballot-shortage", "logistics", 2, "reported"),
    ("2024-02-14T00:00", "16.71", "ballot_swapped"): RowReading("ballot-swapped", "logistics", 3, "reported"),
    ("2024-02-21T07:00", "16.06", "psu"): RowReading("double-voting", "eligibility", 3, "resolved"),
    ("2024-02-22T07:00", "16.13", "psu"): RowReading("double-voting", "eligibility", 3, "resolved"),
    ("2024-02-23T07:00", "16.71", "psl"): RowReading("ballot-swapped", "logistics", 3, "resolved"),
    ("2024-08-22T00:00", "16.71", "EXERCISE"): RowReading("jakabaring-drill", "clash", 4, "reported", is_exercise=True),
    ("2024-09-23T00:00", "16.71", "supporter_clash_injury"): RowReading("number-draw-clash", "clash", 4, "reported"),
    ("2024-11-27T22:00", "16.13", "supporter_clash_injury"): RowReading("rawas-ilir-clash", "clash", 4, "reported"),
    ("2024-11-27T22:30", "16.13", "supporter_clash_injury"): RowReading("rawas-ilir-clash", "clash", 4, "verified"),
    ("2024-11-28T10:00", "16.13", "supporter_clash_injury"): RowReading(
        "rawas-ilir-clash", "clash", 4, "verified", occurred_at="2024-11-27T22:30:00+07:00"
    ),
    ("2024-11-30T00:00", "16.71", "psu_recommended"): RowReading("revote-advised", "eligibility", 3, "verified"),
    ("2024-11-30T00:00", "16.72", "psu_recommended"): RowReading("revote-advised", "eligibility", 3, "verified"),
    ("2024-11-30T00:00", "16.02", "psu_recommended"): RowReading("revote-advised", "eligibility", 3, "verified"),
    ("2024-12-01T07:00", "16.72", "psu"): RowReading("revote-advised", "eligibility", 3, "resolved"),
    ("2024-12-02T07:00", "16.71", "psu"): RowReading("revote-advised", "eligibility", 3, "resolved"),
    ("2024-12-05T07:00", "16.10", "psu"): RowReading("revote", "eligibility", 3, "resolved"),
}


@dataclass
class Told:
    """What earlier rows told of an incident: the first newspaper, the event's time, revisions by newspaper."""

    origin: str
    occurred_at: str
    revisions: Counter[str] = field(default_factory=Counter)


def incident_lines(path: Path) -> Iterator[bytes]:
    """Incident messages, JSON, in the order of the rows. Raises SourceError, also for a row that is not in ROWS."""
    told: dict[tuple[str, str], Told] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            for row in rows:
                try:
                    yield from _messages(row, told)
                except (KeyError, TypeError, ValueError) as error:
                    raise SourceError(f"{path} line {rows.line_num}: {error!r} is not as expected") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{path}: {error}") from None


def _messages(row: dict[str, str], told: dict[tuple[str, str], Told]) -> Iterator[bytes]:
    regency, time = row["kemendagri_code"], row["ts_local"]
    reading = ROWS[time[:16], regency, row["event_kind"]]
    source = source_of(row["source_url"])
    for number in range(1, int(row["count"]) + 1):
        incident = f"{reading.incident}-{number:02}"
        known = told.setdefault((regency, incident), Told(source, time))
        if reading.occurred_at or reading.status != "resolved":
            known.occurred_at = reading.occurred_at or time
        known.revisions[source] += 1
        yield orjson.dumps(
            {
                "event_id": f"press-{regency}-{incident}-r{known.revisions[source]}",
                "incident_id": incident,
                "origin": known.origin,
                "revision": known.revisions[source],
                "regency": regency,
                "category": reading.category,
                "severity": reading.severity,
                "status": reading.status,
                "occurred_at": known.occurred_at,
                "reported_at": time,
                "source": source,
                "is_exercise": reading.is_exercise,
            }
        )


def source_of(url: str) -> str:
    """The newspaper as a source name: the host without labels such as `www` and `com`."""
    labels = (urlsplit(url).hostname or "").split(".")
    plain = [label for label in labels if label not in {"www", "com", "co", "id", "beta-www"}]
    return "-".join(plain)[:32].strip("-")
