"""From a record's bytes to a message, strictly, on the hot path of every event.

Checks, in this order; the first that fails names the reason: size (`too_large`), no value (`invalid_json`),
headers that declare another encoding and Confluent's leading zero byte (`unsupported_encoding`), UTF-8 (`not_utf8`),
JSON by RFC 8259 (`invalid_json`: also NaN, Infinity, a repeated key, nesting beyond the parser's limit, a lone
surrogate, a byte order mark), then the model (`schema`).

A good message is parsed once, by pydantic-core, with the validator of the model's own fields: making an object of the
model costs as much again, so the hot path takes the fields as they are (`read_incident`), times as the text that they
are. What it does not take, the model itself refuses, and says why. The parser skips repeated keys silently, so they are
ruled out by counting: the message is flat, each key and each string value accounts for two quotes, and a repeated key
or an escaped quote only adds to them. If there are just as many as the message needs, no key repeats; if more, a slow
parse decides."""

import json
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
_INCIDENT_STRINGS = 8  # string values of every incident; `station` is one more
_TURNOUT_STRINGS = 5  # string values of every turnout message
_FIELD_NAMES = frozenset(Incident.model_fields) | frozenset(Turnout.model_fields)
_NAME_MAX_CHARS = 32

Fields = dict[str, Any]
_Parse = Callable[[bytes], tuple[Fields, None, set[str]]]
_Model = Callable[[bytes], Any]


def _fields_of(model: type[BaseModel], *times: str) -> _Parse:
    """The validator of a model's fields alone: their values with defaults, `times` as text; and the names that were
    given.
    """
    schema: Any = model.__pydantic_core_schema__
    while schema["type"] != "model-fields":
        schema = schema["schema"]
    fields = schema["fields"] | {name: schema["fields"][name] | {"schema": TIMESTAMP_TEXT} for name in times}
    return SchemaValidator(
        schema | {"fields": fields}, CoreConfig(strict=True, extra_fields_behavior="forbid")
    ).validate_json


_incident, _turnout = Incident.__pydantic_validator__.validate_json, Turnout.__pydantic_validator__.validate_json
_INCIDENT_TIMES, _TURNOUT_TIMES = ("occurred_at", "reported_at"), ("as_of",)
_parse_incident, _parse_turnout = _fields_of(Incident, *_INCIDENT_TIMES), _fields_of(Turnout, *_TURNOUT_TIMES)


def read_incident(value: bytes | None, headers: Headers = ()) -> Fields:
    """The fields of the incident in a record's value, by name; times in whole milliseconds since the Unix epoch.

    Raises Rejected with the contract's reason and a one-line error.
    """
    fields, given = _read(value, headers, _parse_incident, _incident, _INCIDENT_TIMES)
    if value.count(b'"') != 2 * (len(given) + _INCIDENT_STRINGS + (fields["station"] is not None)):
        _check_json(value)
    if fields["reported_at"] < fields["occurred_at"]:  # by how much it may, the model says
        _ask_model(value, _incident)
    return fields


def read_turnout(value: bytes | None, headers: Headers = ()) -> Fields:
    """The fields of the turnout message in a record's value, as `read_incident` has them."""
    fields, given = _read(value, headers, _parse_turnout, _turnout, _TURNOUT_TIMES)
    if value.count(b'"') != 2 * (len(given) + _TURNOUT_STRINGS):
        _check_json(value)
    return fields


def decode_incident(value: bytes | None, headers: Headers = ()) -> Incident:
    """The incident in a record's value, as a message object. Raises what `read_incident` raises."""
    read_incident(value, headers)
    return _incident(value)


def decode_turnout(value: bytes | None, headers: Headers = ()) -> Turnout:
    """The turnout message in a record's value, as a message object. Raises what `read_turnout` raises."""
    read_turnout(value, headers)
    return _turnout(value)


def _read(
    value: bytes | None, headers: Headers, parse: _Parse, model: _Model, times: tuple[str, ...]
) -> tuple[Fields, set[str]]:
    if not value or len(value) > VALUE_MAX_BYTES:
        _refuse_size(value)
    if headers:
        check_headers(headers)
    try:
        fields, _, given = parse(value)
        for name in times:
            fields[name] = milliseconds_of(fields[name])
    except ValueError:  # pydantic's too
        _ask_model(value, model)
        raise
    return fields, given


def _ask_model(value: bytes, model: _Model) -> None:
    """Raise Rejected when the model refuses what the validator of its fields did not take."""
    try:
        model(value)
    except ValidationError as invalid:
        _refuse(value, invalid)


def _refuse_size(value: bytes | None) -> NoReturn:
    if not value:
        raise Rejected(RejectReason.INVALID_JSON, "the record has no value")
    raise Rejected(RejectReason.TOO_LARGE, f"{len(value)} bytes, at most {VALUE_MAX_BYTES} are read")


def _refuse(value: bytes, invalid: ValidationError) -> NoReturn:
    """Say why a value that the model refused is refused: the first check that fails, in the module's order."""
    if value[0] == 0:
        raise Rejected(
            RejectReason.UNSUPPORTED_ENCODING, "leading zero byte: schema-registry framing is not read, send plain JSON"
        )
    _check_json(value)
    first = invalid.errors(include_url=False, include_input=False, include_context=False)[0]
    if first["type"] == "json_invalid":
        raise _beyond_the_parser(first["msg"])
    raise Rejected(RejectReason.SCHEMA, _describe(first, invalid.error_count()))


def _beyond_the_parser(message: str) -> Rejected:
    """What is JSON by its grammar, yet pydantic-core's parser does not take."""
    if "number out of range" in message:  # thousands of digits: well-formed, but no field could hold it
        return Rejected(RejectReason.SCHEMA, "a number is too long for any field")
    if "recursion" in message:
        return Rejected(RejectReason.INVALID_JSON, "nested too deeply")
    return Rejected(RejectReason.INVALID_JSON, "an escape in a string is not a character")


def _check_json(value: bytes) -> None:
    """Definitive check of encoding and syntax. Numbers are not converted: only their grammar matters here."""
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
        seen: set[str] = set()
        repeated = next(key for key, _ in pairs if key in seen or seen.add(key))
        raise Rejected(RejectReason.INVALID_JSON, f"{_shown(repeated)}: the key is repeated")
    return fields


def _no_constant(constant: str) -> NoReturn:
    raise Rejected(RejectReason.INVALID_JSON, f"{constant} is not a JSON number")


def _shown(name: str) -> str:
    """A field's name for an error: ours as they are, others only if they look like a name and so hold no data."""
    if name in _FIELD_NAMES:
        return name
    plain = name.replace("_", "")
    return name if len(name) <= _NAME_MAX_CHARS and plain.isascii() and plain.isalpha() else "a field"


def _describe(error: Any, count: int) -> str:
    place, kind = error["loc"], error["type"]
    field = _shown(str(place[0])) if place else ""
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
