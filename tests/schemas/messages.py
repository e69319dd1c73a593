"""Good messages to start from, and strategies that draw only good ones."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from schemas.fields import REVISION_MAX
from schemas.incident import INCIDENT_SCHEMA
from schemas.personal_data import found_in
from schemas.turnout import TURNOUT_SCHEMA
from schemas.vocabulary import Category, Status

# On a shared machine a slow example is no defect; pytest-timeout bounds the whole test.
unhurried = settings(deadline=None)

INCIDENT: dict[str, Any] = {
    "event_id": "e-1",
    "incident_id": "i-1",
    "revision": 1,
    "regency": "16.71",
    "station": "TPS 012",
    "category": "intimidation",
    "severity": 3,
    "status": "reported",
    "occurred_at": "2024-11-27T08:40:00+07:00",
    "reported_at": "2024-11-27T08:52:10.250+07:00",
    "source": "bawaslu-sumsel",
    "is_exercise": False,
}
TURNOUT: dict[str, Any] = {
    "event_id": "t-1",
    "regency": "16.71",
    "station": "TPS 012",
    "registered": 548,
    "voted": 131,
    "as_of": "2024-11-27T09:00:00+07:00",
    "revision": 1,
    "source": "kpu-sumsel",
    "is_exercise": False,
}


def incident(**changes: Any) -> bytes:
    return json.dumps(INCIDENT | changes, ensure_ascii=False).encode()


def turnout(**changes: Any) -> bytes:
    return json.dumps(TURNOUT | changes, ensure_ascii=False).encode()


def without(message: dict[str, Any], field: str) -> bytes:
    return json.dumps({name: value for name, value in message.items() if name != field}).encode()


ids = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=128).filter(
    lambda text: not found_in(text)
)
sources = st.text("abcxyz0189-", min_size=1, max_size=32)
villages = st.from_regex(r"\A[0-9]{2}\.[0-9]{2}\.[0-9]{2}\.[0-9]{4}\Z")
stations = st.text(st.characters(codec="utf-8"), min_size=1, max_size=64).filter(lambda text: not found_in(text))
revisions = st.integers(1, REVISION_MAX)
_offsets = st.integers(-23 * 60 - 59, 23 * 60 + 59).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=_offsets | st.just(UTC))


@st.composite
def incidents(draw: st.DrawFn) -> dict[str, Any]:
    """Fields of a valid incident; those that may be left out are present or not."""
    occurred = draw(moments)
    fields: dict[str, Any] = {
        "event_id": draw(ids),
        "incident_id": draw(ids),
        "revision": draw(revisions),
        "regency": draw(st.from_regex(r"\A[0-9]{2}\.[0-9]{2}\Z")),
        "category": draw(st.sampled_from([word.value for word in Category])),
        "severity": draw(st.integers(1, 5)),
        "status": draw(st.sampled_from([word.value for word in Status])),
        "occurred_at": occurred.isoformat(),
        "reported_at": (occurred + draw(st.timedeltas(timedelta(minutes=-5), timedelta(days=30)))).isoformat(),
        "source": draw(sources),
    }
    optional = {
        "schema": INCIDENT_SCHEMA,
        "origin": draw(sources | st.none()),
        "village": draw(villages | st.none()),
        "station": draw(stations | st.none()),
        "is_exercise": draw(st.booleans()),
    }
    return fields | {name: value for name, value in optional.items() if draw(st.booleans())}


@st.composite
def turnouts(draw: st.DrawFn) -> dict[str, Any]:
    """Fields of a valid turnout message; those that may be left out are present or not."""
    fields: dict[str, Any] = {
        "event_id": draw(ids),
        "regency": draw(st.from_regex(r"\A[0-9]{2}\.[0-9]{2}\Z")),
        "station": draw(stations),
        "registered": draw(st.integers(1, 100_000)),
        "voted": draw(st.integers(0, 100_000)),
        "as_of": draw(moments).isoformat(),
        "source": draw(sources),
    }
    optional = {
        "schema": TURNOUT_SCHEMA,
        "village": draw(villages | st.none()),
        "revision": draw(revisions),
        "is_exercise": draw(st.booleans()),
    }
    return fields | {name: value for name, value in optional.items() if draw(st.booleans())}
