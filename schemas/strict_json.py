"""JSON by RFC 8259 and nothing beside it, for a record whose value was not accepted, or is not on the hot path."""

import json
import re
from collections import Counter
from typing import Any, NoReturn

from schemas.rejected import Rejected
from schemas.vocabulary import RejectReason

_NAME_MAX_CHARS = 32
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_UTF16_PROBE_BYTES = 8  # more than the zeros at the start of a schema registry's frame
_DECODER = json.JSONDecoder(parse_int=float)  # int() refuses thousands of digits
#: As pydantic-core's parser, which reads what is accepted. Python's own limit changes with its version.
NESTING_MAX = 200
_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*"?|[\[\]{}]', re.DOTALL)
_BLANKS = re.compile(r"[ \t\n\r]*")


def check_json(value: bytes) -> Any:
    """What the value says, numbers as text: only their grammar is checked. Raises Rejected unless it is UTF-8 and JSON
    without repeated keys.
    """
    text = text_of(value)
    return _parsed(text, _no_repeats)


def text_of(value: bytes) -> str:
    """The value as text. Raises Rejected unless it is UTF-8 without a byte order mark."""
    if is_utf16(value):
        raise Rejected(RejectReason.NOT_UTF8, "UTF-16: send UTF-8")
    try:
        text = value.decode()
    except UnicodeDecodeError as wrong:
        raise Rejected(RejectReason.NOT_UTF8, f"not UTF-8 at byte {wrong.start}") from None
    if text.startswith("\ufeff"):
        raise Rejected(RejectReason.INVALID_JSON, "starts with a byte order mark, which JSON does not allow")
    return text


def is_utf16(value: bytes) -> bool:
    """By its mark, or because every second byte of the first ones is zero, as in Latin text."""
    first, second = value[:_UTF16_PROBE_BYTES:2], value[1:_UTF16_PROBE_BYTES:2]
    latin = len(second) > 1 and any(first) != any(second) and (all(first) or all(second))
    return value.startswith(_UTF16_MARKS) or latin


def members(value: bytes) -> list[tuple[str, Any, bytes]]:
    """The members of the object in a value in their order: name, what it says, and its bytes. Raises Rejected unless
    the value is UTF-8 and one JSON object whose own keys are not repeated; those of objects in it may be.
    """
    text = text_of(value)
    if not isinstance(_parsed(text, dict), dict):
        raise Rejected(RejectReason.SCHEMA, "the message must be one JSON object")
    found: list[tuple[str, Any, bytes]] = []
    at = _after_blanks(text, _after_blanks(text, 0) + 1)
    while text[at] != "}":
        name, at = _DECODER.raw_decode(text, at)
        start = _after_blanks(text, _after_blanks(text, at) + 1)
        content, end = _DECODER.raw_decode(text, start)
        found.append((name, content, text[start:end].encode()))
        at = _after_blanks(text, end)
        at = _after_blanks(text, at + 1) if text[at] == "," else at
    _no_repeats([(name, None) for name, _, _ in found])
    return found


def printable(name: str) -> str:
    """A field's name in an error, if it looks like a name and so cannot hold data."""
    plain = name.replace("_", "")
    return name if len(name) <= _NAME_MAX_CHARS and plain.isascii() and plain.isalpha() else "a field"


def _parsed(text: str, hook: Any) -> Any:
    if _nests_too_deeply(text):
        raise Rejected(RejectReason.INVALID_JSON, "nested too deeply")
    try:
        return json.loads(text, object_pairs_hook=hook, parse_constant=_no_constant, parse_int=str, parse_float=str)
    except json.JSONDecodeError as wrong:
        raise Rejected(RejectReason.INVALID_JSON, f"not JSON at line {wrong.lineno} column {wrong.colno}") from None


def _nests_too_deeply(text: str) -> bool:
    depth = 0
    for found in _STRING_OR_BRACKET.finditer(text):
        if found[0] in "[{":
            depth += 1
            if depth > NESTING_MAX:
                return True
        elif found[0] in "]}":
            depth -= 1
    return False


def _after_blanks(text: str, at: int) -> int:
    found = _BLANKS.match(text, at)
    assert found is not None, "the pattern matches nothing too"
    return found.end()


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        repeated = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        raise Rejected(RejectReason.INVALID_JSON, f"{printable(repeated)}: the key is repeated")
    return fields


def _no_constant(constant: str) -> NoReturn:
    raise Rejected(RejectReason.INVALID_JSON, f"{constant} is not a JSON number")
