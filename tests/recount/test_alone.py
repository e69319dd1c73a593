"""What one agency says alone: its points are cut at a limit, and what rests on them is unverified."""

import pytest

from tests.recount.changes import Amendment
from tests.recount.policy import DEFAULT_POLICY
from tests.recount.province import ProvinceComparison
from tests.recount.sample_entries import MINUTE_MS, SECOND_MS, TEN_MS, figure, notice, regency, told, word

TICK = ["k", TEN_MS + 15 * SECOND_MS]
MINUTE_LATER = ["k", TEN_MS + 75 * SECOND_MS]
INVENTED = {"registered": 1, "voted": 100_000}


def flood(source: str, count: int = 12, **changes: object) -> list[list]:
    return [word(source, **changes) for _ in range(count)]


def stations(source: str, count: int = 30) -> list[list]:
    return [figure(source, f"TPS {n:03d}", **INVENTED) for n in range(count)]


def test_incidents_turnout_and_neighbours_of_one_agency_are_forty_points_together():
    made = regency(*flood("x"), *stations("x"), notice("16.03", "awas", "x"), TICK)
    score = made.score()
    assert score.parts["security"] == 40 and score.parts["turnout"] == score.parts["neighbours"] == 0
    assert (score.total, score.alone, score.loudest) == (40, 40, {"x"})


def test_what_is_cut_are_neighbours_then_turnout_then_the_last_group():
    one = word("x", category="disinformation", severity=2)
    by_itself = regency(one, TICK).score().parts["integrity"]
    made = regency(one, *stations("x"), notice("16.03", "awas", "x"), TICK)
    parts = {name: count for name, count in made.score().parts.items() if count}
    assert parts == {"integrity": by_itself, "turnout": 40 - by_itself} and 15 < by_itself < 25


def test_points_of_several_agencies_are_not_cut():
    made = regency(*flood("x"), *flood("y"), *stations("z"), notice("16.03", "awas"), TICK)
    score = made.score()
    assert score.parts["security"] > 60 and score.parts["turnout"] == 100 - score.parts["security"] or score.total > 95
    assert score.alone <= 25


def test_a_level_that_rests_on_the_turnout_of_one_agency_is_unverified():
    made = told(regency(*stations("x"), TICK), MINUTE_LATER)
    assert made.ladder.level == 1 and made.last.unverified
    both = [figure("y", f"TPS {n:03d}", **INVENTED, as_of_ms=TEN_MS + n) for n in range(30, 60)]
    made = told(regency(*stations("x"), *both, TICK), MINUTE_LATER)
    assert made.ladder.level == 1 and not made.last.unverified


def test_a_level_that_others_confirm_is_amended_then_or_by_what_comes_later_in_the_same_moment():
    """Between two times of the grid the confirmation may wait for another one that was published."""
    late_ms = TEN_MS + 10 * MINUTE_MS
    made = told(regency(*stations("x"), TICK), MINUTE_LATER, ["k", late_ms])
    told(made, *(figure("y", f"TPS {n:03d}", late_ms, **INVENTED) for n in range(30, 60)))
    assert made.is_due and made.last.unverified and made.evaluate(None) == []
    assert made.evaluate(Amendment("correction", unverified=True)) == []
    assert made.evaluate(Amendment("confirmation", unverified=True)) == [] and made.last.unverified
    [change] = made.evaluate(Amendment("confirmation", unverified=False))
    assert (change.kind, change.reason, made.last.unverified) == ("amended", "confirmation", False)


def test_missing_and_outlying_figures_are_of_the_agency_that_tells_most():
    evening = TEN_MS + 9 * 60 * MINUTE_MS
    told_by = [figure("x", f"TPS {n}", evening) for n in range(3)]
    made = regency(*told_by, ["k", evening + 15 * SECOND_MS])
    assert made.score().parts["turnout"] == made.score().alone == 9
    made = regency(*told_by, *(figure("y", f"TPS 1{n}", evening) for n in range(3)), ["k", evening + 15 * SECOND_MS])
    assert made.score().parts["turnout"] == 9 and made.score().alone == 0


@pytest.mark.parametrize("sole, unverified", [("x", True), ("", False)])
def test_points_of_neighbours_are_of_the_agency_on_which_their_level_rests(sole, unverified):
    near = [notice(code, "awas", sole) for code in ("16.03", "16.04")]
    minor = [word(source, category="intimidation", severity=1) for source in ("x", "y", "z")]
    made = told(regency(*near, *minor, TICK), MINUTE_LATER)
    assert made.ladder.level == 1 and made.last.unverified == unverified


def test_a_grave_incident_raises_by_its_own_rule_however_much_is_cut():
    made = regency(*flood("x"), *stations("x"), word("x", severity=5, category="fatality"), TICK)
    assert made.ladder.level == 2 and made.last.unverified and made.urgent().agencies == {"x"}


MEMBERS = {f"16.{n:02d}": 500 for n in range(1, 9)}


def province(*members: tuple[str, str]) -> ProvinceComparison:
    """Levels of its members in order, and the agency on which each rests alone."""
    made = ProvinceComparison("16", MEMBERS, 0, DEFAULT_POLICY, {}, [])
    for code, (level, sole) in zip(MEMBERS, members, strict=False):
        made._notice(notice(code, level, sole))
    return made


def test_members_that_rest_on_one_agency_are_forty_points_of_the_province():
    made = province(("siaga", "x"), ("siaga", "x"), ("siaga", "x"), ("waspada", "x"), ("waspada", "x"))
    assert made.points() == {"members_awas": 0, "members_siaga": 39, "members_waspada": 1}
    made = province(*[("siaga", "x")] * 4, ("waspada", "x"), ("waspada", "y"), ("awas", ""))
    assert made.points() == {"members_awas": 25, "members_siaga": 40, "members_waspada": 3}


def test_points_of_members_of_several_agencies_are_not_cut():
    made = province(*[("siaga", "x")] * 3, *[("siaga", "y")] * 3)
    assert sum(made.points().values()) == 78
