"""Which messages a regency has seen: an 8-byte digest of each one's identity, forgotten after the ruleset's horizon.

A message's identity is its kind, whether it is a drill, its source and its event id, so that a drill or another source
cannot use up the id of a report. The same identity with another body is a defect of the publisher. A message that was
applied is known by what is held of it; one that was not, as a drill, has a second digest, of identity and body.

The new ids of one ledger frame are a segment, or several when they are very many: eight bytes (the format number in the
first, the clock in milliseconds in the other seven, big-endian) and then the digests. Segments are numbered, written to
the state as they are, and expire whole. Two different ids share a digest with a chance of n^2 / 2^65: 3 in 100 million
for a million ids of one regency.

Digests are looked up in buckets, one string of bytes each: twenty bytes a digest with its segment, where a set takes 83
to 146."""

from collections.abc import Iterable
from hashlib import blake2b

import orjson

from schemas.ledger import INCIDENT, TURNOUT, Entry
from streams.storage.format import FORMAT, check_number

_DIGEST = 8
_HEADER = 8
#: Digests in one segment: 64 KiB.
_LARGEST = 8_192
#: Bytes of one bucket at which all buckets are split: a search in fewer takes less time than the digest of an id.
_FULL = 48 * _DIGEST
#: Digests per bucket, on average, when the buckets are made.
_USUAL = 16
_BITS = 16  # of a digest that may choose its bucket
_SPLIT_BITS = 2
_SOURCE_AT = {INCIDENT: 11, TURNOUT: 8}  # index of `source` in a report; `is_exercise` follows


def identity_of(entry: Entry) -> str:
    """What makes a report one and the same: for one that is no drill `<kind> <source> <event id>`."""
    kind, source_at = entry[0], _SOURCE_AT[entry[0]]
    source, is_exercise = entry[source_at : source_at + 2]
    return f"{kind}{'x' if is_exercise else ''} {source} {entry[2]}"


def with_body_of(entry: Entry) -> str:
    """A report's identity, and what a repeat of it has in common with it besides."""
    return identity_of(entry) + " " + orjson.dumps(entry[3 : _SOURCE_AT[entry[0]]]).decode()


class EventIds:
    """Digests of one regency. `is_new` is the hot path; identities are those of `identity_of` and `with_body_of`."""

    __slots__ = ("last", "_most", "_held", "_changed", "_buckets", "_shift", "_fresh", "_segments")

    def __init__(self, most: int = 2**63) -> None:
        """`most`: how many are remembered; beyond that the oldest are forgotten."""
        self._most = most
        self._held = 0  # in segments
        self.last = 0  # number of the newest segment
        self._changed: dict[int, bytes | None] = {}  # segments to write since the last drain; None is a tombstone
        self._buckets: list[bytes] = []  # by the first bits of the digest; empty until the first look-up
        self._shift = _BITS  # the first sixteen bits of a digest, shifted by so many, are the number of its bucket
        self._fresh: list[bytes] = []  # digests that were new since the last frame ended
        self._segments: dict[int, bytes] = {}  # by number, in the order of their clocks

    def is_new(self, identity: str) -> bool:
        """False for a repeat. Remembers the message."""
        digest = blake2b(identity.encode(), digest_size=_DIGEST).digest()
        buckets = self._buckets or self._read()
        number = (digest[0] << 8 | digest[1]) >> self._shift
        bucket = buckets[number]
        if digest in bucket and _position(bucket, digest) >= 0:
            return False
        buckets[number] = bucket + digest
        self._fresh.append(digest)
        if len(bucket) >= _FULL and self._shift:
            self._split()
        return True

    def is_known(self, identity: str) -> bool:
        """Whether the message was seen; remembers nothing."""
        digest = blake2b(identity.encode(), digest_size=_DIGEST).digest()
        buckets = self._buckets or self._read()
        return _position(buckets[(digest[0] << 8 | digest[1]) >> self._shift], digest) >= 0

    def close_frame(self, clock_ms: int) -> None:
        """Turn the ids that were new since the last call into segments."""
        fresh = self._fresh
        if not fresh:
            return
        header = bytes([FORMAT]) + clock_ms.to_bytes(_HEADER - 1, "big")
        for start in range(0, len(fresh), _LARGEST):
            self.last += 1
            self._segments[self.last] = self._changed[self.last] = header + b"".join(fresh[start : start + _LARGEST])
        self._held += len(fresh)
        self._fresh = []
        if self._held > self._most:
            self._forget_oldest()

    def forget_before(self, horizon_ms: int) -> None:
        """Drop the segments whose clock is before the horizon."""
        expired = []
        for number, segment in self._segments.items():
            if int.from_bytes(segment[1:_HEADER], "big") >= horizon_ms:
                break
            expired.append(number)
        for number in expired:
            self._drop(number)

    def _forget_oldest(self) -> None:
        """Drop segments from the oldest on until no more than `most` ids are left."""
        for number in list(self._segments):
            if self._held <= self._most:
                break
            self._drop(number)

    def _drop(self, number: int) -> None:
        segment = self._segments.pop(number)
        self._changed[number] = None
        self._held -= (len(segment) - _HEADER) // _DIGEST
        if self._buckets:
            self._remove(_digests(segment))

    def drain(self) -> dict[int, bytes | None]:
        """Segments to write since the last drain, by number; None is a tombstone."""
        changed, self._changed = self._changed, {}
        return changed

    def restore(self, last: int, segments: dict[int, bytes]) -> None:
        """Take all stored segments, in any order, and the number of the newest there ever was. They are read at the
        first look-up: most regencies have no look-up for long. Raises UnknownFormat.
        """
        for segment in segments.values():
            check_number(segment[0])
        self.last = last
        self._segments.update(sorted(segments.items()))
        self._held = sum((len(segment) - _HEADER) // _DIGEST for segment in segments.values())

    def __len__(self) -> int:
        return len(self._fresh) + self._held

    def _read(self) -> list[bytes]:
        """Make the buckets of what the segments hold."""
        while self._shift and len(self) > _USUAL << (_BITS - self._shift):
            self._shift -= _SPLIT_BITS
        self._fill(digest for segment in self._segments.values() for digest in _digests(segment))
        return self._buckets

    def _split(self) -> None:
        self._shift -= _SPLIT_BITS
        self._fill(digest for bucket in self._buckets for digest in _digests(bucket, 0))

    def _fill(self, digests: Iterable[bytes]) -> None:
        parts: list[list[bytes]] = [[] for _ in range(1 << (_BITS - self._shift))]
        shift = self._shift
        for digest in digests:
            parts[(digest[0] << 8 | digest[1]) >> shift].append(digest)
        self._buckets = [b"".join(part) for part in parts]

    def _remove(self, digests: Iterable[bytes]) -> None:
        buckets, shift = self._buckets, self._shift
        for digest in digests:
            number = (digest[0] << 8 | digest[1]) >> shift
            bucket = buckets[number]
            position = _position(bucket, digest)
            buckets[number] = bucket[:position] + bucket[position + _DIGEST :]


def _position(bucket: bytes, digest: bytes) -> int:
    """Where a digest lies in a bucket, or -1. Bytes that overlap two digests are no match."""
    position = bucket.find(digest)
    while position > 0 and position % _DIGEST:
        position = bucket.find(digest, position + 1)
    return position


def _digests(held: bytes, start: int = _HEADER) -> list[bytes]:
    """The digests of a segment, or from `start` on."""
    return [held[at : at + _DIGEST] for at in range(start, len(held), _DIGEST)]
