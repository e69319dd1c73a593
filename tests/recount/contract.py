"""The contract of an input record (docs/publishing.md), judged with `json`, `re` and `datetime` alone."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

CATEGORIES = {
    "logistics", "administration", "eligibility", "money_politics", "neutrality", "disinformation", "intimidation",
    "protest", "clash", "property_attack", "fatality", "natural_hazard", "data_integrity",
}  # fmt: skip
STATUSES = {"reported", "verified", "resolved", "retracted"}
VALUE_BYTES_MAX = 16 * 1024
FUTURE_MS = 10 * 60_000
TOO_OLD_MS = 365 * 86_400_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_SOURCE = re.compile(r"[a-z0-9-]{1,32}")
_REGENCY = re.compile(r"[0-9]{2}\.[0-9]{2}")
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")
_COMMON = {"event_id", "regency", "source"}
INCIDENT = _COMMON | {"incident_id", "revision", "category", "severity", "status", "occurred_at", "reported_at"}
TURNOUT = _COMMON | {"station", "registered", "voted", "as_of"}


class Verdict(NamedTuple):
    """A message that must be taken, or the reason for which the record must be rejected."""

    message: dict[str, Any] | None
    reason: str = ""


def judge(
    topic: str, value: bytes | None, headers: dict[str, bytes], roster: set[str], clock_ms: int, is_wall: bool = True
) -> Verdict:
    """The contract's verdict on a record of `incidents` or `turnout` that is read when the clock shows `clock_ms`.

    The wall clock, or the event clock, under which no record is from the future.
    """
    if not value:
        return Verdict(None, "invalid_json")
    if len(value) > VALUE_BYTES_MAX:
        return Verdict(None, "too_large")
    if value[:1] == b"\0" or _declares_other(headers):
        return Verdict(None, "unsupported_encoding")
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        return Verdict(None, "not_utf8")
    try:
        message = json.loads(text, object_pairs_hook=_pairs, parse_constant=_refuse)
        json.dumps(message, ensure_ascii=False).encode()  # raises for a lone surrogate
    except (ValueError, RecursionError) as error:
        # Python refuses to convert thousands of digits; the JSON is fine, the field is not.
        return Verdict(None, "schema" if "integer string conversion" in str(error) else "invalid_json")
    if not _fits(topic, message):
        return Verdict(None, "schema")
    return _by_roster_and_clock(message, roster, clock_ms, is_wall)


def ms(text: str) -> int:
    """RFC 3339 to epoch milliseconds, rounded down."""
    return (datetime.fromisoformat(text.upper()) - _EPOCH) // timedelta(milliseconds=1)


def event_ms(message: dict[str, Any]) -> int:
    """When it occurred, or as of when it was counted."""
    return ms(message["occurred_at"] if "occurred_at" in message else message["as_of"])


def _by_roster_and_clock(message: dict[str, Any], roster: set[str], clock_ms: int, is_wall: bool) -> Verdict:
    if message["regency"] not in roster:
        return Verdict(None, "unknown_regency")
    latest_ms = max(event_ms(message), ms(message["reported_at"]) if "reported_at" in message else 0)
    if is_wall and latest_ms > clock_ms + FUTURE_MS:
        return Verdict(None, "future")
    if event_ms(message) < clock_ms - TOO_OLD_MS:
        return Verdict(None, "too_old")
    return Verdict(message)


def _fits(topic: str, message: Any) -> bool:
    if not isinstance(message, dict):
        return False
    required = INCIDENT if topic == "incidents" else TURNOUT
    optional = {"station", "is_exercise"} if topic == "incidents" else {"revision", "is_exercise"}
    if not required <= message.keys() <= required | optional:
        return False
    return all(_field_fits(topic, name, value) for name, value in message.items()) and _times_fit(message)


def _field_fits(topic: str, name: str, value: Any) -> bool:
    if name in ("event_id", "incident_id"):
        return isinstance(value, str) and bool(_ID.fullmatch(value))
    if name == "station":
        absent = value is None and topic == "incidents"
        return absent or isinstance(value, str) and 1 <= len(value) <= 64
    if name == "source":
        return isinstance(value, str) and bool(_SOURCE.fullmatch(value))
    if name == "regency":
        return isinstance(value, str) and bool(_REGENCY.fullmatch(value))
    if name == "category":
        return isinstance(value, str) and value in CATEGORIES
    if name == "status":
        return isinstance(value, str) and value in STATUSES
    if name == "is_exercise":
        return isinstance(value, bool)
    if name in ("occurred_at", "reported_at", "as_of"):
        return isinstance(value, str) and _is_time(value)
    lowest, highest = {
        "severity": (1, 5), "revision": (1, 2**63 - 1), "registered": (1, 100_000), "voted": (0, 100_000)
    }[name]  # fmt: skip
    return type(value) is int and lowest <= value <= highest


def _times_fit(message: dict[str, Any]) -> bool:
    return "as_of" in message or ms(message["reported_at"]) >= ms(message["occurred_at"]) - 5 * 60_000


def _is_time(text: str) -> bool:
    if not _TIME.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(text.upper())
    except ValueError:
        return False
    return True


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a key is repeated")
    return dict(pairs)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON number")


def _declares_other(headers: dict[str, bytes]) -> bool:
    encoding = headers.get("content-encoding", b"").decode("latin-1")
    kind = headers.get("content-type", b"").decode("latin-1")
    return encoding not in ("", "identity", "utf-8") or kind.startswith(("application/cloudevents", "application/avro"))
