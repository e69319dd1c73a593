"""What the board knows: the latest row of each regency and province, and the newest escalations. No Kafka, no HTTP.

Rows and escalations are kept as they came (the contract's shapes), so the JSON pages say exactly what the topics say;
what goes to viewers is cut to what the map and the feed draw."""

from bisect import insort
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime

import orjson

from apps.board.quiet import Quiet
from apps.board.trend import BUCKET_MS, BUCKETS, Trend

ESCALATIONS_KEPT = 300
ESCALATIONS_PER_REGENCY = 20
_TILE_FIELDS = ("regency", "name", "level", "score", "since", "as_of", "data_status", "windows", "turnout")
_FEED_FIELDS = (
    "escalation_id", "regency", "name", "episode", "change", "level", "previous_level", "score", "threshold", "reason",
    "routes", "unverified", "event_time",
)  # fmt: skip


class Unreadable(ValueError):
    """An output record that is not what the contract says. The text names the field."""


@dataclass(order=True)
class _Filed:
    """An escalation in order of arrival at the broker."""

    at: tuple[int, int, int]
    escalation: dict = field(compare=False)


class BoardTable:
    """Apply records, then `drain` what viewers must hear."""

    def __init__(self) -> None:
        self.rows: dict[str, dict] = {}
        self.provinces: dict[str, dict] = {}
        self._trends: dict[str, Trend] = {}
        self._quiet: dict[str, Quiet] = {}
        self._feed: list[_Filed] = []
        self._known: set[str] = set()
        self._by_regency: dict[str, deque[dict]] = {}
        self._changed: dict[str, set[str]] = {"rows": set(), "provinces": set()}
        self._new_escalations: list[dict] = []

    def take_row(self, key: str, value: bytes | None) -> None:
        """The latest risk row of a regency; None removes it. Raises Unreadable."""
        if value is None:
            self._changed["rows"].add(key)
            self.rows.pop(key, None)
            self._trends.pop(key, None)
            self._quiet.pop(key, None)
            return
        row = _object(value, "regency", "level", "score", "since", "as_of", "data_status")
        as_of_ms = _epoch_ms(row["as_of"])
        _epoch_ms(row["since"])
        self._changed["rows"].add(key)
        self.rows[key] = row
        self._trends.setdefault(key, Trend()).add(as_of_ms, row["score"])
        self._quiet.setdefault(key, Quiet()).take_row(row["data_status"], as_of_ms)

    def take_province(self, key: str, value: bytes | None) -> None:
        """The latest roll-up row of a province; None removes it. Raises Unreadable."""
        if value is None:
            self.provinces.pop(key, None)
        else:
            self.provinces[key] = _object(value, "level")
        self._changed["provinces"].add(key)

    def take_escalation(self, value: bytes, appended_ms: int, partition: int, offset: int) -> None:
        """One escalation; a second reading of the same one changes nothing. Raises Unreadable."""
        escalation = _object(value, "escalation_id", "regency", "level", "change", "event_time")
        if escalation["escalation_id"] in self._known:
            return
        quiet = self._quiet.setdefault(escalation["regency"], Quiet())
        quiet.take_escalation(escalation["change"], _epoch_ms(escalation["event_time"]))
        self._known.add(escalation["escalation_id"])
        insort(self._feed, _Filed((appended_ms, partition, offset), escalation))
        if len(self._feed) > ESCALATIONS_KEPT:
            self._known.discard(self._feed.pop(0).escalation["escalation_id"])
        recent = self._by_regency.setdefault(escalation["regency"], deque(maxlen=ESCALATIONS_PER_REGENCY))
        recent.append(escalation)
        self._new_escalations.append(escalation)

    def drain(self) -> dict | None:
        """What changed since the last call, cut for viewers (contract fields, and `quiet_since_ms`); None when nothing
        did.

        `removed` are codes of regencies and provinces: five characters and two.
        """
        rows, provinces = self._changed["rows"], self._changed["provinces"]
        if not (rows or provinces or self._new_escalations):
            return None
        update = {
            "rows": [self._tile(code) for code in sorted(rows) if code in self.rows],
            "removed": sorted((rows - self.rows.keys()) | (provinces - self.provinces.keys())),
            "provinces": [
                self.provinces[code] | {"province": code} for code in sorted(provinces & self.provinces.keys())
            ],
            "escalations": [_cut(escalation, _FEED_FIELDS) for escalation in self._new_escalations[-ESCALATIONS_KEPT:]],
        }
        self._changed = {"rows": set(), "provinces": set()}
        self._new_escalations = []
        return update

    def snapshot(self) -> dict:
        """Everything viewers draw: rows and provinces by code, trends, escalations oldest first."""
        return {
            "rows": [self._tile(code) for code in sorted(self.rows)],
            "provinces": [row | {"province": code} for code, row in sorted(self.provinces.items())],
            "escalations": [_cut(filed.escalation, _FEED_FIELDS) for filed in self._feed],
            "trends": {code: trend.view() for code, trend in sorted(self._trends.items())},
            "bucket_ms": BUCKET_MS,
            "buckets": BUCKETS,
        }

    def _tile(self, code: str) -> dict:
        row = self.rows[code]
        return _cut(row, _TILE_FIELDS) | {"quiet_since_ms": self._quiet[code].since_ms(_epoch_ms(row["since"]))}

    def escalations(self) -> list[dict]:
        """The newest escalations in full, newest first."""
        return [filed.escalation for filed in reversed(self._feed)]

    def regency(self, code: str) -> dict:
        """One regency in full: its row (None before the first), its escalations newest first, its trend."""
        trend = self._trends.get(code)
        return {
            "regency": code,
            "row": self.rows.get(code),
            "escalations": list(reversed(self._by_regency.get(code, ()))),
            "trend": trend.view() if trend else None,
        }


def _object(value: bytes, *required: str) -> dict:
    try:
        record = orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise Unreadable(f"not JSON: {error}") from None
    if not isinstance(record, dict):
        raise Unreadable("not a JSON object")
    for name in required:
        if name not in record:
            raise Unreadable(f"field {name!r} is missing")
    return record


def _cut(record: dict, fields: tuple[str, ...]) -> dict:
    return {name: record[name] for name in fields if name in record}


def _epoch_ms(text: str) -> int:
    try:
        return int(datetime.fromisoformat(text).timestamp() * 1000)
    except (ValueError, TypeError):
        raise Unreadable(f"no RFC 3339 time: {text!r:.40}") from None
