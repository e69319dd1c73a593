"""The ledger's frames: how validated events travel from intake to the risk fold. Internal: nobody else reads them.

A frame is the value of one Kafka record: the entries of one regency from one input batch, in order, as a JSON array.
Its key is the regency's code, the province's, or TICK_KEY for entries that concern everybody. Entries are lists rather
than objects, because one is written and read per event on the hot path:

    incident   ["i", at_ms, event_id, incident_key, revision, station_key | null, category, severity, status,
                occurred_ms, reported_ms, source, is_exercise, agency]
    turnout    ["t", at_ms, event_id, station_key, registered, voted, as_of_ms, revision, source, is_exercise, agency,
                rank]
    join       ["j", at_ms, incident_key, incident_key, is_undone, role, reason]
    evict      ["e", at_ms, source, from_ms, to_ms, role, reason]
    erase      ["x", at_ms, incident_digest, role, reason]
    tick       ["k", writer_ms]                               see `entries_of`
    neighbour  ["n", at_ms, from_regency, level, previous_level, escalation_id, data_status, turnout_share | null,
                sole_agency]
    counts     ["c", at_ms, from_regency, {category: {agency: thousandths}}, [thousandths by scored group]]
    pace       ["p", at_ms, from_province, stations, {category: thousandths}, [thousandths by scored group]]
    watermark  ["w", newest_ms, intake_shard, is_idle]        with the event clock only, see docs/event-time.md

An incident_key is `<origin> <incident_id>`, a station_key `<village> <station>`, either of which may be empty: no part
holds a blank but the station, which is last. An incident_digest is what the function of that name gives: an entry that
takes a person's data out must not hold it. `agency` and `rank` are those of the source in the sources file when the
message was admitted (docs/decisions/0017); a source that it did not name is its own agency, written `?SOURCE`.
`sole_agency` is the agency on which a level rests alone, `*` for one of several, or empty. Counts go from a regency to
its province, a pace from a province to each of its regencies (streams/risk/pace.py): how many reports are held of each
category, decayed like evidence, and how many came in the hours that tell what is ordinary. Incidents and turnout are
called reports; join, evict and erase decisions. All times are whole milliseconds since the Unix epoch. What each field
may hold is in `schemas.ledger_form`.

A frame of reports says in its header INPUT_HEADER from which input records they were made. A record of the ledger that
is no frame is left where it lies and never folded.

Every frame says in its header FORMAT_HEADER by which number of this format it is written; a frame without it is of
format 1, for release 0.9 wrote no number. A header is where that release, which reads the same format, does not look.
A frame of a number that is not read yet is not passed over: whoever reads it ends (`check_format`).
"""

import re
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from operator import itemgetter
from typing import Any, NamedTuple

import orjson

from schemas.vocabulary import MINUTE_MS

INCIDENT, TURNOUT, JOIN, TICK, NEIGHBOUR, WATERMARK = "i", "t", "j", "k", "n", "w"
EVICT, ERASE = "e", "x"
COUNTS, PACE = "c", "p"
REPORTS, DECISIONS = frozenset({INCIDENT, TURNOUT}), frozenset({JOIN, EVICT, ERASE})
#: What one regency or province sends to another: written by the fold.
NOTICES = frozenset({NEIGHBOUR, COUNTS, PACE})
TICK_KEY = b"*"
#: The least that one fold takes: 2,000 reports. Smaller ones would split the frames of a usual catch-up, which then
#: have no span.
FRAME_MAX_BYTES = 256 * 1024
#: How far the broker's append time counts beyond the clock of the worker that writes a stamp or a tick. A broker whose
#: clock jumps ahead must not make the fold deaf until time has caught up (docs/decisions/0004-ticks.md).
BROKER_AHEAD_MS = 5 * MINUTE_MS
#: What is written, and the newest that is read.
FORMAT = 1
#: Header of every frame: the number of its format, in digits.
FORMAT_HEADER = "siaga.format"
#: The headers of a frame that has no others.
FORMAT_HEADERS = ((FORMAT_HEADER, b"%d" % FORMAT),)
#: Header of a tick with which a worker says that it goes on with another roster or ruleset, see `change_headers`.
CHANGE_HEADER = "siaga.change"
#: Header of a frame of reports: the input record of each of its entries, see `Inputs`.
INPUT_HEADER = "siaga.input"
#: Header of a frame of reports, with the event clock: their oldest time, newest time and number, so that the sequencer
#: need not parse a frame whose reports all wait.
SPAN_HEADER = "siaga.span"

_FORMAT_DIGITS = 4
_KINDS = REPORTS | DECISIONS | NOTICES | {TICK, WATERMARK}
_KIND = itemgetter(0)

#: One entry, as above.
Entry = list[Any]
#: The value of a frame of reports, and of its INPUT_HEADER.
Encoded = tuple[bytes, bytes]
#: (oldest time, newest time, number) of the reports in a frame.
Span = tuple[int, int, int]

#: The beginning of a report. It cannot occur within a JSON string: a quote has a backslash before it there.
_REPORT = re.compile(rb'\["[it]",(-?\d+),')


class NotAFrame(ValueError):
    """A record of the ledger that Siaga did not write. One line that holds nothing of the record."""


class NewerFrame(ValueError):
    """A frame of a later version, which nobody may pass over. One line."""


def check_format(number: bytes | None) -> None:
    """Look at the value of a record's FORMAT_HEADER, if it has one. Raises NewerFrame, and NotAFrame for no number."""
    if number is None or number == FORMAT_HEADERS[0][1]:
        return
    if not number.isdigit() or not 1 <= len(number) <= _FORMAT_DIGITS:
        raise NotAFrame(f"its header {FORMAT_HEADER} is no number")
    if int(number) > FORMAT:
        raise NewerFrame(
            f"is a frame of format {int(number)}, this version reads up to {FORMAT}: start the version that wrote it"
        )


class Inputs(NamedTuple):
    """The input records of a frame's reports, in their order: one topic and partition, an offset for each."""

    topic: str
    partition: int
    offsets: Sequence[int]

    def header(self) -> bytes:
        """The value of INPUT_HEADER: `[topic, partition, [offset, ...]]`."""
        return orjson.dumps(list(self))

    @classmethod
    def of(cls, header: bytes | None) -> "Inputs":
        """The header's content. Raises NotAFrame.

        Runs for every frame: one comparison of bytes says of all offsets that they are digits and nothing else.
        """
        if header is None:
            raise NotAFrame(f"its reports have no header {INPUT_HEADER}")
        try:
            topic, partition, offsets = orjson.loads(header)
            are_typed = type(topic) is str and type(partition) is int and type(offsets) is list
            _, _, digits = header.partition(b",[")
        except (ValueError, TypeError):
            are_typed = False
        if (
            not are_typed
            or partition < 0
            or not offsets
            or digits.translate(None, b"0123456789") != b"," * (len(offsets) - 1) + b"]]"
        ):
            raise NotAFrame(f"its header {INPUT_HEADER} is not [topic, partition, [offset, ...]]")
        return cls(topic, partition, offsets)


class Frame:
    """One ledger record, parsed only when its entries are wanted.

    `appended_ms` is the broker's append time, `span` the value of the record's SPAN_HEADER, if it has one. An error
    names no position: who read the record knows it.
    """

    __slots__ = ("_span", "appended_ms", "offset", "value")

    def __init__(self, offset: int, value: bytes, appended_ms: int, span: bytes | None = None) -> None:
        self.offset, self.value, self.appended_ms, self._span = offset, value, appended_ms, span

    @property
    def has_span_header(self) -> bool:
        """Whether its record says its span."""
        return self._span is not None

    def entries(self) -> list[Entry]:
        """The entries, parsed. Raises NotAFrame."""
        return entries_of(self.value, self.appended_ms)

    def span(self) -> Span | None:
        """The span of its reports, without parsing; None for a frame that holds anything else. Raises NotAFrame."""
        if self._span is None:
            times = self.times()
            return (min(times), max(times), len(times)) if times else None
        try:
            oldest_ms, newest_ms, count = map(int, self._span.split())
        except ValueError:
            raise NotAFrame(f"its header {SPAN_HEADER} is not the oldest and newest time and the number") from None
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


def incident_digest(key: str) -> str:
    """What an entry that erases an incident names it by: 16 hexadecimal digits, which do not hold its number."""
    return blake2b(key.encode(), digest_size=8).hexdigest()


def partition_of(regency: str, partitions: int) -> int:
    """Ledger partition of a regency (`NN.NN`) or province (`NN`): its digits as a number, modulo the count."""
    return int(regency.replace(".", "")) % partitions


def span_of(entries: list[Entry]) -> Span:
    """The span of a frame of these reports; `span_header` writes it."""
    times = [entry[1] for entry in entries]
    return min(times), max(times), len(times)


def span_header(entries: list[Entry]) -> bytes:
    """The value of SPAN_HEADER for a frame of these reports."""
    return b"%d %d %d" % span_of(entries)


def encode_frames(entries: list[Entry]) -> Iterator[bytes]:
    """Frames for the entries of one regency, in order, each of at most FRAME_MAX_BYTES."""
    for value, _ in _frames(entries, range(len(entries))):
        yield value


def encode_reports(topic: str, partition: int, entries: list[Entry], offsets: list[int]) -> Iterator[Encoded]:
    """Frames for the reports of one regency, in order, and the INPUT_HEADER of each. `offsets`: where the input record
    of each entry lies in that partition.
    """
    for value, of in _frames(entries, range(len(entries))):
        yield value, Inputs(topic, partition, offsets[of.start : of.stop]).header()


def _frames(entries: list[Entry], of: range) -> Iterator[tuple[bytes, range]]:
    value = orjson.dumps(entries[of.start : of.stop])
    if len(value) <= FRAME_MAX_BYTES:
        yield value, of
        return
    half = len(of) // 2
    if half == 0:
        raise ValueError(f"one ledger entry of {len(value)} bytes exceeds the frame limit of {FRAME_MAX_BYTES}")
    yield from _frames(entries, of[:half])
    yield from _frames(entries, of[half:])


def decode_frame(value: bytes) -> list[Entry]:
    """The entries of a frame as they were written.

    Raises NotAFrame for what is no list of entries of known kinds, and for reports mixed with other entries.
    """
    try:
        entries: list[Entry] = orjson.loads(value)
        kinds = set(map(_KIND, entries)) if type(entries) is list else None
    except (ValueError, TypeError, LookupError):
        kinds = None
    if kinds is None:
        raise NotAFrame("it is not a JSON array of entries")
    if not kinds or not kinds <= _KINDS:
        raise NotAFrame("it holds no entry" if not kinds else "it holds an entry of unknown kind")
    if len(kinds) > 1 and not (kinds <= REPORTS or kinds.isdisjoint(REPORTS)):
        raise NotAFrame("it mixes reports with other entries")
    return entries


def entries_of(value: bytes, appended_ms: int) -> list[Entry]:
    """The entries of a ledger record appended at `appended_ms`. Raises NotAFrame.

    A tick takes the time of its append, not that of its writer: the broker's clock is the same for all workers, and a
    worker whose clock is an hour fast must not age everything by an hour. Neither must a broker whose clock jumps
    ahead: what it gives beyond BROKER_AHEAD_MS after the writer's own time is cut.
    """
    entries = decode_frame(value)
    if entries[0][0] != TICK:
        return entries
    writer_ms = entries[0][1] if len(entries) == 1 and len(entries[0]) == 2 else None
    if type(writer_ms) is not int:
        raise NotAFrame("it holds a tick that is not one entry with its writer's time")
    return [[TICK, min(appended_ms, writer_ms + BROKER_AHEAD_MS)]]


def tick_frame(at_ms: int) -> bytes:
    """A frame that advances the clock of a partition's regencies; `at_ms` is its writer's time, see `entries_of`."""
    return orjson.dumps([[TICK, at_ms]])


def change_frame() -> bytes:
    """A tick that carries a CHANGE_HEADER: it lies before all times, so no clock is moved by it, nor a row made."""
    return tick_frame(-BROKER_AHEAD_MS)


def change_headers(offset: int, changes: Sequence[str]) -> tuple[tuple[str, bytes], ...]:
    """The headers of `change_frame`: from which offset on the partition is folded with what is different, in words."""
    return (*FORMAT_HEADERS, (CHANGE_HEADER, orjson.dumps({"from": offset, "changes": changes})))


def watermark_frame(newest_ms: int, shard: str, is_idle: bool) -> bytes:
    """A frame that states how far an intake shard has read in event time, and whether it has nothing more to read."""
    return orjson.dumps([[WATERMARK, newest_ms, shard, is_idle]])
