"""The world `bawaslu`: its days stay what they were when figures were published on them."""

import hashlib

import orjson

from apps.simulation.day import Plan, simulate_day
from schemas.roster import Roster


def test_a_day_is_byte_for_byte_what_it_was_before_there_were_other_worlds():
    """The digest is of commit 882f2d96. Whoever changes it makes all published figures those of other days."""
    plan = Plan(20241127, per_day=3, hoax_chance=1.0, doubles=0.3)
    day, digest = simulate_day(Roster.default(), plan), hashlib.sha256()
    for message in day.messages:
        digest.update(b"%d %s %s\n" % (message.at_ms, message.topic.encode(), message.value))
    digest.update(orjson.dumps(day.truth.as_json(plan.offset_min)))
    assert digest.hexdigest() == "ae2de7a6f8b3f5d80f19a4666663ae88b95c2a3dd54acdd5fcefa077c7e75da7"
