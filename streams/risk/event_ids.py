"""Which messages a regency has seen: a digest of each one's identity and a checksum of its body, forgotten after the
ruleset's horizon.

A message's identity is its kind, whether it is a drill, its source and its event id, so that a drill or
another source cannot use up the id of a report. The same identity with another body is a defect of the publisher.

The new messages of one ledger frame are a segment, or several when they are very many: eight bytes (the format number
in the first, the clock in milliseconds in the other seven, big-endian) and then twelve for each message: eight of
digest, four of checksum. Segments are numbered, written to the state as they are, and expire whole. Two identities
share a digest with a chance of n^2 / 2^65: 3 in 100 million for a million messages of one regency. Another body goes
unnoticed in one of 2^32.

Digests are looked up in buckets, one string of bytes each: some thirty bytes a message with its segment, where a set
takes 83 to 146."""

from collections.abc import Iterable
from hashlib import blake2b
from typing import Any
from zlib import crc32

import orjson

from schemas.ledger import INCIDENT, TURNOUT, Entry
from streams.storage.format import FORMAT, UnknownFormat

_DIGEST = 8
_CHECK = 4
_MESSAGE = _DIGEST + _CHECK
_HEADER = 8
#: Messages in one segment: 96 KiB.
_LARGEST = 8_192
#: Bytes of one bucket at which all buckets are split: a search in fewer takes less time than the digest of an id.
_FULL = 48 * _MESSAGE
#: Messages per bucket, on average, when the buckets are made.
_USUAL = 16
_BITS = 16  # of a digest that may choose its bucket
_SPLIT_BITS = 2


_SOURCE_AT = {INCIDENT: 11, TURNOUT: 8}  # index of `source` in a report; `is_exercise` follows


def identity_of(entry: Entry) -> str:
    """What makes a report one and the same: for one that is no drill `<kind> <source> <event id>`."""
    kind, source_at = entry[0], _SOURCE_AT[entry[0]]
    source, is_exercise = entry[source_at : source_at + 2]
    return f"{kind}{'x' if is_exercise else ''} {source} {entry[2]}"


def body_of(entry: Entry) -> list[Any]:
    """What a repeat of a report has in common with it, besides its identity."""
    return entry[3 : _SOURCE_AT[entry[0]]]


class EventIds:
    """The messages of one regency. `is_new` is the hot path."""

    __slots__ = ("last", "_changed", "_buckets", "_shift", "_fresh", "_segments")

    def __init__(self) -> None:
        self.last = 0  # number of the newest segment
        self._changed: dict[int, bytes | None] = {}  # segments to write since the last drain; None is a tombstone
        self._buckets: list[bytes] = []  # by the first bits of the digest; empty until the first look-up
        self._shift = _BITS  # the first sixteen bits of a digest, shifted by so many, are the number of its bucket
        self._fresh: list[bytes] = []  # messages that were new since the last frame ended
        self._segments: dict[int, bytes] = {}  # by number, in the order of their clocks

    def is_new(self, identity: str, body: list[Any]) -> bool:
        """False for a repeat. Remembers the message: its identity and the checksum of its other fields."""
        digest = blake2b(identity.encode(), digest_size=_DIGEST).digest()
        buckets = self._buckets or self._read()
        number = (digest[0] << 8 | digest[1]) >> self._shift
        bucket = buckets[number]
        if digest in bucket and _position(bucket, digest) >= 0:
            return False
        message = digest + _check(body)
        buckets[number] = bucket + message
        self._fresh.append(message)
        if len(bucket) >= _FULL and self._shift:
            self._split()
        return True

    def is_repeat(self, identity: str, body: list[Any]) -> bool:
        """Whether a message that is not new has the body that was seen first."""
        digest = blake2b(identity.encode(), digest_size=_DIGEST).digest()
        bucket = (self._buckets or self._read())[(digest[0] << 8 | digest[1]) >> self._shift]
        start = _position(bucket, digest) + _DIGEST
        return bucket[start : start + _CHECK] == _check(body)

    def close_frame(self, clock_ms: int) -> None:
        """Turn the ids that were new since the last call into segments."""
        fresh = self._fresh
        if not fresh:
            return
        header = bytes([FORMAT]) + clock_ms.to_bytes(_HEADER - 1, "big")
        for start in range(0, len(fresh), _LARGEST):
            self.last += 1
            self._segments[self.last] = self._changed[self.last] = header + b"".join(fresh[start : start + _LARGEST])
        self._fresh = []

    def forget_before(self, horizon_ms: int) -> None:
        """Drop the segments whose clock is before the horizon."""
        expired = []
        for number, segment in self._segments.items():
            if int.from_bytes(segment[1:_HEADER], "big") >= horizon_ms:
                break
            expired.append(number)
        for number in expired:
            segment = self._segments.pop(number)
            self._changed[number] = None
            if self._buckets:
                self._remove(_messages(segment))

    def drain(self) -> dict[int, bytes | None]:
        """Segments to write since the last drain, by number; None is a tombstone."""
        changed, self._changed = self._changed, {}
        return changed

    def restore(self, last: int, segments: dict[int, bytes]) -> None:
        """Take all stored segments, in any order, and the number of the newest there ever was. They are read at the
        first look-up: most regencies have no look-up for long. Raises UnknownFormat.
        """
        for segment in segments.values():
            if segment[0] != FORMAT:
                raise UnknownFormat(f"event ids of format {segment[0]}, this version reads {FORMAT}")
        self.last = last
        self._segments.update(sorted(segments.items()))

    def __len__(self) -> int:
        held = sum((len(segment) - _HEADER) // _MESSAGE for segment in self._segments.values())
        return len(self._fresh) + held

    def _read(self) -> list[bytes]:
        """Make the buckets of what the segments hold."""
        while self._shift and len(self) > _USUAL << (_BITS - self._shift):
            self._shift -= _SPLIT_BITS
        self._fill(message for segment in self._segments.values() for message in _messages(segment))
        return self._buckets

    def _split(self) -> None:
        self._shift -= _SPLIT_BITS
        self._fill(message for bucket in self._buckets for message in _messages(bucket, 0))

    def _fill(self, messages: Iterable[bytes]) -> None:
        parts: list[list[bytes]] = [[] for _ in range(1 << (_BITS - self._shift))]
        shift = self._shift
        for message in messages:
            parts[(message[0] << 8 | message[1]) >> shift].append(message)
        self._buckets = [b"".join(part) for part in parts]

    def _remove(self, messages: Iterable[bytes]) -> None:
        buckets, shift = self._buckets, self._shift
        for message in messages:
            number = (message[0] << 8 | message[1]) >> shift
            bucket = buckets[number]
            position = _position(bucket, message[:_DIGEST])
            buckets[number] = bucket[:position] + bucket[position + _MESSAGE :]


def _position(bucket: bytes, digest: bytes) -> int:
    """Where a digest lies in a bucket, or -1. Bytes that overlap two messages are no match."""
    position = bucket.find(digest)
    while position > 0 and position % _MESSAGE:
        position = bucket.find(digest, position + 1)
    return position


def _messages(held: bytes, start: int = _HEADER) -> list[bytes]:
    """The messages of a segment, or from `start` on."""
    return [held[at : at + _MESSAGE] for at in range(start, len(held), _MESSAGE)]


def _check(body: list[Any]) -> bytes:
    return crc32(orjson.dumps(body)).to_bytes(_CHECK, "big")
