"""From a record's bytes to a message, strictly, on the hot path of every event.

The checks, in this order; the first that fails gives the reason of the rejection: size (`too_large`), no value
(`invalid_json`), headers that declare another encoding and Confluent's leading zero byte (`unsupported_encoding`),
UTF-8 (`not_utf8`), JSON by RFC 8259 (`invalid_json`: also NaN, Infinity, a repeated key, nesting beyond 200
levels, a lone surrogate, a byte order mark), the version (`unsupported_version`), the model (`schema`), then ids and
station that hold a person's number (`personal_data`). In a CloudEvent in structured mode the size is the envelope's,
all other checks are made of the message in it.

A valid message is parsed once, by pydantic-core, with the validator of the model's fields alone: to build an object of
the model costs as much again, so the hot path works on the fields (`read_incident`). That validator knows ids and
stations that surely hold no person's number by their groups of digits. What it does not accept is parsed once more with
the model's own rules, and searched; what fails there goes to the model itself, whose error says why. The parser ignores
repeated keys, so they are ruled out by counting: the message is flat, each key and each string value accounts for two
quotes, and a repeated key or an escaped quote only adds to them. With exactly as many quotes as the message needs no
key is repeated; with more, a slower parse decides.
"""

import re
from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn

from pydantic import BaseModel, ValidationError
from pydantic_core import CoreConfig, SchemaValidator, core_schema

from schemas import cloudevents
from schemas.encoding import Headers, check_headers
from schemas.fields import ID_MAX_CHARS, STATION_RAW_MAX_CHARS, TIMESTAMP_TEXT, milliseconds_of
from schemas.incident import Incident
from schemas.personal_data import ID_WITHOUT, STATION_WITHOUT, found_in
from schemas.rejected import ERROR_MAX_CHARS, Rejected
from schemas.strict_json import check_json, is_utf16, printable
from schemas.turnout import Turnout
from schemas.versions import INCIDENTS_READ, TURNOUT_READ
from schemas.vocabulary import RejectReason

VALUE_MAX_BYTES = 16 * 1024
_INCIDENT_STRINGS = 8  # string values of every incident
_TURNOUT_STRINGS = 5  # string values of every turnout message
_TIMES = ("occurred_at", "reported_at", "as_of")

#: A message's fields by name; absent ones have their defaults, times are milliseconds since the Unix epoch.
Fields = dict[str, Any]
_Parse = Callable[[bytes], tuple[Fields, None, set[str]]]

# Instead of the model's own, on the hot path.
_ID = core_schema.str_schema(strict=True, pattern=ID_WITHOUT, min_length=1, max_length=ID_MAX_CHARS)
_STATION = core_schema.str_schema(strict=True, pattern=STATION_WITHOUT, min_length=1, max_length=STATION_RAW_MAX_CHARS)


class _Kind(NamedTuple):
    """How messages of one kind are read where it need not be fast; `searched` may hold a person's number."""

    versions: tuple[str, ...]
    model: Callable[[bytes], Any]
    parse: _Parse
    times: tuple[str, ...]
    searched: tuple[str, ...]


def _fields_of(model: type[BaseModel], changed: dict[str, core_schema.CoreSchema]) -> _Parse:
    """The validator of a model's fields alone, some with other schemas. Returns their values, with defaults, and the
    names that were present.
    """
    schema: Any = model.__pydantic_core_schema__
    while schema["type"] != "model-fields":
        schema = schema["schema"]
    fields = schema["fields"] | {name: schema["fields"][name] | {"schema": other} for name, other in changed.items()}
    config = CoreConfig(strict=True, extra_fields_behavior="forbid")
    parse: _Parse = SchemaValidator(schema | {"fields": fields}, config).validate_json
    return parse


def _kind(model: type[BaseModel], versions: tuple[str, ...], *searched: str) -> _Kind:
    times = tuple(name for name in _TIMES if name in model.model_fields)
    parse = _fields_of(model, dict.fromkeys(times, TIMESTAMP_TEXT))
    return _Kind(versions, model.__pydantic_validator__.validate_json, parse, times, searched)


_INCIDENT = _kind(Incident, INCIDENTS_READ, "event_id", "incident_id", "station")
_TURNOUT = _kind(Turnout, TURNOUT_READ, "event_id", "station")
_OPTIONAL_STATION = core_schema.with_default_schema(core_schema.nullable_schema(_STATION), default=None)
_parse_incident = _fields_of(
    Incident,
    dict.fromkeys(_INCIDENT.times, TIMESTAMP_TEXT)
    | {"event_id": _ID, "incident_id": _ID, "station": _OPTIONAL_STATION},
)
_parse_turnout = _fields_of(
    Turnout, dict.fromkeys(_TURNOUT.times, TIMESTAMP_TEXT) | {"event_id": _ID, "station": _STATION}
)


def read_incident(value: bytes | None, headers: Headers = ()) -> Fields:
    """The fields of the incident in a record's value. Raises Rejected: the contract's reason and one line of text."""
    if not value or len(value) > VALUE_MAX_BYTES:
        _reject_size(value)
    if headers and check_headers(headers):
        return cloudevents.read_data(value, read_incident)
    try:
        fields, _, present = _parse_incident(value)
        fields["occurred_at"] = milliseconds_of(fields["occurred_at"])
        fields["reported_at"] = milliseconds_of(fields["reported_at"])
    except ValueError:  # pydantic's too
        fields, present = _read_and_searched(value, _INCIDENT)
    if (quotes := value.count(b'"')) != (least := 2 * (len(present) + _INCIDENT_STRINGS)):
        optional = ("schema_" in present) + (fields["station"] is not None)
        optional += (fields["village"] is not None) + (fields["origin"] is not None)
        if quotes != least + 2 * optional:
            check_json(value)
    if fields["reported_at"] < fields["occurred_at"]:  # by how much it may, the model knows
        _check_with_model(value, _INCIDENT)
    return fields


def read_turnout(value: bytes | None, headers: Headers = ()) -> Fields:
    """The fields of the turnout message in a record's value. Raises what `read_incident` raises."""
    if not value or len(value) > VALUE_MAX_BYTES:
        _reject_size(value)
    if headers and check_headers(headers):
        return cloudevents.read_data(value, read_turnout)
    try:
        fields, _, present = _parse_turnout(value)
        fields["as_of"] = milliseconds_of(fields["as_of"])
    except ValueError:
        fields, present = _read_and_searched(value, _TURNOUT)
    strings = _TURNOUT_STRINGS + ("schema_" in present) + (fields["village"] is not None)
    if value.count(b'"') != 2 * (len(present) + strings):
        check_json(value)
    return fields


def decode_incident(value: bytes | None, headers: Headers = ()) -> Incident:
    """The incident in a record's value, as a message object. Raises what `read_incident` raises."""
    message: Incident = _decoded(value, headers, read_incident, _INCIDENT)
    return message


def decode_turnout(value: bytes | None, headers: Headers = ()) -> Turnout:
    """The turnout message in a record's value, as a message object. Raises what `read_turnout` raises."""
    message: Turnout = _decoded(value, headers, read_turnout, _TURNOUT)
    return message


def _decoded(value: bytes | None, headers: Headers, read: Callable[..., Fields], kind: _Kind) -> Any:
    read(value, headers)
    assert value is not None, "a record without a value is rejected"
    return cloudevents.read_data(value, kind.model) if check_headers(headers) else kind.model(value)


def _read_and_searched(value: bytes, kind: _Kind) -> tuple[Fields, set[str]]:
    """The fields of a message that may hold a person's number, and the names of those present. Raises Rejected."""
    try:
        fields, _, present = kind.parse(value)
        for name in kind.times:
            fields[name] = milliseconds_of(fields[name])
    except ValueError:
        _check_with_model(value, kind)
        raise
    for name in kind.searched:
        if fields[name] is not None and (found := found_in(fields[name])):
            check_json(value)
            raise Rejected(RejectReason.PERSONAL_DATA, f"{name}: holds what looks like {found}")
    return fields, present


def _check_with_model(value: bytes, kind: _Kind) -> None:
    """Raise Rejected when the model does not accept the value either."""
    try:
        kind.model(value)
    except ValidationError as invalid:
        _reject(value, invalid, kind)


def _reject_size(value: bytes | None) -> NoReturn:
    if not value:
        raise Rejected(RejectReason.INVALID_JSON, "the record has no value")
    raise Rejected(RejectReason.TOO_LARGE, f"{len(value)} bytes, at most {VALUE_MAX_BYTES} are read")


def _reject(value: bytes, invalid: ValidationError, kind: _Kind) -> NoReturn:
    """Raise Rejected for a value that the model did not accept, by the first check of the module's order that fails."""
    if value[0] == 0 and not is_utf16(value):
        raise Rejected(
            RejectReason.UNSUPPORTED_ENCODING, "leading zero byte: schema-registry framing is not read, send plain JSON"
        )
    _check_version(check_json(value), kind.versions)
    first = invalid.errors(include_url=False, include_input=False, include_context=False)[0]
    if first["type"] == "json_invalid":
        raise _not_parsed(first["msg"])
    raise Rejected(RejectReason.SCHEMA, _describe(first, invalid.error_count()))


def _check_version(content: Any, versions: tuple[str, ...]) -> None:
    """Raise Rejected when the message says that it is of another version of its kind. What else it holds, the other
    version decides.
    """
    said = content.get("schema") if isinstance(content, dict) else None
    name, _, newest = versions[-1].rpartition("/")
    if not isinstance(said, str) or said in versions or not re.fullmatch(rf"{name}/[1-9][0-9]{{0,3}}", said):
        return
    is_newer = int(said.rpartition("/")[2]) > int(newest)
    advice = "redrive it after the upgrade" if is_newer else "send that"
    text = f"schema: {said} is not read by this version, which reads {' and '.join(versions)}; {advice}"
    raise Rejected(RejectReason.UNSUPPORTED_VERSION, text)


def _not_parsed(message: str) -> Rejected:
    """The rejection of what is JSON by its grammar, but not for pydantic-core's parser."""
    if "number out of range" in message:  # thousands of digits: well-formed, but no field could hold it
        return Rejected(RejectReason.SCHEMA, "a number is too long for any field")
    if "recursion" in message:
        return Rejected(RejectReason.INVALID_JSON, "nested too deeply")
    return Rejected(RejectReason.INVALID_JSON, "an escape in a string is not a character")


def _describe(error: Any, count: int) -> str:
    """One line about the first of `count` errors of the model, without any value of the message."""
    place, kind = error["loc"], error["type"]
    field = printable(str(place[0])) if place else ""
    if kind == "extra_forbidden":
        text = f"{field}: unknown field"
    elif kind == "missing":
        text = f"{field}: is missing"
    elif kind == "model_type" or not place:
        text = error["msg"] if place or kind == "reported_too_early" else "the message must be one JSON object"
    elif field in _TIMES:
        text = f"{field}: must be an RFC 3339 time with seconds and an offset, such as 2024-11-27T07:00:00+07:00"
    else:
        text = f"{field}: {error['msg']}"
    more = f" ({count - 1} more)" if count > 1 else ""
    return (text[: ERROR_MAX_CHARS - len(more)] + more).replace("\n", " ")
