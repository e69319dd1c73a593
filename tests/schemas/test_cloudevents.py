"""CloudEvents in structured mode: the message in the envelope is read as it would be alone."""

import base64
import json
from typing import Any

import pytest

from schemas.cloudevents import is_envelope
from schemas.rejected import Rejected
from schemas.vocabulary import RejectReason
from schemas.wire import VALUE_MAX_BYTES, decode_incident, decode_turnout, read_incident
from tests.schemas.messages import INCIDENT, TURNOUT, incident, without

STRUCTURED = (("content-type", b"application/cloudevents+json"),)
ENVELOPE: dict[str, Any] = {
    "specversion": "1.0",
    "id": "3ac5e674-82f3-493f-8d4e-003c97ea48c5",
    "type": "id.go.bawaslu.incident",
    "source": "/bawaslu/sumsel",
    "datacontenttype": "application/json",
    "data": INCIDENT,
}


def event(**changes: Any) -> bytes:
    return json.dumps(ENVELOPE | changes).encode()


def rejection(value: bytes, headers: Any = STRUCTURED) -> tuple[RejectReason, str]:
    with pytest.raises(Rejected) as caught:
        decode_incident(value, headers)
    return caught.value.reason, caught.value.error


def test_the_message_is_the_data():
    assert decode_incident(event(), STRUCTURED) == decode_incident(incident())
    assert read_incident(event(), STRUCTURED) == read_incident(incident())
    assert decode_turnout(event(data=TURNOUT), STRUCTURED).voted == 131


def test_the_message_may_be_in_base64():
    packed = json.loads(event(data_base64=base64.b64encode(incident()).decode()))
    del packed["data"]
    assert decode_incident(json.dumps(packed).encode(), STRUCTURED) == decode_incident(incident())


@pytest.mark.parametrize(
    "content_type",
    [b"application/cloudevents+json; charset=UTF-8", b"Application/CloudEvents+JSON;charset=utf-8"],
)
def test_the_header_may_have_parameters_and_capitals(content_type: bytes):
    assert decode_incident(event(), (("Content-Type", content_type),))


def test_extensions_are_ignored_and_null_attributes_are_absent():
    more = {"traceparent": "00-1-2-01", "sequence": 7, "sampled": True, "datacontenttype": None, "data_base64": None}
    assert decode_incident(event(**more), STRUCTURED)


WRONG = {
    "specversion: must be 1.0": {"specversion": "0.3"},
    "id: must be a text that is not empty": {"id": ""},
    "type: must be a text that is not empty": {"type": 7},
    "source: is missing": {"source": None},
    "partitions: an attribute must not be an object or an array": {"partitions": [1]},
    "data: the message must be one JSON object": {"data": json.dumps(INCIDENT)},
    "data.severity: Input should be less than or equal to 5": {"data": INCIDENT | {"severity": 9}},
    "data.event_id: is missing": {"data": json.loads(without(INCIDENT, "event_id"))},
    "data: a field: unknown field": {"data": INCIDENT | {"Budi S": 1}},
    "data_base64: send it or data, not both": {"data_base64": "e30="},
}


@pytest.mark.parametrize(("error", "changes"), WRONG.items())
def test_an_error_names_the_field_of_the_envelope_or_of_the_data(error: str, changes: dict[str, Any]):
    assert rejection(event(**changes)) == (RejectReason.SCHEMA, error)


def test_an_envelope_needs_data():
    assert rejection(without(ENVELOPE, "data")) == (RejectReason.SCHEMA, "data: is missing")
    odd = json.loads(without(ENVELOPE, "data")) | {"data_base64": "e30"}
    assert rejection(json.dumps(odd).encode()) == (RejectReason.SCHEMA, "data_base64: is not base64")


def test_a_plain_message_that_claims_to_be_an_event_is_refused():
    assert rejection(incident())[0] is RejectReason.SCHEMA
    assert rejection(b"[]") == (RejectReason.SCHEMA, "the message must be one JSON object")


def test_the_limits_hold_for_the_whole_value():
    assert rejection(event(note="x" * VALUE_MAX_BYTES))[0] is RejectReason.TOO_LARGE
    twice = event()[:-1] + b', "type": "x"}'
    assert rejection(twice) == (RejectReason.INVALID_JSON, "type: the key is repeated")
    inside = event().replace(b'"severity": 3', b'"severity": 3, "severity": 3')
    assert rejection(inside) == (RejectReason.INVALID_JSON, "data.severity: the key is repeated")
    assert rejection(b'{"data":' + b"[" * 8000 + b"]" * 8000 + b"}")[0] is RejectReason.INVALID_JSON
    assert rejection(event()[:-1])[0] is RejectReason.INVALID_JSON


def test_numbers_are_as_strict_as_without_an_envelope():
    value = event().replace(b'"revision": 1', b'"revision": 1.0')
    assert rejection(value) == (RejectReason.SCHEMA, "data.revision: Input should be a valid integer")


def test_version_and_personal_numbers_are_those_of_the_data():
    newer = rejection(event(data=INCIDENT | {"schema": "siaga.incident/3"}))
    assert newer[0] is RejectReason.UNSUPPORTED_VERSION and newer[1].startswith("data.schema: siaga.incident/3 ")
    held = rejection(event(data=INCIDENT | {"incident_id": "0812-3456-7890"}))
    assert held == (RejectReason.PERSONAL_DATA, "data.incident_id: holds what looks like a telephone number")


@pytest.mark.parametrize("media", ["application/xml", "application/json; charset=utf-16", "", 7])
def test_other_data_than_json_is_an_unsupported_encoding(media: Any):
    error = "datacontenttype: only application/json is read, in UTF-8"
    assert rejection(event(datacontenttype=media)) == (RejectReason.UNSUPPORTED_ENCODING, error)


def test_a_batch_is_refused_with_what_to_send_instead():
    reason, error = rejection(b"[]", (("content-type", b"application/cloudevents-batch+json"),))
    assert reason is RejectReason.UNSUPPORTED_ENCODING and "send each event as its own record" in error


def test_an_envelope_is_told_from_a_message_by_its_specversion():
    assert is_envelope(event()) and not is_envelope(incident())
    assert not is_envelope(None) and not is_envelope(b"{") and not is_envelope(b"[]")
