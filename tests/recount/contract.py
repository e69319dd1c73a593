"""The contract of an input record (docs/publishing.md), judged with the standard library alone."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from tests.recount.cloud_event import message_of
from tests.recount.personal import holds_personal_number
from tests.recount.sources import DEFAULT_SOURCES, Sources, Speaker
from tests.recount.stations import canonical, has_control, is_village

CATEGORIES = {
    "logistics", "administration", "eligibility", "money_politics", "neutrality", "disinformation", "intimidation",
    "protest", "clash", "property_attack", "fatality", "natural_hazard", "data_integrity",
}  # fmt: skip
STATUSES = {"reported", "verified", "resolved", "retracted"}
VALUE_BYTES_MAX = 16 * 1024
#: Arrays and objects in each other.
NESTING_MAX = 200
FUTURE_MS = 10 * 60_000
#: Characters of a station in the compared form, and as it is sent, with its blanks.
STATION_MOST, STATION_AS_SENT_MOST = 64, 256
TOO_OLD_MS = 365 * 86_400_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ID = re.compile(r"[!-~]{1,128}")
_SOURCE = re.compile(r"[a-z0-9-]{1,32}")
_REGENCY = re.compile(r"[0-9]{2}\.[0-9]{2}")
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")
_SCHEMA = re.compile(r"siaga\.([a-z_]+)/([0-9]+)")
_COMMON = {"event_id", "regency", "source"}
_OPTIONAL = {"schema", "village", "is_exercise"}
INCIDENT = _COMMON | {"incident_id", "revision", "category", "severity", "status", "occurred_at", "reported_at"}
TURNOUT = _COMMON | {"station", "registered", "voted", "as_of"}
ENVELOPE = b"application/cloudevents+json"
VERSION, SINGULAR = "2", {"incidents": "incident", "turnout": "turnout"}
#: Optional fields for which null says the same as leaving them out.
MAY_BE_NULL = {"incidents": {"village", "station", "origin"}, "turnout": {"village"}}


class Verdict(NamedTuple):
    """A message that must be taken and who says it, or the reason for which the record must be rejected."""

    message: dict[str, Any] | None
    reason: str = ""
    speaker: Speaker = Speaker("", 0)


def judge(
    topic: str,
    value: bytes | None,
    headers: dict[str, bytes],
    roster: set[str],
    clock_ms: int,
    wall_ms: int | None = None,
    sources: Sources = DEFAULT_SOURCES,
) -> Verdict:
    """The contract's verdict on a record of `incidents`, `turnout` or one of a publisher's own topics that is read when
    the clock shows `clock_ms`, and the wall clock, if that is another one, `wall_ms`.
    """
    if not value:
        return Verdict(None, "invalid_json")
    if len(value) > VALUE_BYTES_MAX:
        return Verdict(None, "too_large")
    if _declares_other(headers):
        return Verdict(None, "unsupported_encoding")
    is_envelope = headers.get("content-type", b"").startswith(ENVELOPE)
    message, reason = _read(value, is_envelope)
    kind = topic.partition(".")[0]
    if not reason and isinstance(message, dict) and _is_of_other_version(kind, message.get("schema")):
        reason = "unsupported_version"
    if not reason and not _fits(kind, message):
        reason = "schema"
    if reason:
        return Verdict(None, reason)
    if reason := _by_place_and_person(message, roster):
        return Verdict(None, reason)
    speaker = sources.speaker(message["source"], topic, message["regency"])
    if speaker is None:
        return Verdict(None, "source_not_allowed")
    reason = _by_clock(message, clock_ms, clock_ms if wall_ms is None else wall_ms)
    return Verdict(None, reason) if reason else Verdict(message, "", speaker)


def _nesting(text: str) -> int:
    """How deep arrays and objects go, brackets in strings left out."""
    depth = deepest = 0
    is_string = is_escaped = False
    for letter in text:
        if is_string:
            is_string = is_escaped or letter != '"'
            is_escaped = letter == "\\" and not is_escaped
        elif letter == '"':
            is_string = True
        elif letter in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif letter in "]}":
            depth -= 1
    return deepest


def _read(value: bytes, is_envelope: bool) -> tuple[Any, str]:
    """The JSON of a value, or of the message in the envelope that it is; or the reason for which it is none."""
    if value[:1] == b"\0" and not is_envelope:
        return None, "unsupported_encoding"
    try:
        if _nesting(value.decode("utf-8")) > NESTING_MAX:
            return None, "invalid_json"
        message = json.loads(value.decode("utf-8"), object_pairs_hook=_pairs, parse_constant=_refuse)
        if is_envelope:
            message, content, reason = message_of(message)
            if reason or content is not None:
                return (None, reason) if content is None else _read(content, is_envelope=False)
        json.dumps(message, ensure_ascii=False).encode()  # raises for a lone surrogate
    except UnicodeDecodeError:
        return None, "not_utf8"
    except ValueError as error:
        # Python refuses to convert thousands of digits; the JSON is fine, the field is not.
        return None, "schema" if "integer string conversion" in str(error) else "invalid_json"
    return message, ""


def ms(text: str) -> int:
    """RFC 3339 to epoch milliseconds, rounded down."""
    return (datetime.fromisoformat(text.upper()) - _EPOCH) // timedelta(milliseconds=1)


def event_ms(message: dict[str, Any]) -> int:
    """When it occurred, or as of when it was counted."""
    return ms(message["occurred_at"] if "occurred_at" in message else message["as_of"])


def _by_place_and_person(message: dict[str, Any], roster: set[str]) -> str:
    if message["regency"] not in roster:
        return "unknown_regency"
    if not (message.get("village") or message["regency"] + ".").startswith(message["regency"] + "."):
        return "unknown_village"
    told = (message.get(name) or "" for name in ("event_id", "incident_id", "station"))
    return "personal_data" if any(map(holds_personal_number, told)) else ""


def _by_clock(message: dict[str, Any], clock_ms: int, wall_ms: int) -> str:
    latest_ms = max(event_ms(message), ms(message["reported_at"]) if "reported_at" in message else 0)
    if latest_ms > wall_ms + FUTURE_MS:
        return "future"
    return "too_old" if event_ms(message) < clock_ms - TOO_OLD_MS else ""


def _is_of_other_version(kind: str, schema: Any) -> bool:
    """Of this kind of message, in a version that is not this one."""
    told = _SCHEMA.fullmatch(schema) if isinstance(schema, str) else None
    return told is not None and told[1] == SINGULAR[kind] and told[2] != VERSION


def _fits(kind: str, message: Any) -> bool:
    if not isinstance(message, dict):
        return False
    required = INCIDENT if kind == "incidents" else TURNOUT
    optional = _OPTIONAL | ({"station", "origin"} if kind == "incidents" else {"revision"})
    if not required <= message.keys() <= required | optional:
        return False
    return all(_field_fits(kind, name, value) for name, value in message.items()) and _times_fit(message)


def _field_fits(kind: str, name: str, value: Any) -> bool:
    if value is None and name in MAY_BE_NULL[kind]:
        return True
    if name in ("event_id", "incident_id"):
        return isinstance(value, str) and bool(_ID.fullmatch(value))
    if name == "schema":
        return bool(value == f"siaga.{SINGULAR[kind]}/{VERSION}")
    if name == "station":
        is_plain = isinstance(value, str) and len(value) <= STATION_AS_SENT_MOST and not has_control(value)
        return is_plain and 1 <= len(canonical(value)) <= STATION_MOST
    if name == "village":
        return isinstance(value, str) and is_village(value)
    if name in ("source", "origin"):
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
        "severity": (1, 5), "revision": (1, 2**53 - 1), "registered": (1, 100_000), "voted": (0, 100_000)
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
    return encoding not in ("", "identity", "utf-8") or kind.startswith(
        ("application/cloudevents-batch", "application/avro")
    )
