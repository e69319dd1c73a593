"""The board's copy of the output topics: the latest row of each regency and province, and the newest escalations.

Without Kafka and HTTP. Rows and escalations are kept as they were read (the contract's shapes), so the JSON endpoints
return what the topics hold; viewers get only the fields that the map and the list of escalations show."""

from bisect import insort
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from apps.board.regency_history import BUCKET_MS, BUCKETS, DataGap, ScoreHistory

ESCALATIONS_KEPT = 300
ESCALATIONS_PER_REGENCY = 20
_TILE_FIELDS = ("regency", "name", "level", "score", "since", "as_of", "data_status", "windows", "turnout")
_LIST_FIELDS = (
    "escalation_id", "regency", "name", "episode", "change", "level", "previous_level", "score", "threshold", "reason",
    "routes", "unverified", "odds", "event_time",
)  # fmt: skip

JsonObject = dict[str, Any]


class InvalidRecord(ValueError):
    """A record of an output topic breaks the contract. The message names the field."""


@dataclass(order=True)
class _ReceivedEscalation:
    """An escalation, ordered by (append time, partition, offset)."""

    position: tuple[int, int, int]
    escalation: JsonObject = field(compare=False)


class BoardState:
    """Apply records with `put_*`; `drain` returns what changed since its last call, for viewers."""

    def __init__(self) -> None:
        self.rows: dict[str, JsonObject] = {}
        self.provinces: dict[str, JsonObject] = {}
        self._score_histories: dict[str, ScoreHistory] = {}
        self._data_gaps: dict[str, DataGap] = {}
        self._received: list[_ReceivedEscalation] = []
        self._known_ids: set[str] = set()
        self._by_regency: dict[str, deque[JsonObject]] = {}
        self._changed_rows: set[str] = set()
        self._changed_provinces: set[str] = set()
        self._new_escalations: list[JsonObject] = []

    def put_row(self, key: str, value: bytes | None) -> None:
        """Replace the risk row of a regency; a tombstone (None) removes it. Raises InvalidRecord."""
        if value is None:
            self._changed_rows.add(key)
            self.rows.pop(key, None)
            self._score_histories.pop(key, None)
            self._data_gaps.pop(key, None)
            return
        row = _parse(value, "regency", "level", "score", "since", "as_of", "data_status")
        as_of_ms = _epoch_ms(row["as_of"])
        _epoch_ms(row["since"])
        self._changed_rows.add(key)
        self.rows[key] = row
        self._score_histories.setdefault(key, ScoreHistory()).add(as_of_ms, row["score"])
        self._data_gaps.setdefault(key, DataGap()).add_row(row["data_status"], as_of_ms)

    def put_province(self, key: str, value: bytes | None) -> None:
        """Replace the roll-up row of a province; a tombstone (None) removes it. Raises InvalidRecord."""
        if value is None:
            self.provinces.pop(key, None)
        else:
            self.provinces[key] = _parse(value, "level")
        self._changed_provinces.add(key)

    def put_escalation(self, value: bytes, appended_ms: int, partition: int, offset: int) -> None:
        """Add an escalation; reading the same one again changes nothing. Raises InvalidRecord.

        `appended_ms` is the record's append time at the broker."""
        escalation = _parse(value, "escalation_id", "regency", "level", "change", "event_time")
        if escalation["escalation_id"] in self._known_ids:
            return
        data_gap = self._data_gaps.setdefault(escalation["regency"], DataGap())
        data_gap.add_escalation(escalation["change"], _epoch_ms(escalation["event_time"]))
        self._known_ids.add(escalation["escalation_id"])
        insort(self._received, _ReceivedEscalation((appended_ms, partition, offset), escalation))
        if len(self._received) > ESCALATIONS_KEPT:
            self._known_ids.discard(self._received.pop(0).escalation["escalation_id"])
        recent = self._by_regency.setdefault(escalation["regency"], deque(maxlen=ESCALATIONS_PER_REGENCY))
        recent.append(escalation)
        self._new_escalations.append(escalation)

    def drain(self) -> JsonObject | None:
        """What changed since the last call, cut to what viewers need; None when nothing changed.

        `rows` hold contract fields and `quiet_since_ms`. `removed` are codes of regencies (five characters) and
        provinces (two)."""
        rows, provinces = self._changed_rows, self._changed_provinces
        if not (rows or provinces or self._new_escalations):
            return None
        update = {
            "rows": [self._tile(code) for code in sorted(rows) if code in self.rows],
            "removed": sorted((rows - self.rows.keys()) | (provinces - self.provinces.keys())),
            "provinces": [
                self.provinces[code] | {"province": code} for code in sorted(provinces & self.provinces.keys())
            ],
            "escalations": [_cut(escalation, _LIST_FIELDS) for escalation in self._new_escalations[-ESCALATIONS_KEPT:]],
        }
        self._changed_rows, self._changed_provinces = set(), set()
        self._new_escalations = []
        return update

    def snapshot(self) -> JsonObject:
        """Everything that viewers draw: rows and provinces by code, score histories, escalations oldest first."""
        return {
            "rows": [self._tile(code) for code in sorted(self.rows)],
            "provinces": [row | {"province": code} for code, row in sorted(self.provinces.items())],
            "escalations": [_cut(received.escalation, _LIST_FIELDS) for received in self._received],
            "trends": {code: history.view() for code, history in sorted(self._score_histories.items())},
            "bucket_ms": BUCKET_MS,
            "buckets": BUCKETS,
        }

    def _tile(self, code: str) -> JsonObject:
        row = self.rows[code]
        since_ms = self._data_gaps[code].since_ms(_epoch_ms(row["since"]))
        return _cut(row, _TILE_FIELDS) | {"quiet_since_ms": since_ms}

    def escalations(self) -> list[JsonObject]:
        """The newest escalations with all fields, newest first."""
        return [received.escalation for received in reversed(self._received)]

    def regency(self, code: str) -> JsonObject:
        """One regency with all fields: its row (None before the first), escalations newest first, score history."""
        history = self._score_histories.get(code)
        return {
            "regency": code,
            "row": self.rows.get(code),
            "escalations": list(reversed(self._by_regency.get(code, ()))),
            "trend": history.view() if history else None,
        }


def _parse(value: bytes, *required: str) -> JsonObject:
    try:
        record = orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise InvalidRecord(f"not JSON: {error}") from None
    if not isinstance(record, dict):
        raise InvalidRecord("not a JSON object")
    for name in required:
        if name not in record:
            raise InvalidRecord(f"field {name!r} is missing")
    return record


def _cut(record: JsonObject, fields: tuple[str, ...]) -> JsonObject:
    return {name: record[name] for name in fields if name in record}


def _epoch_ms(text: str) -> int:
    try:
        return int(datetime.fromisoformat(text).timestamp() * 1000)
    except (ValueError, TypeError):
        raise InvalidRecord(f"not an RFC 3339 time: {text!r:.40}") from None
