"""Rejected records: the line that `siaga tail rejected` prints, and what redriving reads from lines or the topic."""

import base64
import binascii
import json
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import orjson

from apps.publishing.lines import LINE_MAX_BYTES, Line
from schemas.rejected import (
    HEADER_ERROR,
    HEADER_KEY_CUT,
    HEADER_OFFSET,
    HEADER_PARTITION,
    HEADER_REASON,
    HEADER_TOPIC,
    HEADER_VALUE_CUT,
)
from schemas.vocabulary import RejectReason


class Origin(NamedTuple):
    """The position of the rejected record on its input topic, a permanent identity."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"


class Reject(NamedTuple):
    """`where` names the line or record it was read from; key and value are the bytes to send."""

    where: str
    origin: Origin
    key: bytes | None
    value: bytes | None


class Unreadable(NamedTuple):
    """A line or record that is not a complete rejected record; `error` is one line."""

    where: str
    error: str


class _Wrong(ValueError):
    """A line that is not a rejected record."""


def rejected_line(record: Any) -> bytes:
    """A rejected record as one JSON object: its position, the reason, the position of its original, key and value."""
    headers = dict(record.headers)
    return orjson.dumps(
        {
            "topic": record.topic,
            "partition": record.partition,
            "offset": record.offset,
            "reason": _text(headers, HEADER_REASON),
            "error": _text(headers, HEADER_ERROR),
            "source": {
                "topic": _text(headers, HEADER_TOPIC),
                "partition": _number(headers, HEADER_PARTITION),
                "offset": _number(headers, HEADER_OFFSET),
            },
            **_text_or_base64("key", record.key),
            **_text_or_base64("value", record.value),
        }
    )


def _text_or_base64(name: str, content: bytes | None) -> dict[str, str | None]:
    """The bytes as text if they are UTF-8, else as `<name>_base64`."""
    if content is None:
        return {name: None}
    try:
        return {name: content.decode()}
    except UnicodeDecodeError:
        return {f"{name}_base64": base64.b64encode(content).decode()}


def _text(headers: dict[str, bytes], name: str) -> str | None:
    content = headers.get(name)
    return None if content is None else content.decode("utf-8", "replace")


def _number(headers: dict[str, bytes], name: str) -> int | None:
    text = _text(headers, name)
    return int(text) if text is not None and text.isdecimal() else None


def of_lines(lines: Iterable[Line]) -> Iterator[Reject | Unreadable]:
    """Each line of a file that `siaga tail rejected` wrote and a person has edited."""
    for line in lines:
        where = f"line {line.number}"
        try:
            yield _of_line(where, line)
        except ValueError as wrong:  # _Wrong, or a number of thousands of digits
            yield Unreadable(where, str(wrong))


def of_records(records: Iterable[Any], reasons: frozenset[RejectReason]) -> Iterator[Reject | Unreadable]:
    """Records of the rejected topic that were rejected for one of `reasons`; the others are skipped."""
    wanted = {reason.value.encode() for reason in reasons}
    for record in records:
        headers = dict(record.headers)
        if headers.get(HEADER_REASON) not in wanted:
            continue
        where = f"rejected {record.partition}/{record.offset}"
        if HEADER_KEY_CUT in headers or HEADER_VALUE_CUT in headers:
            yield Unreadable(where, "only its beginning was kept, so it cannot be sent again")
            continue
        try:
            position = [headers[name].decode() for name in (HEADER_TOPIC, HEADER_PARTITION, HEADER_OFFSET)]
            yield Reject(where, Origin(position[0], int(position[1]), int(position[2])), record.key, record.value)
        except (KeyError, ValueError):
            yield Unreadable(where, "its headers do not say where it came from")


def _of_line(where: str, line: Line) -> Reject:
    """Raises ValueError, one line."""
    if not line.whole:
        raise _Wrong(f"a line of more than {LINE_MAX_BYTES} bytes; no valid message is so long")
    try:
        content = json.loads(line.value, object_pairs_hook=_no_repeats)
    except UnicodeDecodeError:
        raise _Wrong("the line is not UTF-8") from None
    except json.JSONDecodeError as wrong:
        raise _Wrong(f"not JSON at column {wrong.colno}") from None
    except RecursionError:
        raise _Wrong("nested too deeply") from None
    if not isinstance(content, dict) or not isinstance(source := content.get("source"), dict):
        raise _Wrong("source: is missing; a line is an object as `siaga tail rejected` prints it")
    origin = Origin(_of(source, "topic", str), _of(source, "partition", int), _of(source, "offset", int))
    return Reject(where, origin, _content(content, "key"), _content(content, "value"))


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise _Wrong("a key is repeated")
    return fields


def _of(source: dict[str, Any], name: str, kind: type) -> Any:
    value = source.get(name)
    if type(value) is not kind or (isinstance(value, int) and value < 0):
        raise _Wrong(f"source.{name}: is missing or wrong; leave it as `siaga tail rejected` printed it")
    return value


def _content(content: dict[str, Any], name: str) -> bytes | None:
    """The bytes of the key or the value: text, JSON written in place of the text, or base64."""
    in_base64 = name + "_base64"
    if (name in content) == (in_base64 in content):
        raise _Wrong(f"{name}: give either {name} or {in_base64}")
    if in_base64 in content:
        try:
            return base64.b64decode(content[in_base64], validate=True)
        except (binascii.Error, TypeError, ValueError):
            raise _Wrong(f"{in_base64}: is not base64") from None
    value = content[name]
    if value is None:
        return None
    if isinstance(value, dict) and name == "value":  # friendlier to write than JSON inside a string
        value = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    if not isinstance(value, str):
        raise _Wrong(f"{name}: must be text, or {in_base64}")
    try:
        return value.encode()
    except UnicodeEncodeError:
        raise _Wrong(f"{name}: an escape is not a character") from None
