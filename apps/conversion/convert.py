"""A whole CSV file as messages: each record one JSON line, or one line of text that says why it is none."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any, BinaryIO

import orjson

from apps.conversion.columns import Columns, HeaderError, count_columns
from apps.conversion.mapping import CsvMapping
from apps.conversion.records import Record, TextLines, decoded, read_record
from apps.publishing.lines import InputError, Line
from apps.publishing.messages import checked
from schemas.rejected import Rejected
from schemas.vocabulary import RejectReason

DELIMITERS = (";", "\t", ",")
_SEPARATOR = re.compile(r'"?sep=([;,\t])"?[\r\n]*', re.IGNORECASE)


@dataclass
class Tally:
    """Counts of a conversion so far; blank records and headers are not counted."""

    read: int = 0
    converted: int = 0
    rejected: int = 0


def convert(
    stream: BinaryIO, mapping: CsvMapping, offset: tzinfo | None, tally: Tally, report: Callable[[str], None]
) -> Iterator[bytes]:
    """Each message of the CSV as JSON, without a line end. `offset` is that of times which name none.

    `report` gets one line of text for each rejected record, for the columns that are neither mapped nor ignored, and
    for each header after the first. Raises InputError for text that cannot be read, and for a header that lacks a
    column."""
    lines = TextLines(decoded(stream))
    delimiter = _delimiter(lines, mapping)
    header = _header(lines, delimiter)
    if header is None:
        raise InputError("no line names columns: the text is empty")
    columns = _columns(header, mapping, offset)
    unknown = columns.unknown
    _report_unknown(unknown, report)
    messages = _Messages(mapping)
    while (record := read_record(lines, delimiter, columns.width)) is not None:
        if record.is_blank:
            continue
        if count_columns(record.cells, mapping) == len(mapping.columns):  # that of a file that was joined
            columns = _columns(record, mapping, offset)  # they may stand in another order
            report(f"line {record.number}: a header again, as in joined files; it is the header of what follows")
            _report_unknown([name for name in columns.unknown if name not in unknown], report)
            continue
        tally.read += 1
        value, wrong = messages.of(record, columns)
        if wrong:
            tally.rejected += 1
            report(f"line {record.number}: {'; '.join(wrong)}")
        else:
            tally.converted += 1
            yield value


class _Messages:
    """Records as messages, checked as `siaga publish` checks them; an id that comes again must name the same message.

    Keeps every event_id of the run, about 0.2 KiB each."""

    def __init__(self, mapping: CsvMapping) -> None:
        self._check = checked(mapping.target.kind)
        self._seen: dict[str, tuple[int, int]] = {}

    def of(self, record: Record, columns: Columns) -> tuple[bytes, list[str]]:
        """The message as JSON, and what is wrong with the record: empty if nothing is."""
        if record.wrong:
            return b"", [record.wrong]
        fields, wrong = columns.read(record.cells)
        value = orjson.dumps(fields) if not wrong else b""
        if not wrong:
            wrong = self._refused(record.number, value, columns) or self._reused(record.number, fields, value)
        return value, wrong

    def _refused(self, number: int, value: bytes, columns: Columns) -> list[str]:
        try:
            self._check(Line(number, 0, len(value), value))
        except Rejected as rejected:
            name, _, text = rejected.error.partition(": ")
            error = f"{columns.label(name)}: {text}" if text else rejected.error
            return [error if rejected.reason is RejectReason.SCHEMA else f"{rejected.reason.value}: {error}"]
        return []

    def _reused(self, number: int, fields: dict[str, Any], value: bytes) -> list[str]:
        """Siaga counts an id once: another message under it would be lost."""
        content = hash(value)
        first, known = self._seen.setdefault(fields["event_id"], (number, content))
        return [] if known == content else [f"event_id: is that of line {first}, which is another message"]


def _delimiter(lines: TextLines, mapping: CsvMapping) -> str:
    """The mapping's delimiter, that of Excel's line `sep=;`, or the one that shows most of the mapping's columns."""
    named = _separator_line(lines)
    if mapping.delimiter or named:
        return mapping.delimiter or named
    counts = {}
    for delimiter in DELIMITERS:
        if header := _header(lines, delimiter):
            counts[delimiter] = count_columns(header.cells, mapping)
            lines.give_back(header.lines)
    return max(counts, key=counts.__getitem__, default=DELIMITERS[0])


def _separator_line(lines: TextLines) -> str:
    """Take Excel's line `sep=;` and return the delimiter that it names; "" when there is no such line."""
    first = lines.take()
    if first is not None and (match := _SEPARATOR.fullmatch(first.text)):
        return match[1]
    if first is not None:
        lines.give_back([first])
    return ""


def _header(lines: TextLines, delimiter: str) -> Record | None:
    """The first record that is not blank, without empty cells at its end; None at the end of the text."""
    while (record := read_record(lines, delimiter)) is not None:
        while record.cells and not record.cells[-1]:
            record.cells.pop()
        if not record.is_blank:
            return record
    return None


def _columns(header: Record, mapping: CsvMapping, offset: tzinfo | None) -> Columns:
    """Raises InputError."""
    if header.wrong:
        raise InputError(f"line {header.number}: {header.wrong}")
    try:
        return Columns(header.cells, mapping, offset)
    except HeaderError as error:
        raise InputError(f"line {header.number}: {error}") from None


def _report_unknown(names: list[str], report: Callable[[str], None]) -> None:
    if names:
        report(f"not converted, since the mapping neither reads nor ignores it: {', '.join(names)}")
