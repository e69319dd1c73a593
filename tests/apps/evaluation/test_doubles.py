"""The laboratory of doubles: its variants differ in `[joining]` alone, and it finds what a double adds to a level."""

from apps.evaluation.doubles import SHARE, flareup_scores, joining_variants, surplus_levels
from apps.simulation.day import Plan, simulate_day
from schemas.roster import Roster
from schemas.ruleset import Ruleset
from schemas.vocabulary import LEVELS

ROSTER = Roster.parse("regency,name,stations,registered\n16.01,Hulu,600,240000\n")
SHIPPED = Ruleset.default()
DOUBLED_SEED = 18  # one severe incident told under several numbers


def test_the_variants_differ_in_joining_only_and_the_shipped_one_is_among_them():
    found = joining_variants(SHIPPED)
    assert SHIPPED in found.values() and len(found) >= 7
    for (within, weight), ruleset in found.items():
        assert (ruleset.joining.within.value, ruleset.joining.double_weight.value) == (within, weight)
        assert ruleset.model_copy(update={"joining": SHIPPED.joining}) == SHIPPED


def test_a_double_raises_further_in_full_and_not_when_doubles_weigh_nothing():
    variants = joining_variants(SHIPPED)
    full, none = (45, 1.0), (45, 0.0)
    count, found = surplus_levels(DOUBLED_SEED, ROSTER, {key: variants[key] for key in (full, none)})
    plan = Plan(DOUBLED_SEED, flareups=(), hoax_chance=0.0, turnout_every_min=0, doubles=SHARE)
    assert count == sum(event.kind == "doubled" for event in simulate_day(ROSTER, plan).truth.others)
    assert found == {full: [LEVELS.index("waspada")], none: []}


def test_every_flare_up_of_the_days_is_scored_under_each_ruleset():
    scores = flareup_scores([3, 4], SHARE, ROSTER, {"a": SHIPPED, "b": SHIPPED})
    assert scores["a"] == scores["b"]
    assert scores["a"].regency_days == 2
