"""From a record's bytes to a message, strictly, on the hot path of every event.

The checks, in this order; the first that fails gives the reason of the rejection: size (`too_large`), no value
(`invalid_json`), headers that declare another encoding and Confluent's leading zero byte (`unsupported_encoding`),
UTF-8 (`not_utf8`), JSON by RFC 8259 (`invalid_json`: also NaN, Infinity, a repeated key, nesting beyond the parser's
limit, a lone surrogate, a byte order mark), then the model (`schema`).

A valid message is parsed once, by pydantic-core, with the validator of the model's fields alone: to build an object of
the model costs as much again, so the hot path works on the fields (`read_incident`). What that validator does not
accept goes to the model itself, whose error says why. The parser ignores repeated keys, so they are ruled out by
counting: the message is flat, each key and each string value accounts for two quotes, and a repeated key or an escaped
quote only adds to them. With exactly as many quotes as the message needs no key is repeated; with more, a slower parse
decides.
"""

import json
from collections import Counter
from collections.abc import Callable
from typing import Any, NoReturn

from pydantic import BaseModel, ValidationError
from pydantic_core import CoreConfig, SchemaValidator

from schemas.encoding import Headers, check_headers
from schemas.fields import TIMESTAMP_TEXT, milliseconds_of
from schemas.incident import Incident
from schemas.rejected import ERROR_MAX_CHARS, Rejected
from schemas.turnout import Turnout
from schemas.vocabulary import RejectReason

VALUE_MAX_BYTES = 16 * 1024
_INCIDENT_STRINGS = 8  # string values of every incident
_TURNOUT_STRINGS = 5  # string values of every turnout message
_OPTIONAL_STRINGS = ("schema_", "origin", "village", "station")
_FIELD_NAMES = frozenset(Incident.model_fields) | frozenset(Turnout.model_fields)
_NAME_MAX_CHARS = 32

#: A message's fields by name; absent ones have their defaults, times are milliseconds since the Unix epoch.
Fields = dict[str, Any]
_Parse = Callable[[bytes], tuple[Fields, None, set[str]]]
_Model = Callable[[bytes], Any]


def _fields_of(model: type[BaseModel], *times: str) -> _Parse:
    """The validator of a model's fields alone. Returns their values, with defaults and the fields `times` as text, and
    the names that were present.
    """
    schema: Any = model.__pydantic_core_schema__
    while schema["type"] != "model-fields":
        schema = schema["schema"]
    fields = schema["fields"] | {name: schema["fields"][name] | {"schema": TIMESTAMP_TEXT} for name in times}
    config = CoreConfig(strict=True, extra_fields_behavior="forbid")
    parse: _Parse = SchemaValidator(schema | {"fields": fields}, config).validate_json
    return parse


_incident, _turnout = Incident.__pydantic_validator__.validate_json, Turnout.__pydantic_validator__.validate_json
_INCIDENT_TIMES, _TURNOUT_TIMES = ("occurred_at", "reported_at"), ("as_of",)
_parse_incident, _parse_turnout = _fields_of(Incident, *_INCIDENT_TIMES), _fields_of(Turnout, *_TURNOUT_TIMES)


def read_incident(value: bytes | None, headers: Headers = ()) -> Fields:
    """The fields of the incident in a record's value. Raises Rejected: the contract's reason and one line of text."""
    text, fields, present = _read(value, headers, _parse_incident, _incident, _INCIDENT_TIMES)
    if text.count(b'"') != (least := 2 * (len(present) + _INCIDENT_STRINGS)):
        optional = [name for name in _OPTIONAL_STRINGS if name in present and fields[name] is not None]
        if text.count(b'"') != least + 2 * len(optional):
            _check_json(text)
    if fields["reported_at"] < fields["occurred_at"]:  # by how much it may, the model knows
        _check_with_model(text, _incident)
    return fields


def read_turnout(value: bytes | None, headers: Headers = ()) -> Fields:
    """The fields of the turnout message in a record's value. Raises what `read_incident` raises."""
    text, fields, present = _read(value, headers, _parse_turnout, _turnout, _TURNOUT_TIMES)
    optional = ("schema_" in present) + (fields["village"] is not None)
    if text.count(b'"') != 2 * (len(present) + _TURNOUT_STRINGS + optional):
        _check_json(text)
    return fields


def decode_incident(value: bytes | None, headers: Headers = ()) -> Incident:
    """The incident in a record's value, as a message object. Raises what `read_incident` raises."""
    read_incident(value, headers)
    assert value is not None, "read_incident rejects a record without a value"
    message: Incident = _incident(value)
    return message


def decode_turnout(value: bytes | None, headers: Headers = ()) -> Turnout:
    """The turnout message in a record's value, as a message object. Raises what `read_turnout` raises."""
    read_turnout(value, headers)
    assert value is not None, "read_turnout rejects a record without a value"
    message: Turnout = _turnout(value)
    return message


def _read(
    value: bytes | None, headers: Headers, parse: _Parse, model: _Model, times: tuple[str, ...]
) -> tuple[bytes, Fields, set[str]]:
    """The value, which is not None, its fields, and the names of those that were present. Raises Rejected."""
    if not value or len(value) > VALUE_MAX_BYTES:
        _reject_size(value)
    if headers:
        check_headers(headers)
    try:
        fields, _, present = parse(value)
        for name in times:
            fields[name] = milliseconds_of(fields[name])
    except ValueError:  # pydantic's too
        _check_with_model(value, model)
        raise
    return value, fields, present


def _check_with_model(value: bytes, model: _Model) -> None:
    """Raise Rejected when the model does not accept the value either."""
    try:
        model(value)
    except ValidationError as invalid:
        _reject(value, invalid)


def _reject_size(value: bytes | None) -> NoReturn:
    if not value:
        raise Rejected(RejectReason.INVALID_JSON, "the record has no value")
    raise Rejected(RejectReason.TOO_LARGE, f"{len(value)} bytes, at most {VALUE_MAX_BYTES} are read")


def _reject(value: bytes, invalid: ValidationError) -> NoReturn:
    """Raise Rejected for a value that the model did not accept, by the first check of the module's order that fails."""
    if value[0] == 0:
        raise Rejected(
            RejectReason.UNSUPPORTED_ENCODING, "leading zero byte: schema-registry framing is not read, send plain JSON"
        )
    _check_json(value)
    first = invalid.errors(include_url=False, include_input=False, include_context=False)[0]
    if first["type"] == "json_invalid":
        raise _not_parsed(first["msg"])
    raise Rejected(RejectReason.SCHEMA, _describe(first, invalid.error_count()))


def _not_parsed(message: str) -> Rejected:
    """The rejection of what is JSON by its grammar, but not for pydantic-core's parser."""
    if "number out of range" in message:  # thousands of digits: well-formed, but no field could hold it
        return Rejected(RejectReason.SCHEMA, "a number is too long for any field")
    if "recursion" in message:
        return Rejected(RejectReason.INVALID_JSON, "nested too deeply")
    return Rejected(RejectReason.INVALID_JSON, "an escape in a string is not a character")


def _check_json(value: bytes) -> None:
    """Raise Rejected unless the value is UTF-8 and JSON. Numbers are not converted: only their grammar is checked."""
    try:
        text = value.decode()
    except UnicodeDecodeError as wrong:
        raise Rejected(RejectReason.NOT_UTF8, f"not UTF-8 at byte {wrong.start}") from None
    if text[0] == "\ufeff":
        raise Rejected(RejectReason.INVALID_JSON, "starts with a byte order mark, which JSON does not allow")
    try:
        json.loads(text, object_pairs_hook=_no_repeats, parse_constant=_no_constant, parse_int=str, parse_float=str)
    except json.JSONDecodeError as wrong:
        raise Rejected(RejectReason.INVALID_JSON, f"not JSON at line {wrong.lineno} column {wrong.colno}") from None
    except RecursionError:
        raise Rejected(RejectReason.INVALID_JSON, "nested too deeply") from None


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        repeated = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        raise Rejected(RejectReason.INVALID_JSON, f"{_printable(repeated)}: the key is repeated")
    return fields


def _no_constant(constant: str) -> NoReturn:
    raise Rejected(RejectReason.INVALID_JSON, f"{constant} is not a JSON number")


def _printable(name: str) -> str:
    """A field's name in an error: a known one, or one that looks like a name and so cannot hold data."""
    if name in _FIELD_NAMES:
        return name
    plain = name.replace("_", "")
    return name if len(name) <= _NAME_MAX_CHARS and plain.isascii() and plain.isalpha() else "a field"


def _describe(error: Any, count: int) -> str:
    """One line about the first of `count` errors of the model, without any value of the message."""
    place, kind = error["loc"], error["type"]
    field = _printable(str(place[0])) if place else ""
    if kind == "extra_forbidden":
        text = f"{field}: unknown field"
    elif kind == "missing":
        text = f"{field}: is missing"
    elif kind == "model_type" or not place:
        text = error["msg"] if place or kind == "reported_too_early" else "the message must be one JSON object"
    elif field in ("occurred_at", "reported_at", "as_of") and kind != "missing":
        text = f"{field}: must be an RFC 3339 time with seconds and an offset, such as 2024-11-27T07:00:00+07:00"
    else:
        text = f"{field}: {error['msg']}"
    more = f" ({count - 1} more)" if count > 1 else ""
    return (text[: ERROR_MAX_CHARS - len(more)] + more).replace("\n", " ")
