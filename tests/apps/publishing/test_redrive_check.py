"""What may be redriven now: by the sources file in force, and to the topics that the user may write."""

import json

from apps.publishing.redrive import IntakeCheck
from apps.publishing.rejects import Origin, Reject
from schemas.roster import Roster
from schemas.sources import Sources
from schemas.topics import TopicNames
from streams.admission import ClockMode, Gate
from tests.agents.test_intake import NOON_MS, incident

FILE = '[sources.kpu]\nagency = "kpu"\ninput = "kpu"\n'


def check(text: str) -> IntakeCheck:
    sources = Sources.parse(text)
    gate = Gate(Roster.default(), ClockMode.EVENT, sources)
    return IntakeCheck(gate, TopicNames(), ClockMode.EVENT, lambda: NOON_MS, sources.inputs)


def reject(topic: str, source: str) -> Reject:
    return Reject("line 1", Origin(topic, 0, 0), None, incident(source=source))


def test_what_was_refused_is_valid_once_the_file_names_its_source():
    refused = reject("siaga.incidents", "media-x")
    before, after = 'unknown = "reject"\n' + FILE, '[sources.media-x]\nagency = "media-x"\n'
    assert check(before).rejection(refused) == ("source_not_allowed", "source: not in the sources file")
    assert check(before + after).rejection(refused) is None


def test_each_topic_is_checked_by_its_own_rules():
    assert check(FILE).topics == [
        "siaga.incidents", "siaga.turnout", "siaga.incidents.kpu", "siaga.turnout.kpu",
    ]  # fmt: skip
    assert check(FILE).rejection(reject("siaga.incidents.kpu", "kpu")) is None
    assert check(FILE).rejection(reject("siaga.incidents", "kpu")) == (
        "source_not_allowed",
        "source: reports on the input kpu only",
    )


def test_nothing_is_sent_to_a_topic_that_the_user_may_not_write():
    made = check(FILE)
    made.keep_to(["siaga.incidents", "siaga.turnout"])
    reason, error = made.rejection(reject("siaga.incidents.kpu", "kpu")) or ("", "")
    assert (reason, error) == (
        "unreadable",
        "source.topic: siaga.incidents.kpu is not one of siaga.incidents, siaga.turnout",
    )


def test_a_cloudevent_in_structured_mode_is_checked_as_one():
    message = json.loads(incident(source="media-x"))
    event = {"specversion": "1.0", "id": "1", "type": "report", "source": "/media", "data": message}
    made, where = check(FILE), Origin("siaga.incidents", 0, 0)
    assert made.rejection(Reject("line 1", where, None, json.dumps(event).encode())) is None
    event["data"] = message | {"severity": 9}
    reason, error = made.rejection(Reject("line 1", where, None, json.dumps(event).encode())) or ("", "")
    assert (reason, error[: len("data.severity: ")]) == ("schema", "data.severity: ")
