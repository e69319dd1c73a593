"""The ledger's frames: how validated events travel from intake to the risk fold. Internal: nobody else reads them.

A frame is the value of one Kafka record: the entries of one regency from one input batch, in order, as a JSON array.
Its key is the regency's code, the province's, or TICK_KEY for entries that concern everybody. Entries are lists rather
than objects, because one is written and read per event on the hot path:

    incident   ["i", at_ms, event_id, incident_key, revision, station_key | null, category, severity, status,
                occurred_ms, reported_ms, source, is_exercise, agency]
    turnout    ["t", at_ms, event_id, station_key, registered, voted, as_of_ms, revision, source, is_exercise, agency,
                rank]
    join       ["j", at_ms, incident_key, incident_key, is_undone, role, reason]
    tick       ["k", at_ms]
    neighbour  ["n", at_ms, from_regency, level, previous_level, escalation_id, data_status, turnout_share | null,
                sole_agency]
    watermark  ["w", newest_ms, intake_shard, is_idle]        with the event clock only, see docs/event-time.md

An incident_key is `<origin> <incident_id>`, a station_key `<village> <station>`, either of which may be empty: no part
holds a blank but the station, which is last. `agency` and `rank` are those of the source in the sources file when the
message was admitted (docs/decisions/0017). Incidents and turnout are called reports. All times are whole milliseconds
since the Unix epoch.
"""

import re
from collections.abc import Iterator
from typing import Any

import orjson

INCIDENT, TURNOUT, JOIN, TICK, NEIGHBOUR, WATERMARK = "i", "t", "j", "k", "n", "w"
TICK_KEY = b"*"
FRAME_MAX_BYTES = 128 * 1024
#: Header of a frame of reports, with the event clock: their oldest time, newest time and number, so that the sequencer
#: need not parse a frame whose reports all wait.
SPAN_HEADER = "siaga.span"

#: One entry, as above.
Entry = list[Any]
#: (oldest time, newest time, number) of the reports in a frame.
Span = tuple[int, int, int]

#: The beginning of a report. It cannot occur within a JSON string: a quote has a backslash before it there.
_REPORT = re.compile(rb'\["[it]",(\d+),')


class NotAFrame(ValueError):
    """A record of the ledger that Siaga did not write."""


class Frame:
    """One ledger record, parsed only when its entries are wanted.

    `appended_ms` is the broker's append time, `span` the value of the record's SPAN_HEADER, if it has one.
    """

    __slots__ = ("_appended_ms", "_span", "offset", "value")

    def __init__(self, offset: int, value: bytes, appended_ms: int, span: bytes | None = None) -> None:
        self.offset, self.value, self._appended_ms, self._span = offset, value, appended_ms, span

    def entries(self) -> list[Entry]:
        """The entries, parsed. Raises NotAFrame."""
        try:
            return entries_of(self.value, self._appended_ms)
        except (ValueError, TypeError, LookupError) as error:
            raise NotAFrame(f"offset {self.offset} of the ledger is not a frame: {type(error).__name__}") from error

    def span(self) -> Span | None:
        """The span of its reports, without parsing; None for a frame that holds anything else. Raises NotAFrame."""
        if self._span is None:
            times = self.times()
            return (min(times), max(times), len(times)) if times else None
        try:
            oldest_ms, newest_ms, count = map(int, self._span.split())
        except ValueError as error:
            raise NotAFrame(f"offset {self.offset} of the ledger has a malformed {SPAN_HEADER}") from error
        return oldest_ms, newest_ms, count

    def times(self) -> list[int]:
        """The time of each of its reports, without parsing; none for a frame that holds anything else."""
        return [int(at_ms) for at_ms in _REPORT.findall(self.value)]


def incident_key(origin: str, incident_id: str) -> str:
    """An incident of a regency: the source whose numbering it is, and its number."""
    return f"{origin} {incident_id}"


def parts_of(key: str) -> tuple[str, str]:
    """(origin, incident id) of an incident key."""
    origin, _, incident_id = key.partition(" ")
    return origin, incident_id


def partition_of(regency: str, partitions: int) -> int:
    """Ledger partition of a regency (`NN.NN`) or province (`NN`): its digits as a number, modulo the count."""
    return int(regency.replace(".", "")) % partitions


def span_of(entries: list[Entry]) -> bytes:
    """The value of SPAN_HEADER for a frame of these reports."""
    times = [entry[1] for entry in entries]
    return b"%d %d %d" % (min(times), max(times), len(times))


def encode_frames(entries: list[Entry]) -> Iterator[bytes]:
    """Frames for the entries of one regency, in order, each of at most FRAME_MAX_BYTES."""
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
    """The entries of a frame as they were written. Raises orjson.JSONDecodeError for what Siaga did not write."""
    entries: list[Entry] = orjson.loads(value)
    return entries


def entries_of(value: bytes, appended_ms: int) -> list[Entry]:
    """The entries of a ledger record appended at `appended_ms`.

    A tick takes the time of its append, not that of its writer: the broker's clock is the same for all workers, and a
    worker whose clock is an hour fast must not age everything by an hour.
    """
    entries = decode_frame(value)
    return [[TICK, appended_ms]] if entries[0][0] == TICK else entries


def tick_frame(at_ms: int) -> bytes:
    """A frame that advances the clock of a partition's regencies; `at_ms` is its writer's time, see `entries_of`."""
    return orjson.dumps([[TICK, at_ms]])


def watermark_frame(newest_ms: int, shard: str, is_idle: bool) -> bytes:
    """A frame that states how far an intake shard has read in event time, and whether it has nothing more to read."""
    return orjson.dumps([[WATERMARK, newest_ms, shard, is_idle]])
