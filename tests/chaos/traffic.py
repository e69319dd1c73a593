"""A seeded stream of input records: incidents and turnout with all that real publishers do to them.

Duplicates, reorders, revisions, retractions, exercises, late reports, and a share of bad records. Nothing is near a
limit of the clock, so that every record can be judged by its append time.
"""

import json
import random
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta, timezone
from typing import NamedTuple

CATEGORIES = (
    "logistics", "administration", "eligibility", "money_politics", "clash", "intimidation", "property_attack",
)  # fmt: skip
SOURCES = ("kpu-sumsel", "bawaslu", "polda", "pantau-1", "pantau-2")
#: The police may not report turnout by the packaged sources file.
COUNTING = tuple(source for source in SOURCES if source != "polda")
SEVERITIES = (1, 1, 1, 1, 2, 2, 3, 3, 4, 5)
_WIB = timezone(timedelta(hours=7))


class Message(NamedTuple):
    topic: str
    key: bytes
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


def rfc3339(at_s: float) -> str:
    """Whole milliseconds, so that rounding does not matter."""
    return datetime.fromtimestamp(round(at_s, 3), _WIB).isoformat(timespec="milliseconds")


def station(number: int) -> str:
    """A quarter each end like the state's key of a regency's head and of a province's row, for a name is free text."""
    return f"TPS-{number:03d}{('', '', '/h', '/p')[number % 4]}"


def incident(name: str, regency: str, at_s: float, **changes: object) -> bytes:
    message = {
        "event_id": name,
        "incident_id": name,
        "revision": 1,
        "regency": regency,
        "category": "logistics",
        "severity": 1,
        "status": "reported",
        "occurred_at": rfc3339(at_s),
        "reported_at": rfc3339(at_s + 1),
        "source": "kpu-sumsel",
    }
    return json.dumps(message | changes).encode()


def turnout(name: str, regency: str, at_s: float, **changes: object) -> bytes:
    message = {
        "event_id": name,
        "regency": regency,
        "station": "TPS-001",
        "registered": 300,
        "voted": 100,
        "as_of": rfc3339(at_s),
        "source": "kpu-sumsel",
    }
    return json.dumps(message | changes).encode()


class Traffic:
    """Endless messages. Same seed, same decisions; event times follow `clock`, in seconds."""

    def __init__(
        self,
        seed: int,
        codes: Sequence[str],
        bad_share: float = 0.04,
        name: str = "m",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._clock = clock
        self._rnd = random.Random(f"traffic-{seed}-{name}")
        self._codes, self._bad_share, self._name = list(codes), bad_share, name
        self._count = 0
        self._held: list[tuple[int, Message]] = []
        self._recent: list[Message] = []
        self._incidents: list[tuple[str, str, int, float]] = []

    def next(self) -> Message:
        """One message; now and then one is held back and comes up to 60 messages later."""
        if self._held and self._held[0][0] <= self._count:
            return self._held.pop(0)[1]
        message = self._make()
        if self._rnd.random() < 0.05:
            self._held.append((self._count + self._rnd.randrange(2, 60), message))
            self._held.sort(key=lambda item: item[0])
            message = self._make()
        return message

    def _make(self) -> Message:
        self._count += 1
        rnd, dice = self._rnd, self._rnd.random()
        if dice < self._bad_share:
            return self._bad()
        if dice < self._bad_share + 0.06 and self._recent:
            return rnd.choice(self._recent)
        message = self._incident() if rnd.random() < 0.55 else self._turnout()
        self._recent = [*self._recent[-199:], message]
        return message

    def _incident(self) -> Message:
        rnd, name = self._rnd, f"{self._name}-{self._count}"
        if self._incidents and rnd.random() < 0.25:
            return self._revision(name)
        regency = rnd.choice(self._codes)
        at_s = self._clock() - (rnd.uniform(24.5, 40) * 3600 if rnd.random() < 0.03 else rnd.expovariate(1 / 1800))
        exercise = rnd.random() < 0.04
        changes = {
            "category": rnd.choice(CATEGORIES),
            "severity": rnd.choice(SEVERITIES),
            "source": rnd.choice(SOURCES),
        }
        if rnd.random() < 0.5:
            changes["station"] = f"TPS-{rnd.randrange(400):03d}"
        if exercise:
            changes["is_exercise"] = True
        else:
            self._incidents = [*self._incidents[-499:], (name, regency, 1, at_s)]
        return Message("incidents", regency.encode(), incident(name, regency, at_s, **changes))

    def _revision(self, name: str) -> Message:
        """The next revision of an incident, or one that skips some: what comes between may never come."""
        rnd = self._rnd
        index = rnd.randrange(len(self._incidents))
        incident_id, regency, revision, at_s = self._incidents[index]
        revision += rnd.choice((1, 1, 1, 2))
        self._incidents[index] = (incident_id, regency, revision, at_s)
        changes = {
            "incident_id": incident_id,
            "revision": revision,
            "category": rnd.choice(CATEGORIES),
            "severity": rnd.choice(SEVERITIES),
            "status": rnd.choice(("verified", "verified", "resolved", "retracted", "reported")),
            "source": rnd.choice(SOURCES),
        }
        return Message("incidents", regency.encode(), incident(name, regency, at_s, **changes))

    def _turnout(self) -> Message:
        rnd, regency = self._rnd, self._rnd.choice(self._codes)
        changes = {
            "station": station(rnd.randrange(300)),
            "voted": rnd.randrange(320),
            "registered": rnd.choice((250, 280, 300)),
            "source": rnd.choice(COUNTING),
            "revision": rnd.choice((1, 1, 2)),
        }
        if rnd.random() < 0.04:
            changes["is_exercise"] = True
        at_s = self._clock() - rnd.expovariate(1 / 600)
        return Message("turnout", regency.encode(), turnout(f"{self._name}-t{self._count}", regency, at_s, **changes))

    def _bad(self) -> Message:
        rnd = self._rnd
        topic = rnd.choice(("incidents", "turnout"))
        make = incident if topic == "incidents" else turnout
        good = make(f"{self._name}-b{self._count}", rnd.choice(self._codes), self._clock())
        value, headers = rnd.choice(self._kinds())(make, good)
        return Message(topic, rnd.choice((b"16.71", b"", b"\xff\x00", b"k" * 300)), value, headers)

    def _kinds(self) -> list:
        now, name, rnd = self._clock(), f"{self._name}-b{self._count}", self._rnd
        return [
            lambda make, good: (b"\xff\xfe" + good, ()),
            lambda make, good: (good[:-1], ()),
            lambda make, good: (b"", ()),
            lambda make, good: (None, ()),
            lambda make, good: (b"null", ()),
            lambda make, good: (b"[" * 3000 + b"]" * 3000, ()),
            lambda make, good: (b"\x00\x00\x00\x00\x07" + good, ()),
            lambda make, good: (good[:-1] + b', "source": "twice"}', ()),
            lambda make, good: (good[:-1] + b', "note": "free text"}', ()),
            lambda make, good: (make(name, "99.99", now), ()),
            lambda make, good: (make(name, "16.71", now + 2 * 3600), ()),
            lambda make, good: (make(name, "16.71", now - 400 * 86400), ()),
            lambda make, good: (make(name, "16.71", now, source="x" * 20_000), ()),
            lambda make, good: (rnd.randbytes(rnd.choice((17_000, 60_000))), ()),
            lambda make, good: (good, (("content-encoding", b"gzip"),)),
        ]
