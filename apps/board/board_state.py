"""The board's copy of the output topics: the latest row of each regency and province, and the newest escalations.

Without Kafka and HTTP. Rows and escalations are kept as they were read (the contract's shapes), so the JSON endpoints
return what the topics hold; viewers get only the fields that the map and the list of escalations show."""

import re
from bisect import insort
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from apps.board.regency_history import BUCKET_MS, BUCKETS, DataGap, ScoreHistory
from schemas.escalation import ESCALATION_SCHEMA
from schemas.province import PROVINCE_SCHEMA
from schemas.risk import RISK_SCHEMA
from schemas.vocabulary import DATA_STATUSES, LEVELS

ESCALATIONS_KEPT = 300
ESCALATIONS_PER_REGENCY = 20
_TILE_FIELDS = ("regency", "name", "level", "score", "since", "as_of", "data_status", "windows", "turnout")
_LIST_FIELDS = (
    "escalation_id", "regency", "name", "episode", "change", "level", "previous_level", "score", "threshold", "reason",
    "routes", "unverified", "odds", "event_time",
)  # fmt: skip

_REGENCY = re.compile(r"[0-9]{2}\.[0-9]{2}")
_PROVINCE = re.compile(r"[0-9]{2}")

JsonObject = dict[str, Any]


class InvalidRecord(ValueError):
    """A record of an output topic breaks the contract. The message names the field."""


class Staleness(NamedTuple):
    """What the board knows of the workers' ruleset: its id, and how long after the last report data is stale."""

    ruleset: str = ""
    after_ms: int = 0


UNKNOWN = Staleness()


@dataclass(order=True)
class _ReceivedEscalation:
    """An escalation, ordered by (append time, partition, offset)."""

    position: tuple[int, int, int]
    escalation: JsonObject = field(compare=False)


class BoardState:
    """Apply records with `put_*`; `drain` returns what changed since its last call, for viewers."""

    def __init__(self, staleness: Staleness = UNKNOWN) -> None:
        self._staleness = staleness
        self._empty()

    def _empty(self) -> None:
        self.is_new = True  # nothing of it was drained yet: viewers need all of it
        self.rows: dict[str, JsonObject] = {}
        self.unreadable: set[str] = set()  # regencies and provinces whose newest row could not be read
        self.missed_escalations = 0  # could not be read
        self._written_ms: dict[str, int] = {}
        self.provinces: dict[str, JsonObject] = {}
        self._score_histories: dict[str, ScoreHistory] = {}
        self._data_gaps: dict[str, DataGap] = {}
        self._received: list[_ReceivedEscalation] = []
        self._known_ids: set[str] = set()
        self._by_regency: dict[str, deque[JsonObject]] = {}
        self._changed_rows: set[str] = set()
        self._changed_provinces: set[str] = set()
        self._new_escalations: list[JsonObject] = []

    def clear(self) -> None:
        """Forget all: the topics are others than those that were read."""
        self._empty()

    def put_row(self, key: str, value: bytes | None, written_ms: int = 0) -> None:
        """Replace the risk row of a regency, written at `written_ms` by the board's clock; a tombstone (None) removes
        it. Raises InvalidRecord, and the regency then counts as unreadable until a valid row comes."""
        if value is None:
            self._changed_rows.add(key)
            self.unreadable.discard(key)
            for of_regency in (self.rows, self._written_ms, self._score_histories, self._data_gaps):
                of_regency.pop(key, None)
            return
        try:
            row, as_of_ms = _parse_row(key, value)
        except InvalidRecord:
            if _REGENCY.fullmatch(key):
                self.unreadable.add(key)
            raise
        self.unreadable.discard(key)
        self._changed_rows.add(key)
        self.rows[key], self._written_ms[key] = row, written_ms
        self._score_histories.setdefault(key, ScoreHistory()).add(as_of_ms, row["score"])
        self._data_gaps.setdefault(key, DataGap()).add_row(row["data_status"], as_of_ms)

    def put_province(self, key: str, value: bytes | None) -> None:
        """Replace the roll-up row of a province; a tombstone (None) removes it. Raises InvalidRecord."""
        if value is None:
            self.provinces.pop(key, None)
        else:
            try:
                row = _parse(value, PROVINCE_SCHEMA, "level")
                _check_member(row, "level", LEVELS)
            except InvalidRecord:
                if _PROVINCE.fullmatch(key):
                    self.unreadable.add(key)
                raise
            self.provinces[key] = row
        self.unreadable.discard(key)
        self._changed_provinces.add(key)

    def put_escalation(self, value: bytes, appended_ms: int, partition: int, offset: int) -> None:
        """Add an escalation; reading the same one again changes nothing. Raises InvalidRecord.

        `appended_ms` is the record's append time at the broker."""
        try:
            escalation = _parse(value, ESCALATION_SCHEMA, "escalation_id", "regency", "level", "change", "event_time")
            _check_member(escalation, "level", LEVELS)
            event_ms = _epoch_ms(escalation["event_time"])
        except InvalidRecord:
            self.missed_escalations += 1
            raise
        if escalation["escalation_id"] in self._known_ids:
            return
        data_gap = self._data_gaps.setdefault(escalation["regency"], DataGap())
        data_gap.add_escalation(escalation["change"], event_ms)
        self._known_ids.add(escalation["escalation_id"])
        insort(self._received, _ReceivedEscalation((appended_ms, partition, offset), escalation))
        if len(self._received) > ESCALATIONS_KEPT:
            self._known_ids.discard(self._received.pop(0).escalation["escalation_id"])
        recent = self._by_regency.setdefault(escalation["regency"], deque(maxlen=ESCALATIONS_PER_REGENCY))
        recent.append(escalation)
        self._new_escalations.append(escalation)

    def drain(self) -> JsonObject | None:
        """What changed since the last call, cut to what viewers need; None when nothing changed.

        `rows` hold contract fields, `written_ms`, `quiet_since_ms` and `quiet_is_exact`. `removed` are codes of
        regencies (five characters) and provinces (two). Of a state that is new, viewers need `snapshot` instead."""
        self.is_new = False
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
        row, gap = self.rows[code], self._data_gaps[code]
        after_ms = self._staleness.after_ms if row.get("ruleset") == self._staleness.ruleset else 0
        since_ms = gap.since_ms(_epoch_ms(row["since"]), after_ms)
        return _cut(row, _TILE_FIELDS) | {
            "written_ms": self._written_ms[code],
            "quiet_since_ms": since_ms,
            "quiet_is_exact": gap.is_exact and after_ms > 0,
        }

    def escalations(self) -> list[JsonObject]:
        """The newest escalations with all fields, newest first."""
        return [received.escalation for received in reversed(self._received)]

    def regency(self, code: str) -> JsonObject:
        """One regency with all fields: its row (None before the first), escalations newest first, score history."""
        history = self._score_histories.get(code)
        return {
            "regency": code,
            "row": self.rows.get(code),
            "written_ms": self._written_ms.get(code),
            "escalations": list(reversed(self._by_regency.get(code, ()))),
            "trend": history.view() if history else None,
        }


def _parse_row(key: str, value: bytes) -> tuple[JsonObject, int]:
    """A risk row and its `as_of`. What the page computes with is checked, so that no row can stop the page."""
    row = _parse(value, RISK_SCHEMA, "regency", "name", "level", "score", "since", "as_of", "data_status")
    _check_member(row, "level", LEVELS)
    _check_member(row, "data_status", DATA_STATUSES)
    if row["regency"] != key or not _REGENCY.fullmatch(key):
        raise InvalidRecord(f"the row of {row['regency']!r:.40} has the key {key!r:.40}")
    if not isinstance(row["score"], int | float) or not isinstance(row["name"], str):
        raise InvalidRecord("score is not a number, or name not a text")
    _epoch_ms(row["since"])
    return row, _epoch_ms(row["as_of"])


def _parse(value: bytes, schema: str, *required: str) -> JsonObject:
    try:
        record = orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise InvalidRecord(f"not JSON: {error}") from None
    if not isinstance(record, dict):
        raise InvalidRecord("not a JSON object")
    if record.get("schema", schema) != schema:
        raise InvalidRecord(f"its schema is {record['schema']!r:.40}; this board reads {schema}: use a newer board")
    for name in required:
        if name not in record:
            raise InvalidRecord(f"field {name!r} is missing")
    return record


def _check_member(record: JsonObject, name: str, members: Collection[str]) -> None:
    if record[name] not in members:
        raise InvalidRecord(f"{name} is {record[name]!r:.40}, which this board does not know")


def _cut(record: JsonObject, fields: tuple[str, ...]) -> JsonObject:
    return {name: record[name] for name in fields if name in record}


def _epoch_ms(text: str) -> int:
    try:
        return int(datetime.fromisoformat(text).timestamp() * 1000)
    except (ValueError, TypeError):
        raise InvalidRecord(f"not an RFC 3339 time: {text!r:.40}") from None
