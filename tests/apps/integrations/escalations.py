"""Escalations for tests of CAP and webhooks: plausible ones, and timelines that the risk model can produce."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from hypothesis import strategies as st

from schemas.escalation import Escalation
from schemas.outward import Outward, let_out
from schemas.ruleset import Ruleset
from schemas.ruleset.outward import LetOut, OutwardRule

START = datetime(2024, 11, 27, 1, 14, tzinfo=UTC)
BASE: dict[str, Any] = {
    "schema": "siaga.escalation/2",
    "regency": "16.71",
    "name": "Kota Palembang",
    "episode": 1,
    "change": "raised",
    "level": "waspada",
    "previous_level": "normal",
    "score": 45,
    "threshold": 25,
    "reason": "incident_pressure",
    "components": {"security": 40, "integrity": 0, "turnout": 5},
    "evidence": [
        {
            "origin": "polda-siskamtibmas",
            "incident_id": "000077",
            "sources": ["bawaslu-desk", "polda-siskamtibmas"],
            "agencies": ["bawaslu", "polda"],
            "category": "clash",
            "severity": 3,
            "status": "verified",
            "weight": 4,
        },
        {
            "origin": "bawaslu-desk",
            "incident_id": "urn:142",
            "sources": ["bawaslu-desk"],
            "agencies": ["bawaslu"],
            "category": "intimidation",
            "severity": 3,
            "status": "reported",
            "weight": 4,
        },
    ],
    "routes": ["police", "kpu", "bawaslu", "governor"],
    "unverified": False,
    "ruleset": "sumsel-pilkada-2024@1",
}
PACKAGED = Ruleset.default().outward
LEVELS = ("normal", "waspada", "siaga", "awas")


def evidence(**changes: Any) -> dict[str, Any]:
    """An incident that an escalation names."""
    item = {"origin": "bpbd", "incident_id": "x", "sources": ["bpbd"], "agencies": ["bpbd"], "category": "clash"}
    return item | {"severity": 3, "status": "reported", "weight": 4} | changes


def escalation(number: int = 1, **changes: Any) -> dict[str, Any]:
    """A plausible escalation; each number has an id of its own and is a minute later."""
    moment = (START + timedelta(minutes=number)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    made = BASE | {
        "escalation_id": hashlib.blake2b(str(number).encode(), digest_size=16).hexdigest(),
        "event_time": moment,
        "ledger": {"partition": 3, "offset": number},
    }
    return made | changes


def value(number: int = 1, **changes: Any) -> bytes:
    return orjson.dumps(escalation(number, **changes))


def letting_out(incident_ids: bool, sources: bool) -> OutwardRule:
    """A rule of what leaves."""
    told, kept = (LetOut(let_out=yes, reason="for the test") for yes in (True, False))
    return OutwardRule(incident_ids=told if incident_ids else kept, sources=told if sources else kept)


def parsed(number: int = 1, rule: OutwardRule = PACKAGED, **changes: Any) -> Outward:
    """The escalation as it leaves, by the packaged ruleset unless `rule` says otherwise."""
    return let_out(Escalation.model_validate_json(value(number, **changes)), rule)


def posted(escalation: dict[str, Any]) -> dict[str, Any]:
    """The body of a webhook that tells of an escalation, by the packaged ruleset."""
    return orjson.loads(let_out(Escalation.model_validate_json(orjson.dumps(escalation)), PACKAGED).body())


@st.composite
def timelines(draw: st.DrawFn) -> list[Outward]:
    """What one regency can publish: levels move by the ladder's rules, with silences and corrections in between."""
    level, episode, is_stale, made = 0, 0, False, []
    for number in range(draw(st.integers(1, 25))):
        before, can = level, ["rise"] * (level < 3) + ["fall"] * (level > 0 and not is_stale) + ["amend"] * (level > 0)
        step = draw(st.sampled_from([*can, "recover" if is_stale else "stale"]))
        if step == "rise":
            level, change = draw(st.integers(level + 1, 3)), "raised"
            episode += not before
        elif step == "fall":
            level -= 1
            change = "lowered" if level else "cleared"
        else:
            change = {"amend": "amended", "stale": "stale", "recover": "recovered"}[step]
            is_stale = {"stale": True, "recover": False}.get(step, is_stale)
        names = {"change": change, "level": LEVELS[level], "previous_level": LEVELS[before], "episode": episode}
        made.append(parsed(number, unverified=draw(st.booleans()), **names))
    return made
