"""One escalation as a CAP document: golden vectors, the OASIS schema, the meaning of each mapped field."""

import xml.etree.ElementTree as ET
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.integrations.cap.document import Profile, ProfileError, Status, document, identifier
from apps.integrations.cap.references import Chains
from schemas.escalation import Escalation
from tests.apps.integrations import cap_rules
from tests.apps.integrations.cap_schema import cap_schema
from tests.apps.integrations.escalations import parsed, timelines

GOLDEN = Path(__file__).with_name("golden")
ACTUAL = Profile(Status.ACTUAL, "siaga.example.org", "Sekretariat Siaga", "+07:00")
SILENT = {"reason": "silence", "evidence": [], "score": 0, "components": {"security": 0}, "routes": ["kpu", "bawaslu"]}
STORY: dict[str, dict] = {
    "1-alert": {"unverified": True},
    "2-update-raised": {"level": "awas", "previous_level": "waspada", "reason": "grave_incident_confirmed"},
    "3-update-amended": {"change": "amended", "level": "awas", "previous_level": "awas", "reason": "correction"},
    "4-cancel": {
        "change": "cleared",
        "level": "normal",
        "previous_level": "waspada",
        "reason": "calm",
        "threshold": 15,
    },
    "5-silence": {"change": "stale", "level": "normal", **SILENT},
    "6-silence-ends": {"change": "recovered", "level": "normal", **SILENT, "reason": "reports_resumed"},
}


def told(profile: Profile) -> dict[str, bytes]:
    """The story of one regency as documents, by the name of its step."""
    chains = Chains()
    steps = {name: parsed(number, **changes) for number, (name, changes) in enumerate(STORY.items())}
    return {name: document(step, chains.link(step), profile) for name, step in steps.items()}


def one(profile: Profile = ACTUAL, **changes: object) -> bytes:
    escalation = parsed(**changes)
    return document(escalation, Chains().link(escalation), profile)


@pytest.mark.parametrize("name", STORY)
def test_the_same_escalations_give_the_golden_bytes(name: str):
    assert told(ACTUAL)[name] + b"\n" == (GOLDEN / f"{name}.xml").read_bytes()


@settings(max_examples=30, deadline=None)
@given(timelines())
def test_the_oasis_schema_accepts_every_document_of_every_timeline(timeline: list[Escalation]):
    schema, chains = cap_schema(), Chains()
    from lxml import etree

    for escalation in timeline:
        schema.assertValid(etree.fromstring(document(escalation, chains.link(escalation), ACTUAL)))


def test_the_rules_of_these_tests_refuse_what_is_wrong():
    good = one()
    for old, new in [(b"+07:00</sent>", b"Z</sent>"), (b"Actual", b"Real"), (b"<scope>Restricted</scope>", b"")]:
        assert old in good and cap_rules.faults(good.replace(old, new, 1))


def test_the_oasis_schema_tells_good_from_bad():
    schema, good = cap_schema(), one()
    from lxml import etree

    assert schema.validate(etree.fromstring(good))
    assert not schema.validate(etree.fromstring(good.replace(b"+07:00</sent>", b"Z</sent>")))


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=40), st.text(st.sampled_from("<>&\"' ],;\x00\x0b\r\n\u2028\ufffe")))
def test_no_name_breaks_a_document_or_its_line(name: str, nasty: str):
    made = one(name=name + nasty)
    assert cap_rules.faults(made) == [] and len(made.splitlines()) == 1
    seen = cap_rules.text(made, "info/area/areaDesc") or ""
    assert len(seen) == len(name + nasty)
    assert all(shown in (meant, "\ufffd") for shown, meant in zip(seen, name + nasty, strict=True))


def test_it_is_an_exercise_unless_told_and_says_so_where_people_look():
    made = one(Profile())
    assert cap_rules.text(made, "status") == "Exercise" and "no actual alert" in (cap_rules.text(made, "note") or "")
    assert [headline.split(".")[0] for headline in cap_rules.texts(made, "info/headline")] == ["LATIHAN", "EXERCISE"]
    assert cap_rules.text(one(Profile(Status.TEST)), "status") == "Test"
    assert cap_rules.texts(one(), "info/headline")[1] == "Kota Palembang raised to WASPADA (watch)"


def test_an_exercise_and_the_real_thing_never_share_an_identifier():
    assert len({identifier(parsed(), Profile(status, "a.example")) for status in Status}) == 3


def test_it_is_restricted_to_the_authorities_of_the_ruleset():
    made = one(routes=["police", "kominda"])
    assert cap_rules.text(made, "scope") == "Restricted"
    assert cap_rules.text(made, "restriction") == "Only for police, kominda. Not for the public."
    assert cap_rules.texts(made, "info/audience") == [
        "Polisi, Kominda",
        "Police, Kominda (regional intelligence community)",
    ]


@pytest.mark.parametrize(
    ("changes", "urgency", "severity", "certainty", "responses"),
    [
        ({"level": "waspada"}, "Future", "Minor", "Observed", ["Monitor"]),
        ({"level": "siaga", "unverified": True}, "Expected", "Moderate", "Possible", ["Prepare", "Assess"]),
        ({"level": "awas", "evidence": []}, "Immediate", "Severe", "Likely", ["Prepare"]),
        ({"level": "normal", "change": "cleared"}, "Past", "Minor", "Observed", ["AllClear"]),
        ({"level": "siaga", "change": "stale"}, "Unknown", "Moderate", "Observed", ["Assess"]),
        ({"level": "normal", "change": "stale"}, "Unknown", "Unknown", "Observed", ["Assess"]),
        ({"level": "normal", "change": "recovered"}, "Past", "Unknown", "Observed", ["Monitor"]),
    ],
)
def test_level_and_confirmation_in_cap_s_words(changes, urgency, severity, certainty, responses):
    made = one(**changes)
    assert cap_rules.texts(made, "info/urgency") == [urgency] * 2
    assert cap_rules.texts(made, "info/severity") == [severity] * 2
    assert cap_rules.texts(made, "info/certainty") == [certainty] * 2
    assert cap_rules.texts(made, "info/responseType") == responses * 2


@settings(max_examples=60, deadline=None)
@given(timelines())
def test_unverified_is_never_more_than_possible_and_silence_never_all_clear(timeline: list[Escalation]):
    for escalation in timeline:
        made = one(**{name: getattr(escalation, name) for name in ("level", "previous_level", "change", "unverified")})
        if escalation.unverified and escalation.change not in ("stale", "recovered"):
            assert cap_rules.text(made, "info/certainty") == "Possible"
        if escalation.change in ("stale", "recovered"):
            assert "AllClear" not in cap_rules.texts(made, "info/responseType")
        assert "Extreme" not in cap_rules.texts(made, "info/severity")
        assert "Execute" not in cap_rules.texts(made, "info/responseType")


def test_the_category_comes_from_the_incidents_and_without_any_from_the_score():
    hazard = {"incident_id": "x", "category": "natural_hazard", "severity": 3, "status": "reported", "weight": 4}
    money = hazard | {"category": "money_politics", "weight": 2}
    assert cap_rules.texts(one(), "info/category") == ["Security"] * 2
    assert cap_rules.texts(one(evidence=[hazard, money]), "info/category") == ["Safety", "Other"] * 2
    assert cap_rules.texts(one(evidence=[]), "info/category") == ["Security", "Other"] * 2
    assert cap_rules.texts(one(evidence=[], components={"turnout": 45}), "info/category") == ["Other"] * 2


def test_what_machines_need_is_in_parameters_and_a_geocode():
    info = ET.fromstring(one()).find(cap_rules.NS + "info")
    assert info is not None
    pairs = [(pair[0].text, pair[1].text) for pair in info.findall(cap_rules.NS + "parameter")]
    assert ("siaga.score", "45") in pairs and ("siaga.level", "waspada") in pairs
    assert ("siaga.ruleset", "sumsel-pilkada-2024@1") in pairs and ("siaga.ledger", "3/1") in pairs
    assert ("siaga.evidence", "polda-000077 clash 3 verified 4") in pairs
    area = info.find(f"{cap_rules.NS}area/{cap_rules.NS}geocode")
    assert area is not None and [child.text for child in area] == ["KEMENDAGRI", "16.71"]


def test_a_province_is_named_in_each_language():
    made = one(regency="16", name="Province 16")
    assert cap_rules.texts(made, "info/area/areaDesc") == ["Provinsi 16", "Province 16"]


@pytest.mark.parametrize("offset", ["+07:00", "+09:00", "-00:00", "-03:30"])
def test_times_carry_the_offset_as_given_and_name_the_same_moment(offset: str):
    sent = cap_rules.text(one(Profile(utc_offset=offset)), "sent") or ""
    assert sent.endswith(offset)
    assert datetime.fromisoformat(sent) == parsed().event_time


@pytest.mark.parametrize(
    "profile",
    [{"sender": "a b"}, {"sender": "a,b"}, {"sender": "a<b"}, {"sender": ""}, {"utc_offset": "7"}, {"utc_offset": "Z"}]
    + [{"status": Status.ACTUAL}],
)
def test_what_cap_does_not_allow_is_refused_before_anything_is_written(profile: dict):
    with pytest.raises(ProfileError):
        Profile(**profile)
