"""The incident stream of the benchmarks: about 315 bytes of JSON per message, seeded, with duplicates and bad records.

Event time advances `step_ms` per message with up to 5 s of disorder; 3 % are exact repeats, 0.1 % are invalid. The
comparison with other stream processors uses the same mix, so that figures can be compared."""

import json
import random
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

from schemas.vocabulary import Category

WIB = timezone(timedelta(hours=7))
# Their order belongs to the seeded stream.
CATEGORIES = tuple(category.value for category in Category)
START_MS = int(datetime(2024, 11, 27, 6, tzinfo=WIB).timestamp() * 1000)


def stamp(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, WIB).isoformat(timespec="milliseconds")


def incident(rnd: random.Random, regency: str, severity: int, occurred_ms: int, reported_ms: int) -> dict[str, Any]:
    return {
        "event_id": f"{rnd.getrandbits(128):032x}",
        "incident_id": f"inc-{rnd.getrandbits(40):010x}",
        "revision": 1,
        "regency": regency,
        "category": rnd.choice(CATEGORIES),
        "severity": severity,
        "status": "reported",
        "occurred_at": stamp(occurred_ms),
        "reported_at": stamp(reported_ms),
        "source": f"desk-{rnd.randrange(40):02d}",
        "is_exercise": False,
    }


def past_day(count: int, regencies: list[str], seed: int = 7, step_ms: float = 50) -> Iterator[tuple[str, bytes]]:
    """`count` messages of a past election day as (regency, value), in order of arrival."""
    rnd = random.Random(seed)
    recent: list[tuple[str, bytes]] = []
    for n in range(count):
        if recent and rnd.random() < 0.03:
            yield rnd.choice(recent)
            continue
        regency = rnd.choice(regencies)
        occurred = START_MS + int(n * step_ms) - rnd.randrange(5000)
        severity = rnd.choices((1, 2, 3), (50, 35, 15))[0]
        message = incident(rnd, regency, severity, occurred, occurred + rnd.randrange(20_000, 120_000))
        if rnd.random() < 0.001:
            message["severity"] = 9
        value = json.dumps(message).encode()
        recent.append((regency, value))
        if len(recent) > 1000:
            recent.pop(0)
        yield regency, value
