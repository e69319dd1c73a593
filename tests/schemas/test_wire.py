"""The contract's strictness: which values are accepted, and by which reason and field the others are rejected."""

import json

import pytest

from schemas.rejected import ERROR_MAX_CHARS, Rejected
from schemas.strict_json import NESTING_MAX
from schemas.vocabulary import RejectReason
from schemas.wire import VALUE_MAX_BYTES, decode_incident, decode_turnout
from tests.schemas.messages import INCIDENT, TURNOUT, incident, turnout, without


def rejection(value, headers=(), decode=decode_incident) -> Rejected:
    with pytest.raises(Rejected) as caught:
        decode(value, headers)
    error = caught.value.error
    assert error and len(error) <= ERROR_MAX_CHARS and error.isprintable()
    return caught.value


def test_a_valid_incident_and_a_valid_turnout_message_are_accepted():
    assert decode_incident(incident()).severity == 3
    assert decode_turnout(turnout()).voted == 131


def test_absent_optional_fields_take_their_defaults():
    lone = json.dumps({k: v for k, v in INCIDENT.items() if k not in ("station", "is_exercise")}).encode()
    assert decode_incident(lone).station is None and decode_incident(lone).is_exercise is False
    assert decode_turnout(without(TURNOUT, "revision")).revision == 1


@pytest.mark.parametrize("field", ["origin", "village", "station"])
def test_null_in_an_optional_text_field_means_that_it_is_left_out(field):
    assert getattr(decode_incident(incident(**{field: None})), field) is None


def test_a_null_village_of_turnout_means_no_village():
    assert decode_turnout(turnout(village=None)).village is None


@pytest.mark.parametrize("field", [name for name in INCIDENT if name not in ("station", "is_exercise")])
def test_each_required_incident_field_is_required(field):
    rejected = rejection(without(INCIDENT, field))
    assert rejected.reason is RejectReason.SCHEMA and rejected.error == f"{field}: is missing"


@pytest.mark.parametrize("field", [name for name in TURNOUT if name not in ("revision", "is_exercise")])
def test_each_required_turnout_field_is_required(field):
    rejected = rejection(without(TURNOUT, field), decode=decode_turnout)
    assert rejected.reason is RejectReason.SCHEMA and rejected.error == f"{field}: is missing"


WRONG_INCIDENT = [
    ("event_id", ""),
    ("event_id", "x" * 129),
    ("event_id", "a b"),
    ("event_id", " a"),
    ("event_id", "a\n"),
    ("event_id", "a\x7f"),
    ("event_id", "é"),
    ("event_id", 7),
    ("incident_id", None),
    ("incident_id", "x" * 129),
    ("incident_id", "a\tb"),
    ("incident_id", "a\u00a0b"),
    ("incident_id", "\u0661"),
    ("origin", ""),
    ("origin", "Polda"),
    ("origin", "x" * 33),
    ("origin", 7),
    ("incident_id", "a\x7f"),
    ("schema", "siaga.incident/02"),
    ("schema", "siaga.incident/3 "),
    ("schema", "foo"),
    ("village", "16.71.01.01001"),
    ("revision", 0),
    ("revision", -1),
    ("revision", "1"),
    ("revision", 1.0),
    ("revision", 1.5),
    ("revision", True),
    ("revision", 2**53),
    ("revision", 10**400),
    ("regency", "1671"),
    ("regency", "16.7"),
    ("regency", "16.711"),
    ("regency", "١٦.٧١"),
    ("regency", 16.71),
    ("schema", None),
    ("schema", ""),
    ("schema", "siaga.turnout/2"),
    ("schema", "siaga.incident"),
    ("schema", 2),
    ("village", ""),
    ("village", "16.71"),
    ("village", "16.71.01"),
    ("village", "1671011001"),
    ("village", "16.71.01.1001 "),
    ("village", "16.71.01.100\u0661"),
    ("village", 1671011001),
    ("station", ""),
    ("station", "x" * 257),
    ("station", 12),
    ("category", "riot"),
    ("category", "CLASH"),
    ("category", 1),
    ("severity", 0),
    ("severity", 6),
    ("severity", "3"),
    ("severity", 3.0),
    ("severity", True),
    ("severity", 10**20),
    ("status", "closed"),
    ("status", None),
    ("source", ""),
    ("source", "Bawaslu"),
    ("source", "a_b"),
    ("source", "x" * 33),
    ("is_exercise", 1),
    ("is_exercise", "false"),
    ("is_exercise", None),
    ("severity", [[3]]),
    ("severity", {"value": 3}),
]
WRONG_TURNOUT = [
    ("schema", None),
    ("schema", "siaga.incident/2"),
    ("village", "16.71.01.10011"),
    ("village", 16),
    ("station", None),
    ("station", ""),
    ("registered", 0),
    ("registered", 100_001),
    ("registered", "548"),
    ("voted", -1),
    ("voted", 100_001),
    ("voted", 131.0),
    ("voted", False),
    ("revision", 0),
    ("revision", None),
]


@pytest.mark.parametrize(("field", "value"), WRONG_INCIDENT)
def test_a_wrong_incident_field_is_a_schema_error_that_names_it(field, value):
    rejected = rejection(incident(**{field: value}))
    assert rejected.reason is RejectReason.SCHEMA and rejected.error.startswith(f"{field}: ")


@pytest.mark.parametrize(("field", "value"), WRONG_TURNOUT)
def test_a_wrong_turnout_field_is_a_schema_error_that_names_it(field, value):
    rejected = rejection(turnout(**{field: value}), decode=decode_turnout)
    assert rejected.reason is RejectReason.SCHEMA and rejected.error.startswith(f"{field}: ")


@pytest.mark.parametrize("length", [1, 128])
def test_ids_may_be_1_to_128_characters_long(length):
    read = decode_incident(incident(event_id="x" * length, incident_id=":" * length))
    assert (len(read.event_id), len(read.incident_id)) == (length, length)


def test_ids_may_hold_every_printable_sign_of_ascii():
    signs = "".join(map(chr, range(0x21, 0x7F)))
    read = decode_incident(incident(event_id=signs, incident_id=signs[::-1]))
    assert (read.event_id, read.incident_id) == (signs, signs[::-1])


@pytest.mark.parametrize("length", [1, 256])
def test_a_station_as_sent_may_be_longer_than_its_compared_form(length):
    assert len(decode_incident(incident(station="é" * length)).station) == length


def test_the_schema_of_this_version_may_be_named_or_left_out():
    assert decode_incident(incident(schema="siaga.incident/2")) == decode_incident(incident())
    assert decode_turnout(turnout(schema="siaga.turnout/2")) == decode_turnout(turnout())


def test_a_field_is_called_schema_and_not_as_the_code_calls_it():
    assert rejection(incident(schema_="siaga.incident/2")).error == "schema_: unknown field"
    assert rejection(turnout(schema_="siaga.turnout/2"), decode=decode_turnout).reason is RejectReason.SCHEMA


def test_turnout_has_no_origin():
    assert rejection(turnout(origin="kpu"), decode=decode_turnout).error == "origin: unknown field"


def test_more_votes_than_voters_are_accepted():
    assert decode_turnout(turnout(registered=500, voted=501)).voted == 501


WRONG_TIMES = [
    "2024-11-27T08:40:00",  # no offset
    "2024-11-27 08:40:00+07:00",  # a space
    "2024-11-27",
    "2024-11-27T08:40+07:00",  # no seconds
    "2024-11-27T24:00:00+07:00",
    "2024-11-27T08:60:00+07:00",
    "2024-11-27T08:40:60+07:00",  # leap second
    "2024-02-30T08:40:00+07:00",
    "2024-13-01T08:40:00+07:00",
    "0000-01-01T00:00:00Z",
    "2024-11-27T08:40:00+0700",
    "2024-11-27T08:40:00+07",
    "2024-11-27T08:40:00+24:00",
    "2024-11-27T08:40:00.+07:00",
    "2024-11-27T08:40:00,5+07:00",
    "20241127T084000Z",
    "2024-W48-3T08:40:00Z",
    "2024-11-27T08:40:00Z ",
    "2024-11-27T08:40:00Z\n",
    "٢٠٢٤-11-27T08:40:00Z",
    "",
    "now",
    "1732671600",
    1732671600,
    1732671600.5,
    True,
    None,
]


@pytest.mark.parametrize("time", WRONG_TIMES)
@pytest.mark.parametrize("field", ["occurred_at", "reported_at"])
def test_only_rfc_3339_with_seconds_and_offset_is_a_time(field, time):
    rejected = rejection(incident(**{field: time}))
    assert rejected.reason is RejectReason.SCHEMA and rejected.error.startswith(f"{field}: ")
    assert rejection(turnout(as_of=time), decode=decode_turnout).error.startswith("as_of: ")


@pytest.mark.parametrize(
    "time",
    [
        "2024-11-27T01:40:00Z",
        "2024-11-27t01:40:00z",
        "2024-11-27T01:40:00-00:00",
        "2024-11-27T08:40:00.0+07:00",
        "2024-11-27T08:40:00.000000000000+07:00",
        "2024-11-26T23:40:00-02:00",
        "2024-11-27T15:25:00+13:45",
    ],
)
def test_one_moment_may_be_written_in_many_ways(time):
    assert decode_incident(incident(occurred_at=time)).occurred_at == decode_incident(incident()).occurred_at


def test_a_report_may_precede_its_event_by_five_minutes_and_no_more():
    occurred = "2024-11-27T08:40:00+07:00"
    assert decode_incident(incident(occurred_at=occurred, reported_at="2024-11-27T01:35:00Z"))
    rejected = rejection(incident(occurred_at=occurred, reported_at="2024-11-27T01:34:59.999Z"))
    assert rejected.reason is RejectReason.SCHEMA and rejected.error.startswith("reported_at: ")


def test_an_unknown_field_is_named_only_if_its_name_can_hold_no_data():
    assert rejection(incident(reporter_name="Budi")).error == "reporter_name: unknown field"
    assert rejection(incident(**{"1671012345670001": "x"})).error == "a field: unknown field"
    assert rejection(incident(**{"Budi Santoso": "x"})).error == "a field: unknown field"
    assert rejection(incident(**{"line\nbreak": "x"})).reason is RejectReason.SCHEMA
    assert rejection(incident(schema="x"), decode=decode_turnout).reason is RejectReason.SCHEMA


def test_an_error_never_repeats_the_payload():
    secret = "Budi-1671012345670001"
    for field in INCIDENT:
        assert secret not in rejection(incident(**{field: secret + "\n" + secret * 14})).error
    assert secret not in rejection(b'{"event_id": ' + secret.encode()).error


@pytest.mark.parametrize("text", ["[]", "1", '"text"', "null", "true", "[{}]"])
def test_json_other_than_an_object_is_a_schema_error(text):
    rejected = rejection(text.encode())
    assert (rejected.reason, rejected.error) == (RejectReason.SCHEMA, "the message must be one JSON object")


INVALID_JSON = {
    "empty": b"",
    "blank": b"  \n",
    "cut": incident()[:-1],
    "garbage after": incident() + b"x",
    "two objects": incident() + incident(),
    "trailing comma": incident()[:-1] + b",}",
    "single quotes": incident().replace(b'"', b"'"),
    "comment": incident() + b"// done",
    "NaN": incident().replace(b'"severity": 3', b'"severity": NaN'),
    "Infinity": incident().replace(b'"severity": 3', b'"severity": Infinity'),
    "-Infinity": incident().replace(b'"severity": 3', b'"severity": -Infinity'),
    "NaN in an unknown field": incident()[:-1] + b', "note": NaN}',
    "leading zero": incident().replace(b'"severity": 3', b'"severity": 03'),
    "plus sign": incident().replace(b'"severity": 3', b'"severity": +3'),
    "hex": incident().replace(b'"severity": 3', b'"severity": 0x3'),
    "raw control character": incident().replace(b"TPS 012", b"TPS\x01012"),
    "raw newline in a string": incident().replace(b"TPS 012", b"TPS\n012"),
    "bad escape": incident().replace(b"TPS 012", b"TPS\\q012"),
    "lone surrogate": incident().replace(b"TPS 012", b"\\ud800"),
    "byte order mark": b"\xef\xbb\xbf" + incident(),
    "deep nesting": b'{"event_id": ' + b"[" * 5000 + b"]" * 5000 + b"}",
    "deeper nesting, cut": b"[" * 16_000,
    "deep objects": b'{"a":' * 2500 + b"1" + b"}" * 2500,
    "nesting beyond the parser alone": b'{"event_id": ' + b"[" * 300 + b"]" * 300 + b"}",
}


@pytest.mark.parametrize("value", INVALID_JSON.values(), ids=INVALID_JSON.keys())
def test_text_other_than_json_is_invalid_json(value):
    assert rejection(value).reason is RejectReason.INVALID_JSON


def test_a_record_without_a_value_is_invalid_json():
    assert rejection(None).reason is RejectReason.INVALID_JSON


REPEATED = {
    "same value": incident()[:-1] + b', "severity": 3}',
    "another value": b'{"severity": 5, ' + incident()[1:],
    "written with an escape": incident()[:-1] + b', "\\u0073everity": 5}',
    "a text field": incident()[:-1] + b', "station": "TPS 013"}',
    "null for a text field": incident(station=None)[:-1] + b', "station": "TPS 013"}',
    "text, then null": incident()[:-1] + b', "station": null}',
    "an optional boolean": incident()[:-1] + b', "is_exercise": true}',
    "the version": incident(schema="siaga.incident/2")[:-1] + b', "schema": "siaga.incident/2"}',
    "the origin": incident(origin="kpu")[:-1] + b', "origin": null}',
    "the village": incident(village="16.71.01.1001")[:-1] + b', "village": "16.71.01.1002"}',
    "hidden among escapes": incident(station='a"b')[:-1] + b', "revision": 2}',
    "an unknown field": incident()[:-1] + b', "note": 1, "note": 1}',
    "inside an unknown field": incident()[:-1] + b', "note": {"a": 1, "a": 1}}',
}


@pytest.mark.parametrize("value", REPEATED.values(), ids=REPEATED.keys())
def test_a_repeated_key_is_invalid_json(value):
    rejected = rejection(value)
    assert rejected.reason is RejectReason.INVALID_JSON and rejected.error.endswith(": the key is repeated")


def test_a_repetition_of_any_key_is_found():
    new = {"schema": "siaga.incident/2", "origin": "polda", "village": "16.71.01.1001"}
    messages = ((INCIDENT, new, decode_incident), (TURNOUT, {"village": "16.71.01.1001"}, decode_turnout))
    for message, optional, decode in messages:
        for field, content in (message | optional).items():
            value = json.dumps(message | optional)
            twice = f"{value[:-1]}, {json.dumps(field)}: {json.dumps(content)}}}".encode()
            assert rejection(twice, decode=decode).error == f"{field}: the key is repeated"


def test_escapes_are_accepted_when_no_key_repeats():
    assert decode_incident(incident(station='a "b" \\ c')).station == 'a "b" \\ c'
    escaped = json.dumps(INCIDENT | {"station": "Désa 😀"}).encode()
    assert decode_incident(escaped).station == "Désa 😀"
    assert decode_incident(incident().replace(b'"severity"', b'"\\u0073everity"')).severity == 3


def test_white_space_and_key_order_have_no_meaning():
    spread = json.dumps(dict(reversed(INCIDENT.items())), indent=4).encode()
    assert decode_incident(b"\r\n\t " + spread + b"\n") == decode_incident(incident())


NOT_UTF8 = {
    "Latin-1": incident(station="Désa").decode().encode("latin-1"),
    "overlong": incident().replace(b"TPS 012", b"\xc0\xaf"),
    "surrogate": incident().replace(b"TPS 012", b"\xed\xa0\x80"),
    "cut": incident().replace(b"TPS 012", b"\xe2\x82"),
    "gzip": b"\x1f\x8b\x08\x00\x00\x00",
    "UTF-16 with mark": incident().decode().encode("utf-16"),
    "UTF-16 without mark": incident().decode().encode("utf-16-le"),
    "UTF-16, big end first": incident().decode().encode("utf-16-be"),
    "also not JSON": b"\xff{",
}


@pytest.mark.parametrize("value", NOT_UTF8.values(), ids=NOT_UTF8.keys())
def test_bytes_other_than_utf8_are_rejected_as_such(value):
    assert rejection(value).reason is RejectReason.NOT_UTF8


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_is_named_and_not_taken_for_framing(encoding):
    line = ("\n" + incident().decode()).encode(encoding)
    rejected = rejection(line[line.index(b"\n") + (encoding != "utf-16-be") :])
    assert (rejected.reason, rejected.error) == (RejectReason.NOT_UTF8, "UTF-16: send UTF-8")


def test_the_version_may_be_left_out_or_said():
    assert decode_incident(incident(schema="siaga.incident/2")) == decode_incident(incident())
    assert decode_turnout(turnout(schema="siaga.turnout/2")) == decode_turnout(turnout())


def test_another_version_is_told_apart_whatever_else_the_message_holds():
    newer = without(INCIDENT | {"schema": "siaga.incident/3", "crowd": {"size": 40}, "severity": "high"}, "status")
    rejected = rejection(newer)
    assert rejected.reason is RejectReason.UNSUPPORTED_VERSION
    reads = "schema: siaga.incident/3 is not read by this version, which reads siaga.incident/2"
    assert rejected.error == f"{reads}; redrive it after the upgrade"
    older = rejection(turnout(schema="siaga.turnout/1"), decode=decode_turnout)
    assert older.reason is RejectReason.UNSUPPORTED_VERSION and older.error.endswith("; send that")


def test_another_version_must_be_json_all_the_same():
    assert rejection(incident(schema="siaga.incident/3")[:-1]).reason is RejectReason.INVALID_JSON


def test_a_value_of_16_kib_is_accepted_and_one_byte_more_is_too_large():
    value = incident()
    assert decode_incident(value + b" " * (VALUE_MAX_BYTES - len(value)))
    assert rejection(value + b" " * (VALUE_MAX_BYTES - len(value) + 1)).reason is RejectReason.TOO_LARGE
    assert rejection(b"\x00" * (VALUE_MAX_BYTES + 1)).reason is RejectReason.TOO_LARGE


def test_schema_registry_framing_is_an_unsupported_encoding():
    assert rejection(b"\x00\x00\x00\x00\x07" + incident()).reason is RejectReason.UNSUPPORTED_ENCODING
    assert rejection(b"\x00").reason is RejectReason.UNSUPPORTED_ENCODING


def test_a_huge_integer_anywhere_is_a_schema_error():
    assert rejection(b'{"note": ' + b"9" * 16_000 + b"}").reason is RejectReason.SCHEMA
    assert rejection(incident().replace(b'"severity": 3', b'"severity": 1e999')).reason is RejectReason.SCHEMA


@pytest.mark.parametrize("before, after", [(b"[", b"]"), (b'{"a":', b"}"), (b'[{"]":', b"}]")])
def test_what_is_nested_too_deeply_is_no_json_on_any_python(before, after):
    times = NESTING_MAX // (before.count(b"[") + before.count(b"{"))
    assert rejection(before * times + b"1" + after * times).reason is RejectReason.SCHEMA
    deeper = before * times + b"[1]" + after * times
    rejected = rejection(deeper)
    assert (rejected.reason, rejected.error) == (RejectReason.INVALID_JSON, "nested too deeply")
    assert rejection(b"[" * 9_000).error == "nested too deeply"


def test_brackets_in_strings_nest_nothing():
    text = '[{"' * 300 + '\\"['
    assert rejection(incident(severity=9, unknown=text)).reason is RejectReason.SCHEMA
