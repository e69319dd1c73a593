"""Laws of the odds: where there are any, what they follow from, and that more of it never lowers them."""

import math
from importlib import resources
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.ruleset import Ruleset, RulesetError
from schemas.ruleset.odds import OddsRule
from schemas.vocabulary import ALARMS
from streams.risk.odds import AGENCIES_MOST, JUDGED, LEAST, MOST, Basis, basis_of, odds, odds_of
from streams.rules import Rules
from tests.streams.ledgers import (
    EIGHT_MS,
    HOUR_MS,
    MINUTE_MS,
    PALEMBANG,
    fresh,
    incident,
    ledgers,
    run,
    tick,
)
from tests.streams.test_rolling_sum import PLAIN, reports

RULESET = Ruleset.default()
NAMES = tuple(OddsRule.model_fields)


def table(**values: float) -> OddsRule:
    """A table with these numbers; the others are 0."""
    number = {"unit": "log odds", "reason": "for the test"}
    return OddsRule.model_validate({name: number | {"value": float(values.get(name, 0))} for name in NAMES})


def surge(count: int, minutes: int = 60) -> list:
    """So many clashes by two agencies, one a minute, and the time after them."""
    told = [
        (PALEMBANG, [incident(n, EIGHT_MS + n * MINUTE_MS, "clash", 3, source=("polri", "bawaslu")[n % 2])])
        for n in range(count)
    ]
    return [tick(EIGHT_MS), *told, *(tick(EIGHT_MS + (count + n) * MINUTE_MS) for n in range(minutes))]


def escalation(**fields) -> dict:
    """One as it is published, of two incidents by three agencies."""
    evidence = [
        {"severity": 3, "agencies": ["bawaslu", "polri"]},
        {"severity": 2, "agencies": ["kpu", "polri"]},
    ]
    whole = {
        "change": "raised", "level": "siaga", "reason": "incident_pressure", "unverified": False,
        "components": {"security": 40, "integrity": 0, "supply": 0, "process": 12, "turnout": 3, "neighbours": 7},
        "evidence": evidence,
    }  # fmt: skip
    return whole | fields


def test_the_basis_is_what_the_escalation_says():
    assert basis_of(escalation()) == Basis("siaga", 52, 2, 3, 2)
    amended = escalation(change="amended", reason="correction", unverified=True, level="awas", evidence=[])
    assert basis_of(amended) == Basis("awas", 52, 0, 0, 2, is_amended=True, is_unverified=True)
    for reason in ("grave_incident", "grave_incident_confirmed"):
        assert basis_of(escalation(reason=reason)).is_grave


def test_the_odds_are_the_logistic_of_the_sum():
    rule = table(siaga=-3, waspada=9, points=0.5, points_per_report=0.25, agencies=0.125, several_groups=0.5, grave=9)
    log_odds = -3 + 0.5 * 5.2 + 0.25 * math.log2(27) + 0.125 * 3 + 0.5
    assert odds_of(rule, escalation()) == round(1 / (1 + math.exp(-log_odds)), 2) == 0.84
    assert odds(table(amended=1), Basis("siaga", 0, 0, 0, 0, is_amended=True)) == 0.73
    assert odds(table(unverified=-1), Basis("siaga", 0, 0, 0, 0, is_unverified=True)) == 0.27
    assert odds(table(grave=2), Basis("siaga", 0, 0, 0, 0, is_grave=True)) == 0.88


@pytest.mark.parametrize(("level", "value"), [("waspada", 0.27), ("siaga", 0.5), ("awas", 0.73)])
def test_each_level_begins_where_its_number_says(level, value):
    assert odds(table(waspada=-1, siaga=0, awas=1), Basis(level, 0, 0, 0, 0)) == value


bases = st.builds(
    Basis,
    st.sampled_from(ALARMS),
    st.integers(0, 100),
    st.integers(0, 20),
    st.integers(0, 9),
    st.integers(0, 4),
    *[st.booleans()] * 3,
)
numbers = st.fixed_dictionaries(
    {name: st.floats(-5, 5, allow_nan=False) for name in ("waspada", "siaga", "awas", "amended")}
    | {name: st.floats(0, 3) for name in ("points", "points_per_report", "agencies", "several_groups", "grave")}
    | {"unverified": st.floats(-3, 0)}
)


@given(numbers, bases)
def test_more_points_agencies_and_groups_never_lower_the_odds_and_one_agency_alone_never_raises_them(values, basis):
    rule = table(**values)
    value = odds(rule, basis)
    assert LEAST <= value <= MOST and value == round(value, 2)
    for more in (
        basis._replace(points=basis.points + 1),
        basis._replace(agencies=basis.agencies + 1),
        basis._replace(groups=basis.groups + 1),
        basis._replace(is_grave=True),
        basis._replace(is_unverified=False),
    ):
        assert odds(rule, more) >= value


@given(numbers, bases, st.integers(1, 20))
def test_reports_that_bring_as_many_points_as_those_before_never_lower_the_odds(values, basis, reports):
    before = basis._replace(reports=reports, points=3 * reports)
    after = basis._replace(reports=reports + 1, points=3 * reports + 3)
    assert odds(table(**values), after) >= odds(table(**values), before)


def test_agencies_count_up_to_four():
    rule = table(agencies=0.5)
    values = [odds(rule, Basis("siaga", 0, 0, count, 0)) for count in range(AGENCIES_MOST + 3)]
    assert all(fewer < more for fewer, more in pairwise(values[: AGENCIES_MOST + 1]))
    assert len(set(values[AGENCIES_MOST:])) == 1


@pytest.mark.parametrize(
    ("number", "value"), [("points", -0.1), ("agencies", -0.1), ("grave", -1), ("unverified", 0.1), ("siaga", 21)]
)
def test_a_table_in_which_more_makes_less_likely_is_refused(number, value):
    with pytest.raises(ValueError, match="value must"):
        table(**{number: value})


def test_raises_and_amendments_have_odds_and_falls_have_none():
    changes = run([*surge(12), *(tick(EIGHT_MS + 3 * HOUR_MS + n * MINUTE_MS) for n in range(180))]).changes(PALEMBANG)
    assert {"raised", "stale"} <= {item["change"] for item in changes}
    for item in changes:
        assert (item["odds"] is not None) == (item["change"] in JUDGED), item
        assert item["odds"] == odds_of(RULESET.odds, item)
    assert changes[-1]["odds"] is None
    for change in ("lowered", "cleared", "stale", "recovered"):
        assert odds_of(RULESET.odds, escalation(change=change)) is None
    assert odds_of(RULESET.odds, escalation(change="amended")) is not None


def test_a_province_a_rolling_sum_and_a_ruleset_without_the_table_have_none():
    outputs = run(surge(12))
    notices = [("16", [entry]) for target, entry in outputs.notices if target == "16"]
    of_province = run([*notices, tick(EIGHT_MS + HOUR_MS)]).changes("16")
    assert of_province and all(item["odds"] is None for item in of_province)
    plain = run(reports(7, 5, EIGHT_MS), fresh(PLAIN)).changes(PALEMBANG)
    assert plain and all(item["odds"] is None for item in plain)
    without = Rules(RULESET.model_copy(update={"odds": None}))
    unjudged = run(surge(12), fresh(without)).changes(PALEMBANG)
    assert [item["level"] for item in unjudged] == [item["level"] for item in outputs.changes(PALEMBANG)]
    assert all(item["odds"] is None for item in unjudged)


def test_the_table_goes_with_the_model_of_surprise():
    text = (Ruleset.packaged("rolling-sum-60min")).model_dump(mode="json")
    with pytest.raises(ValueError, match="odds goes with"):
        Ruleset.model_validate(text | {"odds": RULESET.odds.model_dump(mode="json")})
    with pytest.raises(RulesetError, match="operating_point is missing"):
        Ruleset.parse(without_table("operating_point"))
    assert Ruleset.parse(without_table("odds")).odds is None


def without_table(name: str) -> str:
    """The packaged text without one table."""
    text = resources.files("schemas").joinpath("rulesets/sumsel-pilkada-2024.toml").read_text(encoding="utf-8")
    head, _, rest = text.partition(f"[{name}]\n")
    assert rest
    return head + "".join(f"[{part}" for part in rest.split("\n[")[1:])


@given(ledgers())
def test_the_same_ledger_gives_the_same_odds_however_it_is_framed(frames):
    one_by_one = [(key, [entry]) for key, entries in frames for entry in entries]
    framed, single = run(frames).changes(), run(one_by_one).changes()
    assert [item["odds"] for item in framed] == [item["odds"] for item in single]
    for item in framed:
        is_judged = item["change"] in JUDGED and "." in item["regency"]
        assert item["odds"] == (odds_of(RULESET.odds, item) if is_judged else None)
