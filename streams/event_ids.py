"""Which event ids a regency has seen: an 8-byte digest each, forgotten after the ruleset's horizon.

A ledger frame adds at most one segment: the clock at its end (8 bytes, big-endian milliseconds) and the digests of the
ids that were new in it. Segments are written to the state as they are and expire whole. Two different ids share a
digest with a chance of n^2 / 2^65: 3 in 100 million for a million ids of one regency.
"""

from hashlib import blake2b

_DIGEST = 8


class EventIds:
    """Digests of one regency. `is_new` is the hot path."""

    __slots__ = ("_seen", "_fresh", "_segments", "changed")

    def __init__(self) -> None:
        self._seen: set[bytes] = set()
        self._fresh: list[bytes] = []
        self._segments: dict[int, bytes] = {}  # by ledger offset, in the order of their clocks
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

    def close_frame(self, offset: int, clock_ms: int) -> None:
        """Turn the ids of the frame at this ledger offset into a segment; folded in parts, it adds to its own."""
        if self._fresh:
            earlier = self._segments.pop(offset, b"")[_DIGEST:]
            segment = clock_ms.to_bytes(_DIGEST, "big") + earlier + b"".join(self._fresh)
            self._fresh = []
            self._segments[offset] = self.changed[offset] = segment

    def forget_before(self, horizon_ms: int) -> None:
        """Drop the segments whose clock is before the horizon."""
        expired = []
        for offset, segment in self._segments.items():
            if int.from_bytes(segment[:_DIGEST], "big") >= horizon_ms:
                break
            expired.append(offset)
        for offset in expired:
            self._seen.difference_update(_digests(self._segments.pop(offset)))
            self.changed[offset] = None

    def restore(self, segments: dict[int, bytes]) -> None:
        """Take all stored segments, in any order."""
        for offset in sorted(segments, key=lambda offset: (segments[offset][:_DIGEST], offset)):
            self._segments[offset] = segments[offset]
            self._seen.update(_digests(segments[offset]))

    def __len__(self) -> int:
        return len(self._seen)


def _digests(segment: bytes) -> list[bytes]:
    return [segment[start : start + _DIGEST] for start in range(_DIGEST, len(segment), _DIGEST)]
