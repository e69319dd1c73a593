"""Which event ids a regency has seen: an 8-byte digest each, forgotten after the ruleset's horizon.

What one ledger frame brings is a segment, or several when it brings very much: the clock (8 bytes, big-endian milliseconds) and
the digests of the ids that were new. Segments are numbered, written to the state as they are, and expire whole. Two different ids share a
digest with a chance of n^2 / 2^65: 3 in 100 million for a million ids of one regency.
"""

from hashlib import blake2b

_DIGEST = 8
#: Digests in one segment: 64 KiB.
_LARGEST = 8_192


class EventIds:
    """Digests of one regency. `is_new` is the hot path."""

    __slots__ = ("last", "_seen", "_fresh", "_segments", "changed")

    def __init__(self) -> None:
        self.last = 0  # number of the newest segment
        self._seen: set[bytes] = set()
        self._fresh: list[bytes] = []
        self._segments: dict[int, bytes] = {}  # by number, in the order of their clocks
        self.changed: dict[int, bytes | None] = {}  # segments to write since the last drain; None is a tombstone

    def is_new(self, event_id: str) -> bool:
        """False for a repeat. Remembers the id."""
        digest = blake2b(event_id.encode(), digest_size=_DIGEST).digest()
        seen = self._seen
        if digest in seen:
            return False
        seen.add(digest)
        self._fresh.append(digest)
        return True

    def close_frame(self, clock_ms: int) -> None:
        """Turn the ids that were new since the last call into segments."""
        fresh = self._fresh
        if not fresh:
            return
        clock = clock_ms.to_bytes(_DIGEST, "big")
        for start in range(0, len(fresh), _LARGEST):
            self.last += 1
            self._segments[self.last] = self.changed[self.last] = clock + b"".join(fresh[start : start + _LARGEST])
        self._fresh = []

    def forget_before(self, horizon_ms: int) -> None:
        """Drop the segments whose clock is before the horizon."""
        expired = []
        for number, segment in self._segments.items():
            if int.from_bytes(segment[:_DIGEST], "big") >= horizon_ms:
                break
            expired.append(number)
        for number in expired:
            self._seen.difference_update(_digests(self._segments.pop(number)))
            self.changed[number] = None

    def restore(self, segments: dict[int, bytes]) -> None:
        """Take all stored segments, in any order."""
        for number in sorted(segments):
            self._segments[number] = segments[number]
            self._seen.update(_digests(segments[number]))

    def __len__(self) -> int:
        return len(self._seen)


def _digests(segment: bytes) -> list[bytes]:
    return [segment[start : start + _DIGEST] for start in range(_DIGEST, len(segment), _DIGEST)]
