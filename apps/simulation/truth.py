"""What really happened on a simulated day: the truth that detectors are scored against.

Times are integer milliseconds since the Unix epoch in memory and RFC 3339 with the day's offset in JSON.
"""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta, timezone
from typing import Any


@dataclass(frozen=True)
class FlareUp:
    """One flare-up in one regency: `size` incidents occurred, `reported` of them were ever reported.

    `spread_of` is the id of the flare-up it spilled over from; a spill-over is a flare-up of its own."""

    id: str
    regency: str
    kind: str
    onset_ms: int
    end_ms: int
    size: int
    reported: int
    band: str
    spread_of: str | None = None


@dataclass(frozen=True)
class OtherEvent:
    """An event other than a flare-up: `serious`, `hoax`, `exercise`, `silence` or `doubled`.

    `serious` is one real incident of severity 4 or 5: to raise for it is no error, not to raise for it is no miss. For
    `hoax` and `exercise` a detector must not raise. `silence` is a source that delivers nothing for a while; its
    regency is None. `doubled` is an incident that several agencies reported under numbers of their own; its note lists
    them as `origin number`, separated by commas."""

    kind: str
    regency: str | None
    onset_ms: int
    end_ms: int
    note: str = ""


@dataclass(frozen=True)
class Truth:
    """The truth of one day, or of several, over all regencies of a roster. `start_ms` is the first local midnight."""

    seed: int | None
    start_ms: int
    regencies: tuple[str, ...]
    flareups: tuple[FlareUp, ...] = ()
    others: tuple[OtherEvent, ...] = ()
    days: int = 1

    def as_json(self, offset_min: int) -> dict[str, Any]:
        """The truth as JSON types. `offset_min` is the local UTC offset in minutes."""
        return {
            "seed": self.seed,
            "start": rfc3339(self.start_ms, offset_min),
            "regencies": list(self.regencies),
            "flareups": [_timed(asdict(item), offset_min) for item in self.flareups],
            "others": [_timed(asdict(item), offset_min) for item in self.others],
        }


def _timed(item: dict[str, Any], offset_min: int) -> dict[str, Any]:
    times = {"onset": rfc3339(item.pop("onset_ms"), offset_min), "end": rfc3339(item.pop("end_ms"), offset_min)}
    return item | times


def rfc3339(at_ms: int, offset_min: int = 0) -> str:
    """Milliseconds since the epoch as RFC 3339 text, milliseconds kept only where there are some."""
    zone = timezone(timedelta(minutes=offset_min))
    moment = datetime.fromtimestamp(at_ms // 1000, zone).replace(microsecond=at_ms % 1000 * 1000)
    return moment.isoformat(timespec="milliseconds" if at_ms % 1000 else "seconds")


def epoch_ms(text: str) -> int:
    """RFC 3339 text with offset as milliseconds since the epoch. Raises ValueError when the offset is missing."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"time {text!r} has no offset")
    return round(moment.timestamp() * 1000)
