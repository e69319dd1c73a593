"""One escalation as a CAP document: golden vectors, the OASIS schema, the meaning of each mapped field."""

import xml.etree.ElementTree as ET
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.integrations.cap.document import AlertStatus, CapProfile, ProfileError, document, identifier
from apps.integrations.cap.references import MessageChains
from schemas.outward import Outward
from tests.apps.integrations.cap import standard
from tests.apps.integrations.cap.oasis_schema import oasis_schema
from tests.apps.integrations.escalations import evidence, letting_out, parsed, timelines

GOLDEN = Path(__file__).with_name("golden")
ACTUAL = CapProfile(AlertStatus.ACTUAL, "siaga.example.org", "Sekretariat Siaga", "+07:00")
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


def story(profile: CapProfile) -> dict[str, bytes]:
    """Documents of the STORY, by the name of its step."""
    chains = MessageChains()
    steps = {name: parsed(number, **changes) for number, (name, changes) in enumerate(STORY.items())}
    return {name: document(step, chains.append(step), profile) for name, step in steps.items()}


def one(profile: CapProfile = ACTUAL, **changes: object) -> bytes:
    escalation = parsed(**changes)
    return document(escalation, MessageChains().append(escalation), profile)


@pytest.mark.parametrize("name", STORY)
def test_the_same_escalations_give_the_golden_bytes(name: str):
    assert story(ACTUAL)[name] + b"\n" == (GOLDEN / f"{name}.xml").read_bytes()


@settings(max_examples=30, deadline=None)
@given(timelines())
def test_the_oasis_schema_accepts_every_document_of_every_timeline(timeline: list[Outward]):
    schema, chains = oasis_schema(), MessageChains()
    from lxml import etree

    for escalation in timeline:
        schema.assertValid(etree.fromstring(document(escalation, chains.append(escalation), ACTUAL)))


def test_the_oasis_schema_and_the_texts_rules_reject_invalid_documents():
    schema, good = oasis_schema(), one()
    from lxml import etree

    assert schema.validate(etree.fromstring(good)) and not standard.faults(good)
    for old, new in [(b"+07:00</sent>", b"Z</sent>"), (b"Actual", b"Real"), (b"<scope>Restricted</scope>", b"")]:
        assert old in good and not schema.validate(etree.fromstring(good.replace(old, new, 1)))
    for old, new in [(b"siaga.example.org", b"a b"), (b"restriction>", b"note>"), (b">Alert<", b">Update<")]:
        assert old in good and standard.faults(good.replace(old, new))


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=40), st.text(st.sampled_from("<>&\"' ],;\x00\x0b\r\n\u2028\ufffe")))
def test_no_name_breaks_a_document_or_its_line(name: str, nasty: str):
    made = one(name=name + nasty)
    assert standard.faults(made) == [] and len(made.splitlines()) == 1
    seen = standard.text(made, "info/area/areaDesc") or ""
    assert len(seen) == len(name + nasty)
    assert all(shown in (meant, "\ufffd") for shown, meant in zip(seen, name + nasty, strict=True))


def test_it_is_an_exercise_unless_told_and_says_so_where_people_look():
    made = one(CapProfile())
    assert standard.text(made, "status") == "Exercise" and "no actual alert" in (standard.text(made, "note") or "")
    assert [headline.split(".")[0] for headline in standard.texts(made, "info/headline")] == ["LATIHAN", "EXERCISE"]
    assert standard.text(one(CapProfile(AlertStatus.TEST)), "status") == "Test"
    assert standard.texts(one(), "info/headline")[1] == "Kota Palembang raised to WASPADA (watch)"


def test_documents_of_different_status_never_share_an_identifier():
    assert len({identifier(parsed(), CapProfile(status, "a.example")) for status in AlertStatus}) == 3


def test_the_scope_is_restricted_to_the_routes_of_the_escalation():
    made = one(routes=["police", "kominda"])
    assert standard.text(made, "scope") == "Restricted"
    assert standard.text(made, "restriction") == "Only for police, kominda. Not for the public."
    assert standard.texts(made, "info/audience") == [
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
def test_urgency_severity_certainty_and_response_follow_from_the_escalation(
    changes, urgency, severity, certainty, responses
):
    made = one(**changes)
    assert standard.texts(made, "info/urgency") == [urgency] * 2
    assert standard.texts(made, "info/severity") == [severity] * 2
    assert standard.texts(made, "info/certainty") == [certainty] * 2
    assert standard.texts(made, "info/responseType") == responses * 2


@settings(max_examples=60, deadline=None)
@given(timelines())
def test_unverified_is_at_most_possible_and_silence_never_all_clear(timeline: list[Outward]):
    for escalation in timeline:
        made = one(**{name: getattr(escalation, name) for name in ("level", "previous_level", "change", "unverified")})
        if escalation.unverified and escalation.change not in ("stale", "recovered"):
            assert standard.text(made, "info/certainty") == "Possible"
        if escalation.change in ("stale", "recovered"):
            assert "AllClear" not in standard.texts(made, "info/responseType")
        assert "Extreme" not in standard.texts(made, "info/severity")
        assert "Execute" not in standard.texts(made, "info/responseType")


def test_categories_follow_from_the_evidence_else_from_the_score_components():
    hazard = evidence(category="natural_hazard")
    money = evidence(category="money_politics", weight=2)
    assert standard.texts(one(), "info/category") == ["Security"] * 2
    assert standard.texts(one(evidence=[hazard, money]), "info/category") == ["Safety", "Other"] * 2
    assert standard.texts(one(evidence=[]), "info/category") == ["Security", "Other"] * 2
    assert standard.texts(one(evidence=[], components={"turnout": 45}), "info/category") == ["Other"] * 2


def test_parameters_and_geocode_hold_the_machine_readable_fields():
    info = ET.fromstring(one()).find(standard.NS + "info")
    assert info is not None
    pairs = [(pair[0].text, pair[1].text) for pair in info.findall(standard.NS + "parameter")]
    assert ("siaga.score", "45") in pairs and ("siaga.level", "waspada") in pairs
    assert ("siaga.ruleset", "sumsel-pilkada-2024@1") in pairs and ("siaga.ledger", "3/1") in pairs
    assert ("siaga.evidence", "clash 3 verified 4 2") in pairs
    area = info.find(f"{standard.NS}area/{standard.NS}geocode")
    assert area is not None and [child.text for child in area] == ["KEMENDAGRI", "16.71"]


@pytest.mark.parametrize(("odds", "told"), [(0.7, ["0.70"]), (None, [])])
def test_a_parameter_holds_the_odds_where_there_are_any(odds, told):
    info = ET.fromstring(one(odds=odds)).find(standard.NS + "info")
    assert info is not None
    pairs = [(pair[0].text, pair[1].text) for pair in info.findall(standard.NS + "parameter")]
    assert [value for name, value in pairs if name == "siaga.odds"] == told


@pytest.mark.parametrize(
    ("incident_ids", "sources", "told"),
    [(True, False, " polda-siskamtibmas/000077"), (False, True, " bawaslu,polda"), (True, True, None)],
)
def test_the_ruleset_decides_whether_a_document_names_incidents_and_agencies(incident_ids, sources, told):
    made = one(rule=letting_out(incident_ids, sources)).decode()
    told = told or " polda-siskamtibmas/000077 bawaslu,polda"
    assert f"<value>clash 3 verified 4 2{told}</value>" in made
    assert ("000077" in made, "bawaslu,polda" in made) == (incident_ids, sources)


def test_a_province_is_named_in_each_language():
    made = one(regency="16", name="Province 16")
    assert standard.texts(made, "info/area/areaDesc") == ["Provinsi 16", "Province 16"]


@pytest.mark.parametrize("offset", ["+07:00", "+09:00", "-00:00", "-03:30"])
def test_times_use_the_configured_offset(offset: str):
    sent = standard.text(one(CapProfile(utc_offset=offset)), "sent") or ""
    assert sent.endswith(offset)
    assert datetime.fromisoformat(sent) == parsed().event_time


@pytest.mark.parametrize(
    "profile",
    [{"sender": "a b"}, {"sender": "a,b"}, {"sender": "a<b"}, {"sender": ""}, {"utc_offset": "7"}, {"utc_offset": "Z"}]
    + [{"status": AlertStatus.ACTUAL}],
)
def test_a_profile_that_cap_forbids_is_rejected(profile: dict):
    with pytest.raises(ProfileError):
        CapProfile(**profile)
