"""What a record of the ledger must be to be folded. What is not is quarantined: left where it lies, never folded.

Who may write the ledger by mistake, or with stolen rights, must not stop a partition with a record that no fold can
take. Everything but reports is checked field by field whenever it is read. Of a frame of reports, which are nearly all,
only what costs little for each entry is checked: that it is a list of reports, and the header with their input records.
A fold that fails on one all the same is dropped, and the next one of that partition reads with `is_strict`, which
checks every field of every report first; so do `siaga audit` and `siaga explain`. What would not fail at once, but on a
good report later, when it is in the state, is checked always (`check_stored`).

Pure. Errors name the entry and the field, and hold nothing of the record: they go into logs.
"""

import re
from collections.abc import Callable, Iterable
from operator import itemgetter
from typing import Any

from schemas.fields import ID_MAX_CHARS, REVISION_MAX, SOURCE_PATTERN
from schemas.ledger import (
    BROKER_AHEAD_MS,
    COUNTS,
    DECISIONS,
    ERASE,
    EVICT,
    INCIDENT,
    JOIN,
    NEIGHBOUR,
    NOTICES,
    PACE,
    REPORTS,
    SPAN_HEADER,
    TICK,
    TICK_KEY,
    TURNOUT,
    WATERMARK,
    Entry,
    Frame,
    Inputs,
    NotAFrame,
    decode_frame,
    partition_of,
    span_of,
)
from schemas.roster import Roster
from schemas.sources.speakers import UNKNOWN_MARK, UNRANKED
from schemas.stations import STATION_MAX_CHARS
from schemas.topics import INPUTS, Topic, TopicNames
from schemas.vocabulary import CATEGORIES, DAY_MS, GROUPS, LEVELS, MINUTE_MS, STATUSES, DataStatus

#: No entry is later than its append by more than the contract's ten minutes and what a broker's clock may be ahead.
AHEAD_MOST_MS = 10 * MINUTE_MS + BROKER_AHEAD_MS
#: With the event clock reports of the year before the epoch are taken.
_OLDEST_MS = -365 * DAY_MS
_YEAR_9999_MS = 253_402_300_799_999
_COUNT_MAX = 100_000
_STATIONS_MAX = 10_000_000
_MILLI_MAX = 10**15
_CATEGORIES = frozenset(CATEGORIES)

_KIND, _INCIDENT_KEY, _REVISION, _SOURCE = itemgetter(0), itemgetter(3), itemgetter(4), itemgetter(11)

_Check = Callable[[Any], bool]
_Fields = tuple[tuple[str, _Check], ...]


def _whole(least: int, most: int) -> _Check:
    return lambda value: type(value) is int and least <= value <= most


def _text(pattern: str) -> _Check:
    matches = re.compile(pattern, re.DOTALL).fullmatch
    return lambda value: type(value) is str and matches(value) is not None


def _one_of(words: Iterable[str]) -> _Check:
    known = frozenset(words)
    return lambda value: type(value) is str and value in known


def _or_null(check: _Check) -> _Check:
    return lambda value: value is None or check(value)


def _by_category(value: Any) -> bool:
    return type(value) is dict and value.keys() <= _CATEGORIES and all(map(_count, value.values()))


def _by_agency(value: Any) -> bool:
    return type(value) is dict and all(
        category in _CATEGORIES
        and type(counts) is dict
        and all(map(_sole_agency, counts))
        and all(map(_count, counts.values()))
        for category, counts in value.items()
    )


def _by_group(value: Any) -> bool:
    is_list = type(value) is list and len(value) == len(GROUPS) - 1  # all but expression, which is never scored
    return is_list and all(map(_count_or_none, value))


def _is_flag(value: Any) -> bool:
    return type(value) is bool


_ID = rf"[!-~]{{1,{ID_MAX_CHARS}}}"
_NAME = SOURCE_PATTERN.strip("^$")
_AGENCY = rf"{re.escape(UNKNOWN_MARK)}?{_NAME}"
_time, _event_id, _name, _word = _whole(_OLDEST_MS, _YEAR_9999_MS), _text(_ID), _text(_NAME), _text("[a-z_-]{1,64}")
_incident_key, _revision, _level = _text(f"{_NAME} {_ID}"), _whole(1, REVISION_MAX), _one_of(LEVELS)
_agency, _regency = _text(_AGENCY), _text(r"[0-9]{2}\.[0-9]{2}")
_sole_agency, _count, _count_or_none = _text(rf"{_AGENCY}|\*"), _whole(1, _MILLI_MAX), _whole(0, _MILLI_MAX)
_station_key = _text(rf"(?:[0-9]{{2}}\.[0-9]{{2}}\.[0-9]{{2}}\.[0-9]{{4}})? .{{0,{STATION_MAX_CHARS}}}")

#: The fields after the kind, in order.
FIELDS: dict[str, _Fields] = {
    INCIDENT: (
        ("at_ms", _time),
        ("event_id", _event_id),
        ("incident_key", _incident_key),
        ("revision", _revision),
        ("station_key", _or_null(_station_key)),
        ("category", _one_of(CATEGORIES)),
        ("severity", _whole(1, 5)),
        ("status", _one_of(STATUSES)),
        ("occurred_ms", _time),
        ("reported_ms", _time),
        ("source", _name),
        ("is_exercise", _is_flag),
        ("agency", _agency),
    ),
    TURNOUT: (
        ("at_ms", _time),
        ("event_id", _event_id),
        ("station_key", _station_key),
        ("registered", _whole(1, _COUNT_MAX)),
        ("voted", _whole(0, _COUNT_MAX)),
        ("as_of_ms", _time),
        ("revision", _revision),
        ("source", _name),
        ("is_exercise", _is_flag),
        ("agency", _agency),
        ("rank", _whole(1, UNRANKED)),
    ),
    JOIN: (
        ("at_ms", _time),
        ("incident_key", _incident_key),
        ("incident_key", _incident_key),
        ("is_undone", _is_flag),
        ("role", _word),
        ("reason", _word),
    ),
    EVICT: (
        ("at_ms", _time),
        ("source", _name),
        ("from_ms", _time),
        ("to_ms", _time),
        ("role", _word),
        ("reason", _word),
    ),
    ERASE: (("at_ms", _time), ("incident_digest", _text("[0-9a-f]{16}")), ("role", _word), ("reason", _word)),
    NEIGHBOUR: (
        ("at_ms", _time),
        ("from_regency", _regency),
        ("level", _level),
        ("previous_level", _level),
        ("escalation_id", _text("[!-~]{0,64}")),
        ("data_status", _one_of(DataStatus)),
        ("turnout_share", _or_null(_whole(0, _COUNT_MAX * 10_000))),
        ("sole_agency", lambda value: value == "" or _sole_agency(value)),
    ),
    COUNTS: (("at_ms", _time), ("from_regency", _regency), ("recent", _by_agency), ("past", _by_group)),
    PACE: (
        ("at_ms", _time),
        ("from_province", _text("[0-9]{2}")),
        ("stations", _whole(1, _STATIONS_MAX)),
        ("recent", _by_category),
        ("past", _by_group),
    ),
    TICK: (("at_ms", _time),),
    WATERMARK: (("newest_ms", _time), ("intake_shard", _text(".{1,80}")), ("is_idle", _is_flag)),
}


def shard_name(kind: Topic, input: str, partition: int) -> str:
    """The name of an intake shard in its watermarks. `input`: whose own topic it reads, "" for the common one."""
    return f"{TopicNames('').input(kind, input)}-{partition}"


def shard_names(inputs: Iterable[str], partitions: int) -> frozenset[str]:
    """Every intake shard of a deployment. `inputs`: the publishers with topics of their own."""
    of = ("", *inputs)
    return frozenset(shard_name(kind, input, number) for kind in INPUTS for input in of for number in range(partitions))


class OtherClock(NotAFrame):
    """What tells the time is of the other clock: a hand-written record, or these settings are not the workers'."""


class OtherRoster(NotAFrame):
    """Well-formed reports or a decision of a regency of this partition that the roster lacks. Where the record says by
    its FORMAT_HEADER that a worker or a decision of people wrote it, it is to be taken as what a worker with another
    roster admitted, and nobody may pass over it.
    """


class LedgerForm:
    """The form of one ledger partition. `shards`: with the event clock `shard_names`; None with the wall clock."""

    def __init__(
        self,
        roster: Roster,
        partition: int,
        partitions: int,
        shards: frozenset[str] | None = None,
        *,
        is_strict: bool = False,
    ) -> None:
        self.is_strict = is_strict
        self.shards = shards
        self._roster = roster
        self._partition, self._partitions = partition, partitions
        self._regencies = {code.encode() for code in roster if partition_of(code, partitions) == partition}
        provinces = {regency.province for regency in roster.values()}
        self._provinces = {code.encode() for code in provinces if partition_of(code, partitions) == partition}

    def entries(self, key: bytes, frame: Frame, inputs: bytes | None) -> list[Entry]:
        """The entries of a frame under this key; `inputs` is the value of its INPUT_HEADER. Raises NotAFrame."""
        if not self._is_known(key):
            raise self._refusal(key, frame, inputs)
        entries = frame.entries()
        if entries[0][0] not in REPORTS:
            self._check_others(key, entries, frame.appended_ms)
            return entries
        self._check_inputs(key, inputs, len(entries))
        if not self.is_strict:
            check_stored(entries)
        else:
            _check_fields(entries, frame.appended_ms)
            if frame.has_span_header and frame.span() != span_of(entries):
                raise NotAFrame(f"its header {SPAN_HEADER} is not the oldest and newest time and the number")
        return entries

    def check(self, key: bytes, frame: Frame, inputs: bytes | None) -> None:
        """`entries`, but a frame of reports that says its span is not parsed unless `is_strict`: it waits in the
        sequencer as it is. Raises NotAFrame.
        """
        if self.is_strict or not frame.has_span_header or (span := frame.span()) is None:
            self.entries(key, frame, inputs)
            return
        if not self._is_known(key):
            raise self._refusal(key, frame, inputs)
        if not frame.value.startswith((b'[["i",', b'[["t",')):
            raise NotAFrame(f"it has a header {SPAN_HEADER} and does not begin with a report")
        self._check_inputs(key, inputs, span[2])

    def check_held(self, key: bytes, value: bytes) -> None:
        """Of a frame that waits in the state, whose headers are not kept: its key and entries. Raises NotAFrame."""
        if not self._is_known(key):
            raise _not_here()
        entries = decode_frame(value)
        if entries[0][0] not in REPORTS or key not in self._regencies:
            raise NotAFrame("it holds no reports of a regency")
        _check_fields(entries, _YEAR_9999_MS)

    def _is_known(self, key: bytes) -> bool:
        return key == TICK_KEY or key in self._regencies or key in self._provinces

    def _refusal(self, key: bytes, frame: Frame, inputs: bytes | None) -> NotAFrame:
        """What is said of a record whose key is none of this partition and roster."""
        if not re.fullmatch(rb"[0-9]{2}\.[0-9]{2}", key):
            return _not_here()
        code = key.decode()
        if partition_of(code, self._partitions) != self._partition:
            return _not_here()
        try:
            entries = frame.entries()
            kinds = {entry[0] for entry in entries}
            if not kinds <= REPORTS | DECISIONS:
                return _not_here()
            if kinds <= REPORTS and len(Inputs.of(inputs).offsets) != len(entries):
                return _not_here()
            _check_fields(entries, frame.appended_ms)
        except NotAFrame:
            return _not_here()
        return OtherRoster(f"it is of {code}, which is not in the roster")

    def _check_inputs(self, key: bytes, header: bytes | None, count: int) -> None:
        if key not in self._regencies:
            raise NotAFrame("it holds reports and its key is no regency")
        if len(Inputs.of(header).offsets) != count:
            raise NotAFrame("it names another number of input records than it has entries")

    def _check_others(self, key: bytes, entries: list[Entry], appended_ms: int) -> None:
        """Ticks, watermarks, notices and decisions: few, so every field is checked always."""
        _check_fields(entries, appended_ms)
        kinds = {entry[0] for entry in entries}
        if key == TICK_KEY:
            if kinds != {TICK if self.shards is None else WATERMARK} or len(entries) > 1:
                raise OtherClock(f"it is no {'tick' if self.shards is None else 'watermark'}, as this clock has them")
            if self.shards is not None and entries[0][2] not in self.shards:
                raise NotAFrame("its watermark is of no intake shard of these settings")
        elif kinds & {TICK, WATERMARK} or (key in self._provinces and not kinds <= {NEIGHBOUR, COUNTS}):
            raise NotAFrame("it holds an entry that does not belong under its key")
        for entry in entries:
            if entry[0] in NOTICES and not self._is_notified(key.decode(), entry[0], entry[2]):
                raise NotAFrame("it holds a notice of a regency that neither borders on this one nor belongs to it")

    def _is_notified(self, target: str, kind: str, sender: str) -> bool:
        """Whether a regency notifies this target: a neighbour, or its province; or a province one of its regencies."""
        if kind == PACE:
            return target in self._roster and self._roster[target].province == sender
        regency = self._roster.get(sender)
        if regency is None:
            return False
        return target == regency.province or (kind == NEIGHBOUR and target in regency.neighbours)


def _not_here() -> NotAFrame:
    return NotAFrame("its key is no regency or province of this partition and roster")


def check_stored(entries: list[Entry]) -> None:
    """Incident key, revision and source of incidents have their type: they are stored as they come, and compared with
    those of later reports. Raises NotAFrame. Runs for every report; joining and adding are the cheapest checks.
    """
    kinds = set(map(_KIND, entries))
    if INCIDENT not in kinds:
        return
    incidents = entries if len(kinds) == 1 else [entry for entry in entries if entry[0] == INCIDENT]
    try:
        "".join(map(_INCIDENT_KEY, incidents))
        "".join(map(_SOURCE, incidents))
        sum(map(_REVISION, incidents))
    except (TypeError, LookupError):
        raise NotAFrame("an incident has a key, revision or source of a wrong type") from None


def _check_fields(entries: list[Entry], appended_ms: int) -> None:
    for number, entry in enumerate(entries, 1):
        if type(entry) is not list:
            raise NotAFrame(f"entry {number} is no list")
        fields = FIELDS[entry[0]]
        if len(entry) != len(fields) + 1:
            raise NotAFrame(f"entry {number} has {len(entry)} fields, not {len(fields) + 1}")
        for (name, check), value in zip(fields, entry[1:], strict=True):
            if not check(value):
                raise NotAFrame(f"entry {number}: {name}: not what the ledger holds there")
        if entry[1] > appended_ms + AHEAD_MOST_MS:
            raise NotAFrame(f"entry {number}: {fields[0][0]}: more than 15 minutes after the append")
