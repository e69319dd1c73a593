"""Which records hold an incident: its whole key in internal topics, origin and number in messages."""

import base64
import json

import pytest

from apps.history.copies import holds
from schemas.ledger import encode_frames
from schemas.topics import SPECS, Topic
from tests.streams.ledgers import EIGHT_MS, PALEMBANG, incident, join, run, tick

SPEC = {spec.topic: spec for spec in SPECS}
KEY = 'polda i-"1"'
MESSAGE = {"incident_id": 'i-"1"', "source": "polda", "event_id": "e"}


def told(topic: Topic, message: object) -> bool:
    return holds(SPEC[topic], KEY)(message if isinstance(message, bytes) else json.dumps(message).encode())


@pytest.mark.parametrize("topic", [Topic.INCIDENTS, Topic.REJECTED])
def test_a_message_holds_the_incident_that_it_names(topic):
    assert told(topic, MESSAGE)
    assert told(topic, MESSAGE | {"source": "kpu", "origin": "polda"})
    assert told(topic, {"specversion": "1.0", "data": MESSAGE})
    data = base64.b64encode(json.dumps(MESSAGE).encode()).decode()
    assert told(topic, {"specversion": "1.0", "data_base64": data})
    assert told(topic, {"incident_id": 'i-"1"'}), "whose numbering it is cannot be known"
    assert told(topic, b'{"incident_id": "i-\\u00221\\u0022", "source": "polda"}')


@pytest.mark.parametrize("topic", [Topic.INCIDENTS, Topic.REJECTED])
def test_a_message_of_another_number_or_numbering_does_not_hold_it(topic):
    assert not told(topic, MESSAGE | {"incident_id": 'i-"1"2'})
    assert not told(topic, MESSAGE | {"origin": "kpu"})
    assert not told(topic, {"specversion": "1.0", "data_base64": "=broken"})
    assert not told(topic, b"\xff\x00 no message")


def test_of_what_is_no_json_the_number_in_quotes_counts():
    assert holds(SPEC[Topic.REJECTED], "polda 142")(b'{"incident_id": "142", ')
    assert not holds(SPEC[Topic.REJECTED], "polda 142")(b'{"incident_id": "1421", ')


def test_a_frame_and_a_state_record_hold_the_keys_in_them_and_no_part_of_one():
    entry = incident("a", EIGHT_MS, source="polda", incident='"1"')
    (frame,) = encode_frames([entry])
    (joined,) = encode_frames([join(EIGHT_MS, "kpu 7", KEY)])
    (longer,) = encode_frames([incident("a", EIGHT_MS, source="polda", incident='"1"0')])
    assert told(Topic.LEDGER, frame) and told(Topic.LEDGER, joined) and not told(Topic.LEDGER, longer)
    outputs = run([tick(EIGHT_MS), (PALEMBANG, [entry])])
    assert [key for key, record in outputs.state.items() if told(Topic.STATE, record)] == [b"16.71/i/1"]


def test_a_row_and_an_escalation_hold_the_incidents_that_they_name():
    named = {"origin": "polda", "incident_id": 'i-"1"'}
    assert told(Topic.RISK, {"candidate_pairs": [{"first": named, "second": {"origin": "kpu", "incident_id": "1"}}]})
    assert told(Topic.ESCALATIONS, {"evidence": [named | {"severity": 3}]})
    assert not told(Topic.ESCALATIONS, {"evidence": [named | {"origin": "kpu"}]})
