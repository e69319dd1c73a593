"""The 19 press-reported events of South Sumatra (2018, 2024) as incidents: what each row is taken to be is the table
PLAN.

Source: the file's own `source_url` column. Rules of reading:

* `count` n is n incidents (polling stations mostly), `...-01` to `...-NN`: an incident message has no count. * A row
  about an incident that an earlier row told of is a higher revision of it, not another incident: the re-vote (PSU) or
  continued vote (PSL) that settled it, or a second and third paper on the clash in Rawas Ilir. * A revision keeps the
  `occurred_at` of the event; `reported_at` is the row's own time. The Rawas Ilir clash is told with three times; 22:30,
  the only one given to the minute, is kept from the second report on. * The riot in Jakabaring (22 August 2024) was a
  police exercise: `is_exercise`. * One press report is `reported`; a second independent one, or an act of KPU or
  Bawaslu, is `verified`; a vote held again is `resolved`. Severities are this table's judgement, on the contract's
  scale of 1 to 5."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import orjson

from apps.replay.italy2020 import SourceError


@dataclass(frozen=True)
class Reading:
    """What one row is taken to be: a revision of the incidents `incident`-01, -02, ... or of as many as `count` says."""

    incident: str
    category: str
    severity: int
    status: str
    revision: int = 1
    is_exercise: bool = False
    occurred_at: str | None = None


# Key: date, regency, event kind. One row each, but for two papers' rows on the night of Rawas Ilir, told apart by their
# time.
PLAN: dict[tuple[str, str, str], Reading] = {
    ("2018-06-01T00:00", "16.11", "supporter_clash_fatal"): Reading("clash-2018", "fatality", 5, "reported"),
    ("2024-02-14T00:00", "16.06", "double_voting"): Reading("double-voting", "eligibility", 3, "reported"),
    ("2024-02-14T00:00", "16.13", "double_voting"): Reading("double-voting", "eligibility", 3, "reported"),
    ("2024-02-14T00:00", "16.13", "ballot_shortage"): Reading("ballot-shortage", "logistics", 2, "reported"),
    ("2024-02-14T00:00", "16.71", "ballot_swapped"): Reading("ballot-swapped", "logistics", 3, "reported"),
    ("2024-02-21T07:00", "16.06", "psu"): Reading("double-voting", "eligibility", 3, "resolved", 2),
    ("2024-02-22T07:00", "16.13", "psu"): Reading("double-voting", "eligibility", 3, "resolved", 2),
    ("2024-02-23T07:00", "16.71", "psl"): Reading("ballot-swapped", "logistics", 3, "resolved", 2),
    ("2024-08-22T00:00", "16.71", "EXERCISE"): Reading("jakabaring-drill", "clash", 4, "reported", is_exercise=True),
    ("2024-09-23T00:00", "16.71", "supporter_clash_injury"): Reading("number-draw-clash", "clash", 4, "reported"),
    ("2024-11-27T22:00", "16.13", "supporter_clash_injury"): Reading("rawas-ilir-clash", "clash", 4, "reported"),
    ("2024-11-27T22:30", "16.13", "supporter_clash_injury"): Reading("rawas-ilir-clash", "clash", 4, "verified", 2),
    ("2024-11-28T10:00", "16.13", "supporter_clash_injury"): Reading(
        "rawas-ilir-clash", "clash", 4, "verified", 3, occurred_at="2024-11-27T22:30:00+07:00"
    ),
    ("2024-11-30T00:00", "16.71", "psu_recommended"): Reading("revote-advised", "eligibility", 3, "verified"),
    ("2024-11-30T00:00", "16.72", "psu_recommended"): Reading("revote-advised", "eligibility", 3, "verified"),
    ("2024-11-30T00:00", "16.02", "psu_recommended"): Reading("revote-advised", "eligibility", 3, "verified"),
    ("2024-12-01T07:00", "16.72", "psu"): Reading("revote-advised", "eligibility", 3, "resolved", 2),
    ("2024-12-02T07:00", "16.71", "psu"): Reading("revote-advised", "eligibility", 3, "resolved", 2),
    ("2024-12-05T07:00", "16.10", "psu"): Reading("revote", "eligibility", 3, "resolved"),
}


def incident_lines(path: Path) -> Iterator[bytes]:
    """Incident messages, JSON, in the order of the rows. Raises SourceError, also for a row that PLAN does not know."""
    occurred: dict[tuple[str, str], str] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            for row in rows:
                try:
                    yield from _messages(row, occurred)
                except (KeyError, TypeError, ValueError) as error:
                    raise SourceError(f"{path} line {rows.line_num}: {error!r} is not as expected") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{path}: {error}") from None


def _messages(row: dict[str, str], occurred: dict[tuple[str, str], str]) -> Iterator[bytes]:
    regency, time = row["kemendagri_code"], row["ts_local"]
    reading = PLAN[time[:16], regency, row["event_kind"]]
    source = source_of(row["source_url"])
    for number in range(1, int(row["count"]) + 1):
        incident = f"{reading.incident}-{number:02}"
        if reading.occurred_at:
            occurred[regency, incident] = reading.occurred_at
        elif reading.status != "resolved":
            occurred[regency, incident] = time
        yield orjson.dumps(
            {
                "event_id": f"press-{regency}-{incident}-r{reading.revision}",
                "incident_id": incident,
                "revision": reading.revision,
                "regency": regency,
                "category": reading.category,
                "severity": reading.severity,
                "status": reading.status,
                "occurred_at": occurred.setdefault((regency, incident), time),
                "reported_at": time,
                "source": source,
                "is_exercise": reading.is_exercise,
            }
        )


def source_of(url: str) -> str:
    """The paper as a source name: the host without its first or last labels that name no paper (`www`, `com`, ...)."""
    labels = (urlsplit(url).hostname or "").split(".")
    plain = [label for label in labels if label not in {"www", "com", "co", "id", "beta-www"}]
    return "-".join(plain)[:32].strip("-")
