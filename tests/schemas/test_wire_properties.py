"""Laws of decoding, for any message and any bytes."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from schemas.incident import Incident
from schemas.rejected import ERROR_MAX_CHARS, Rejected
from schemas.turnout import Turnout
from schemas.wire import decode_incident, decode_turnout
from tests.schemas.messages import incident, incidents, turnout, turnouts, unhurried


def outcome(decode: Any, value: bytes) -> Any:
    """The message, or the reason of its refusal. Anything but Rejected escapes and fails the test."""
    try:
        return decode(value)
    except Rejected as rejected:
        assert 0 < len(rejected.error) <= ERROR_MAX_CHARS and rejected.error.isprintable()
        return rejected.reason


@unhurried
@given(incidents(), st.booleans())
def test_a_valid_incident_is_accepted_with_escapes_or_without(fields, ascii_only):
    message = decode_incident(json.dumps(fields, ensure_ascii=ascii_only).encode())
    assert message == Incident.model_validate_json(json.dumps(fields))
    assert decode_incident(message.model_dump_json(by_alias=True).encode()) == message


@unhurried
@given(turnouts(), st.booleans())
def test_a_valid_turnout_message_is_accepted_with_escapes_or_without(fields, ascii_only):
    message = decode_turnout(json.dumps(fields, ensure_ascii=ascii_only).encode())
    assert message == Turnout.model_validate_json(json.dumps(fields))
    assert decode_turnout(message.model_dump_json(by_alias=True).encode()) == message


@unhurried
@given(incidents(), st.data())
def test_no_repeated_key_passes(fields, data):
    field = data.draw(st.sampled_from(sorted(fields)))
    value = data.draw(st.sampled_from([fields[field], None, 1, "x", True]))
    text = json.dumps(fields, ensure_ascii=data.draw(st.booleans()))
    twice = f"{text[:-1]}, {json.dumps(field)}: {json.dumps(value)}}}"
    assert isinstance(outcome(decode_incident, twice.encode()), str)


@unhurried
@given(st.binary(max_size=200))
def test_random_bytes_are_refused_and_nothing_else(value):
    assert isinstance(outcome(decode_incident, value), str)
    assert isinstance(outcome(decode_turnout, value), str)


@unhurried
@given(st.sampled_from([incident(), turnout()]), st.data())
def test_a_damaged_message_is_accepted_or_rejected(good, data):
    value = bytearray(good)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(value) - 1))
        value[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    for decode in (decode_incident, decode_turnout):
        outcome(decode, bytes(value))


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(), children, max_size=4),
    max_leaves=20,
)


@unhurried
@given(st.sampled_from([incident(), turnout()]), st.text(), _json)
def test_any_json_in_any_field_is_accepted_or_rejected(good, field, value):
    message = json.loads(good)
    for name in (field, *message):
        text = json.dumps(message | {name: value}).encode()
        outcome(decode_incident, text)
        outcome(decode_turnout, text)
