"""The ruleset and the roster as plain numbers, and what docs/risk-model.md derives from them for one regency."""

import csv
import math
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
QUARTER_MS = 15 * 60_000
WINDOWS_MS = {"1h": HOUR_MS, "6h": 6 * HOUR_MS, "24h": DAY_MS}
GROUPS = ("security", "integrity", "supply", "process")
LEVELS = ("normal", "waspada", "siaga", "awas")
SEVERITIES = (1, 2, 3, 4, 5)


def plain(table: Any) -> Any:
    """`{value, unit, reason}` becomes the value, all the way down."""
    if isinstance(table, dict):
        return table["value"] if "value" in table else {name: plain(item) for name, item in table.items()}
    return table


@dataclass(frozen=True)
class Place:
    """A regency as the roster has it."""

    code: str
    name: str
    stations: int
    neighbours: tuple[str, ...]
    prior: float


def roster(path: Path) -> dict[str, Place]:
    return places_of(path.read_text(encoding="utf-8"))


def places_of(text: str) -> dict[str, Place]:
    """The regencies of a roster."""
    return {
        row["regency"]: Place(
            row["regency"], row["name"], int(row["stations"]),
            tuple(filter(None, (row.get("neighbours") or "").split(";"))), float(row.get("prior") or 0),
        )
        for row in csv.DictReader(text.splitlines())
    }  # fmt: skip


class Limits(NamedTuple):
    """How many words, and figures, of one agency are held of a regency; how often that of all strangers together, and
    of how many of them.
    """

    words: int
    figures: int
    times: int
    agencies: int


class Ordinary(NamedTuple):
    """Evidence of ordinary days, in digits, and its variance."""

    mean: float
    variance: float


def pace(step: int) -> float:
    """By what factor more, or fewer, reports come than ordinary days bring: a quarter of a doubling for each step."""
    return float(2 ** (step / 4))


class Policy:
    """One ruleset, by its text. Hours are local ones of the election."""

    def __init__(self, text: str) -> None:
        self.rules = plain(tomllib.loads(text))
        self.name = f"{self.rules['name']}@{self.rules['version']}"
        offset = self.rules["election"]["utc_offset"]
        hours, minutes = map(int, offset[1:].split(":"))
        self.offset_ms = (hours * 60 + minutes) * 60_000 * (-1 if offset[0] == "-" else 1)
        self.surprise = self.rules["surprise"]
        self.half_life_ms = self.surprise["half_life"] * 60_000
        self.group_of = {name: category["group"] for name, category in self.rules["categories"].items()}
        self.weights = {int(severity): weight for severity, weight in self.rules["severity"].items()}

    def local_hours(self, at_ms: int) -> float:
        """Hours since local midnight."""
        return (at_ms + self.offset_ms) % DAY_MS / HOUR_MS

    def local_day(self, at_ms: int) -> int:
        """Number of the local day."""
        return (at_ms + self.offset_ms) // DAY_MS

    @cache  # noqa: B019 - one policy lives as long as the run
    def hour_share(self, category: str, hour: int, is_even: bool = True) -> float:
        """Of a day's reports of a category how many an ordinary day brings in an hour: some of them evenly, the others
        by its profile; or all by its profile."""
        even: float = self.surprise["hours_even"] if is_even else 0.0
        hours: list[float] = self.rules["profiles"][self.rules["categories"][category]["profile"]]["hours"]
        return (1 - even) * hours[hour] / sum(hours) + even / 24

    def rate(self, stations: int, category: str, hour: int, shares: float, is_even: bool = True) -> float:
        """Reports an hour that an ordinary day brings, of severities with these shares. `is_even`: see `hour_share`."""
        base_rate: float = self.rules["categories"][category]["base_rate"]
        return stations * base_rate / 1000 * self.hour_share(category, hour, is_even) * shares

    @cache  # noqa: B019
    def _shares(self, category: str) -> list[float]:
        """Shares of the severities among an ordinary day's reports of a category: its own, and some of all others'."""
        rules, common = self.rules["categories"], self.surprise["mix_common"]
        scoring = [of for of in rules.values() if of["factor"]]
        everything = sum(of["base_rate"] for of in scoring)
        mixes = self.rules["mixes"]
        of_all = [sum(of["base_rate"] * mixes[of["mix"]]["shares"][s] for of in scoring) / everything for s in range(5)]
        own = mixes[rules[category]["mix"]]["shares"]
        return [(1 - common) * mine + common * all_ for mine, all_ in zip(own, of_all, strict=True)]

    @cache  # noqa: B019
    def digits(self, stations: int, category: str, severity: int, hour: int, step: int = 0) -> float:
        """Evidence of one report: log10(1 + surge / ordinary), with its two limits. `step`: the pace in force."""
        shares, most = self._shares(category), 0.0
        for s in range(1, severity + 1):
            rate = self.rate(stations, category, hour, sum(shares[s - 1 :])) * pace(step)
            ordinary = max(self.surprise["rate_least"], rate)
            surge = self.surprise["surge"][str(s)] * math.sqrt(stations / self.surprise["surge_stations"])
            evidence = math.log10(1 + surge / ordinary)
            most = max(most, min(evidence, self.surprise["minor_most"]) if s == 1 else evidence)
        return most

    @cache  # noqa: B019
    def report_weight(
        self, stations: int, category: str, status: str, severity: int, hour: int, step: int = 0
    ) -> float:
        """What one report adds: whole thousandths of a digit, times the factors of its category and status."""
        whole = max(1, round(self.digits(stations, category, severity, hour, step) * 1000)) / 1000
        return whole * self.factor(category, status)

    def factor(self, category: str, status: str) -> float:
        """How much of the evidence of a report counts; 0 for what is retracted or can never score."""
        if status == "retracted" or self.group_of[category] not in GROUPS:
            return 0.0
        of_category: float = self.rules["categories"][category]["factor"]
        of_status: float = self.rules["status"][status]
        return of_category * of_status

    @cache  # noqa: B019
    def _evidence(self, stations: int, category: str, step: int, quarter: int) -> Ordinary:
        """What an ordinary day holds of one category."""
        shares, factor, mean, variance = self._shares(category), self.factor(category, "reported"), 0.0, 0.0
        for hour in range(24):
            held, of_squares = self.held(quarter)[hour], self.held(quarter, 2)[hour]
            for s in SEVERITIES:
                rate = self.rate(stations, category, hour, shares[s - 1]) * pace(step)
                digits = self.digits(stations, category, s, hour, step) * factor
                mean, variance = mean + rate * digits * held, variance + rate * digits**2 * of_squares
        return Ordinary(mean, variance)

    def expected(self, stations: int, group: str, quarter: int, steps: dict[str, int] | None = None) -> Ordinary:
        """m and v: the evidence of a group that an ordinary day holds in the middle of a local quarter hour, and how
        much that varies. `steps`: the paces of categories that have another than 1."""
        found = [
            self._evidence(stations, category, (steps or {}).get(category, 0), quarter)
            for category, of in self.group_of.items()
            if of == group
        ]
        return Ordinary(sum(one.mean for one in found), sum(one.variance for one in found))

    @cache  # noqa: B019
    def held(self, quarter: int, times: int = 1) -> tuple[float, ...]:
        """By local hour, for how many hours' reports of it a sum that decays `times` as fast as evidence stands in the
        middle of a local quarter hour. Each half of a quarter hour of that day so far, and of the whole one before,
        counts as if all of it was reported in its middle."""
        found = [0.0] * 24
        for half in range(2 * (96 + quarter + 1)):
            age_h = (half + 0.5) / 8
            hour = math.floor(quarter / 4 + 0.125 - age_h) % 24
            found[hour] += 2 ** (-age_h * times * HOUR_MS / self.half_life_ms) / 8
        return tuple(found)

    @cache  # noqa: B019
    def held_reports(self, stations: int, category: str, quarter: int) -> float:
        """How many reports of a category, decayed like evidence, an ordinary day holds in the middle of a local quarter
        hour."""
        return sum(self.rate(stations, category, hour, 1.0) * held for hour, held in enumerate(self.held(quarter)))

    @cache  # noqa: B019
    def ordinary_reports(
        self, stations: int, groups: tuple[str, ...], start_ms: int, end_ms: int, is_even: bool = True
    ) -> float:
        """How many reports an ordinary day brings between two moments. `is_even`: see `hour_share`."""
        total, at = 0.0, start_ms
        while at < end_ms:
            until = min(end_ms, (at + self.offset_ms) // HOUR_MS * HOUR_MS + HOUR_MS - self.offset_ms)
            hour = int(self.local_hours(at))
            for category, group in self.group_of.items():
                if group in groups:
                    total += self.rate(stations, category, hour, 1.0, is_even) * (until - at) / HOUR_MS
            at = until
        return total

    def quarter(self, at_ms: int) -> int:
        """The local quarter hour of the day."""
        return (at_ms + self.offset_ms) % DAY_MS // QUARTER_MS

    def steps(self, at_ms: int) -> int:
        """Age is counted in whole 256ths of a half-life."""
        return int(at_ms * 256 // self.half_life_ms)

    def limits(self, stations: int) -> Limits:
        """Of the memory of a regency with so many stations."""
        m = self.rules["memory"]
        return Limits(
            max(m["incidents_least"], m["incidents_per_station"] * stations),
            max(m["figures_least"], m["figures_per_station"] * stations),
            m["all_agencies_times"],
            m["agencies_most"],
        )

    def grid(self, at_ms: int) -> int:
        """The last time at which scores and times are looked at."""
        step_ms: int = round(self.rules["ladder"]["step"] * 1000)
        return at_ms - at_ms % step_ms


_SCHEMAS = Path(__file__).resolve().parents[2] / "schemas"
ROSTER = _SCHEMAS / "rosters" / "sumsel.csv"
#: A worker's default ruleset.
RULESET = _SCHEMAS / "rulesets" / "sumsel-pilkada-2024.toml"
DEFAULT_POLICY = Policy(RULESET.read_text(encoding="utf-8"))
