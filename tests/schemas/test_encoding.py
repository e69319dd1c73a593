"""Headers: CloudEvents in binary mode pass, a header that declares another encoding does not."""

import pytest

from schemas.rejected import Rejected
from schemas.vocabulary import RejectReason
from schemas.wire import decode_incident, decode_turnout
from tests.schemas.messages import incident, turnout

CLOUDEVENT = (
    ("ce_specversion", b"1.0"),
    ("ce_type", b"id.bawaslu.incident"),
    ("ce_source", b"/bawaslu/sumsel"),
    ("ce_id", b"e-1"),
    ("ce_time", b"2024-11-27T08:40:00+07:00"),
    ("content-type", b"application/json"),
)


def test_cloudevents_in_binary_mode_are_accepted():
    assert decode_incident(incident(), CLOUDEVENT)
    assert decode_turnout(turnout(), CLOUDEVENT)


TAKEN = [
    ("content-type", b"application/json; charset=UTF-8"),
    ("Content-Type", b'application/json;charset="utf-8"'),
    ("content-type", b"application/vnd.bawaslu.incident+json"),
    ("content-type", b"application/octet-stream"),
    ("contentType", b'"application/json"'),
    ("content-type", b""),
    ("content-type", None),
    ("content-encoding", b"identity"),
    ("content-encoding", b"UTF-8"),
    ("traceparent", b"\xff\xfe"),
    ("x-avro", b"application/avro"),
]


@pytest.mark.parametrize("header", TAKEN)
def test_a_header_that_declares_json_or_nothing_is_accepted(header):
    assert decode_incident(incident(), (header,))


REFUSED = [
    ("content-type", b"application/avro"),
    ("content-type", b"avro/binary"),
    ("Content-Type", b"application/x-protobuf"),
    ("content-type", b"application/xml"),
    ("content-type", b"application/json; charset=iso-8859-1"),
    ("content-type", b"application/cloudevents+json; charset=utf-16"),
    ("content-type", b"application/cloudevents+avro"),
    ("content-type", b"application/cloudevents"),
    ("content-type", b"application/cloudevents-batch+json"),
    ("content-type", b"\xff\xfe"),
    ("content-encoding", b"gzip"),
    ("Content-Encoding", b"zstd"),
    ("content-encoding", b"gzip, identity"),
]


@pytest.mark.parametrize("header", REFUSED)
@pytest.mark.parametrize("value", [incident(), b"\xff\xff", b"{"])
def test_a_header_that_declares_another_encoding_is_rejected(header, value):
    with pytest.raises(Rejected) as caught:
        decode_incident(value, (("ce_id", b"1"), header))
    assert caught.value.reason is RejectReason.UNSUPPORTED_ENCODING
    assert caught.value.error.startswith("header content-")
