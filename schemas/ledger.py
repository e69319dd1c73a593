"""The ledger's frames: how validated events travel from intake to risk.

A frame is one Kafka record: the entries of one regency from one input batch, in order, as a JSON array. Entries are
plain lists, not objects: they are written and read once per event on the hot path and never leave Siaga.

    incident  ["i", at_ms, event_id, incident_id, revision, station | null, category, severity, status,
               occurred_ms, reported_ms, source, is_exercise]
    turnout   ["t", at_ms, event_id, station, registered, voted, as_of_ms, revision, source, is_exercise] tick
    ["k", at_ms] neighbour ["n", at_ms, from_regency, level, previous_level, escalation_id, data_status, turnout_share |
    null, is_unverified] watermark ["w", newest_ms, intake_shard, is_idle]            event clock only, see
    streams/event_time/sequencer.py

All times are integer milliseconds since the Unix epoch, UTC.
"""

import re
from collections.abc import Iterator

import orjson

INCIDENT, TURNOUT, TICK, NEIGHBOUR, WATERMARK = "i", "t", "k", "n", "w"
TICK_KEY = b"*"
FRAME_MAX_BYTES = 512 * 1024

Entry = list

#: Header of a frame of reports, with the event clock: their oldest and newest time and how many, which spares its
#: reader to look.
SPAN_HEADER = "siaga.span"
#: (oldest time, newest time, how many) of the reports in a frame.
Span = tuple[int, int, int]

#: The beginning of an incident or a turnout. Within a JSON string it cannot stand: a quote has a backslash before it
#: there.
_REPORT = re.compile(rb'\["[it]",(\d+),')


class NotAFrame(ValueError):
    """A record of the ledger that Siaga did not write."""


class Frame:
    """One ledger record, whose entries are read when they are asked for. `appended_ms`: when the broker took it;
    `span`: what its header says, if there is one."""

    __slots__ = ("offset", "value", "_appended_ms", "_span")

    def __init__(self, offset: int, value: bytes, appended_ms: int, span: bytes | None = None) -> None:
        self.offset, self.value, self._appended_ms, self._span = offset, value, appended_ms, span

    def entries(self) -> list[Entry]:
        """Raises NotAFrame."""
        try:
            return entries_of(self.value, self._appended_ms)
        except (ValueError, TypeError, LookupError) as error:
            raise NotAFrame(f"offset {self.offset} of the ledger is no frame: {type(error).__name__}") from error

    def span(self) -> Span | None:
        """Of the reports in it, without reading it; None in a frame of anything else. Raises NotAFrame."""
        if self._span is None:
            times = self.times()
            return (min(times), max(times), len(times)) if times else None
        try:
            oldest_ms, newest_ms, count = map(int, self._span.split())
        except ValueError as error:
            raise NotAFrame(f"offset {self.offset} of the ledger has a {SPAN_HEADER} that is none") from error
        return oldest_ms, newest_ms, count

    def times(self) -> list[int]:
        """Times of the reports in it, one each, found without reading it; none in a frame of anything else."""
        return [int(at_ms) for at_ms in _REPORT.findall(self.value)]


def partition_of(regency: str, partitions: int) -> int:
    """Ledger partition of a regency (`NN.NN`) or province (`NN`): its digits as a number, modulo the count."""
    return int(regency.replace(".", "")) % partitions


def span_of(entries: list[Entry]) -> bytes:
    """What SPAN_HEADER says of a frame of these reports."""
    times = [entry[1] for entry in entries]
    return b"%d %d %d" % (min(times), max(times), len(times))


def encode_frames(entries: list[Entry]) -> Iterator[bytes]:
    """Frames for the entries of one regency, in order, each at most FRAME_MAX_BYTES."""
    value = orjson.dumps(entries)
    if len(value) <= FRAME_MAX_BYTES:
        yield value
        return
    half = len(entries) // 2
    if half == 0:
        raise ValueError(f"one ledger entry of {len(value)} bytes exceeds the frame limit of {FRAME_MAX_BYTES}")
    yield from encode_frames(entries[:half])
    yield from encode_frames(entries[half:])


def decode_frame(value: bytes) -> list[Entry]:
    """Entries of a frame. Raises orjson.JSONDecodeError when the ledger holds what Siaga did not write."""
    return orjson.loads(value)


def entries_of(value: bytes, appended_ms: int) -> list[Entry]:
    """Entries of a ledger record appended at this time. A tick tells the time of its append, not its writer's: the
    broker's clock is one for all workers, and a worker whose clock is an hour ahead must not age everything by an
    hour."""
    entries = orjson.loads(value)
    return [[TICK, appended_ms]] if entries[0][0] == TICK else entries


def tick_frame(at_ms: int) -> bytes:
    """A frame that tells every regency of a partition the time; `at_ms` is its writer's, see `entries_of`."""
    return orjson.dumps([[TICK, at_ms]])


def watermark_frame(newest_ms: int, shard: str, is_idle: bool) -> bytes:
    """A frame by which an intake shard tells how far it has read."""
    return orjson.dumps([[WATERMARK, newest_ms, shard, is_idle]])
