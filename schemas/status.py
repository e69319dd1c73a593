"""What a process of a deployment writes of itself to the topic `status`, under its name, every `EVERY_S` seconds.

Internal: written and read by Siaga only. JSON with a format number; a reader takes what it knows of a newer one.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import orjson

FORMAT = 1
#: How often a process writes it.
EVERY_S = 5.0
#: A process that has written nothing for so long has ended or is cut off.
GONE_AFTER_S = 20.0


@dataclass(frozen=True)
class StuckPart:
    """A part that makes no progress, as `agents.health.Stuck`."""

    part: str
    since_s: float
    reason: str
    advice: str


@dataclass(frozen=True)
class ProcessStatus:
    """One process at one time. `at_ms`: its wall clock. `partitions`: how many it reads, by stage; a worker without
    any stands by. `waiting`: what a sender's receiver does not take; not written by the first processes of format 1."""

    name: str
    role: str
    host: str
    version: str
    at_ms: int
    partitions: dict[str, int] = field(default_factory=dict)
    stuck: tuple[StuckPart, ...] = ()
    waiting: tuple[StuckPart, ...] = ()

    def record(self) -> bytes:
        """The value of its record."""
        return orjson.dumps({"format": FORMAT} | asdict(self))

    @classmethod
    def read(cls, value: bytes) -> "ProcessStatus":
        """Raises ValueError for what is none."""
        try:
            fields: dict[str, Any] = orjson.loads(value)
            stuck, waiting = _parts(fields["stuck"]), _parts(fields.get("waiting", ()))
            return cls(**{name: fields[name] for name in _FIELDS}, stuck=stuck, waiting=waiting)
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a status: {error}") from None


def _parts(found: Iterable[Mapping[str, Any]]) -> tuple[StuckPart, ...]:
    return tuple(StuckPart(**{name: one[name] for name in _STUCK_FIELDS}) for one in found)


_STUCK_FIELDS = ("part", "since_s", "reason", "advice")
_FIELDS = ("name", "role", "host", "version", "at_ms", "partitions")
