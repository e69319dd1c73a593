"""Laws of the escalation as it leaves the house: a list of what goes out, and the ruleset decides about names."""

import itertools
from importlib import resources

import jsonschema
import orjson
import pytest

from schemas.escalation import Escalation, Evidence
from schemas.examples import EXAMPLES
from schemas.jsonschema import OUTWARD, json_schema
from schemas.outward import OUTWARD_SCHEMA, Outward, OutwardEvidence, let_out
from schemas.ruleset import Ruleset, RulesetError
from schemas.ruleset.outward import LetOut, OutwardRule

EXAMPLE = Escalation.model_validate_json(orjson.dumps(EXAMPLES["escalation"]))
RULESETS = ("sumsel-pilkada-2024", "rolling-sum-60min")
NAMED = {"incident_ids": {"origin", "incident_id"}, "sources": {"sources", "agencies"}}
ALWAYS = {"category", "severity", "status", "weight", "source_count", "agency_count"}


def body(rule: OutwardRule) -> dict:
    return orjson.loads(let_out(EXAMPLE, rule).body())


@pytest.mark.parametrize("name", RULESETS)
def test_the_packaged_rulesets_let_no_number_and_no_name_of_a_source_out(name: str):
    made = let_out(EXAMPLE, Ruleset.packaged(name).outward).body()
    for item in EXAMPLE.evidence:
        for text in (item.origin, item.incident_id, *item.sources):
            assert f'"{text}"'.encode() not in made
    assert [set(item) for item in orjson.loads(made)["evidence"]] == [ALWAYS] * 2


@pytest.mark.parametrize("choices", list(itertools.product((True, False), repeat=2)))
def test_each_choice_of_the_table_lets_out_its_own_fields(choices: tuple[bool, bool]):
    told = {name: LetOut(let_out=yes, reason="for the test") for name, yes in zip(NAMED, choices, strict=True)}
    made = body(OutwardRule(**told))
    expected = ALWAYS.union(*(NAMED[name] for name, choice in told.items() if choice.let_out))
    assert [set(item) for item in made["evidence"]] == [expected] * 2
    for item, inside in zip(made["evidence"], EXAMPLES["escalation"]["evidence"], strict=True):
        assert {name: item[name] for name in expected & inside.keys()}.items() <= inside.items()
        assert (item["source_count"], item["agency_count"]) == (len(inside["sources"]), len(inside["agencies"]))
    jsonschema.Draft202012Validator(json_schema(OUTWARD)).validate(made)


def test_all_else_is_that_of_the_topic():
    made = let_out(EXAMPLE, Ruleset.default().outward)
    names = Outward.model_fields.keys() - {"schema_", "evidence"}
    assert names == Escalation.model_fields.keys() - {"schema_", "evidence"}
    assert {name: getattr(made, name) for name in names} == {name: getattr(EXAMPLE, name) for name in names}
    assert made.schema_ == OUTWARD_SCHEMA
    inside = Evidence.model_fields.keys()
    assert inside - OutwardEvidence.model_fields.keys() == set()


def test_odds_go_out_where_there_are_any_and_an_escalation_of_an_earlier_release_has_none():
    told = EXAMPLES["escalation"]
    rule = Ruleset.default().outward
    earlier = {name: value for name, value in told.items() if name != "odds"}
    for fields, expected in ((told, told["odds"]), (told | {"odds": None}, None), (earlier, None)):
        made = let_out(Escalation.model_validate_json(orjson.dumps(fields)), rule)
        assert made.odds == expected and orjson.loads(made.body()).get("odds") == expected
    for wrong in (-0.01, 1.01, "0.5"):
        with pytest.raises(ValueError, match="odds"):
            Escalation.model_validate_json(orjson.dumps(told | {"odds": wrong}))


def test_what_an_escalation_of_a_later_release_gains_stays_inside():
    later = EXAMPLES["escalation"] | {"told_by": "a person"}
    later["evidence"] = [item | {"station": "TPS 012"} for item in later["evidence"]]
    made = let_out(Escalation.model_validate(later, extra="ignore", strict=False), Ruleset.default().outward).body()
    assert b"told_by" not in made and b"station" not in made


def test_the_same_escalation_gives_the_same_bytes():
    rule = Ruleset.default().outward
    assert let_out(EXAMPLE, rule).body() == let_out(EXAMPLE.model_copy(deep=True), rule).body()


@pytest.mark.parametrize("name", RULESETS)
def test_a_ruleset_that_does_not_say_what_leaves_is_refused_by_field(name: str):
    text = resources.files("schemas").joinpath(f"rulesets/{name}.toml").read_text(encoding="utf-8")
    for wrong, field in (
        (text.split("[outward]")[0], "outward: Field required"),
        (text.replace("ids = { let_out = false", "ids = { let_out = 0"), "outward.incident_ids.let_out"),
        (text.replace("sources = { let_out = false,", "source = { let_out = false,"), "outward.sources"),
    ):
        with pytest.raises(RulesetError) as caught:
            Ruleset.parse(wrong)
        assert field in str(caught.value) and "\n" not in str(caught.value)
