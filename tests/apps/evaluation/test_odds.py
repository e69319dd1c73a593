"""The fit of the odds: it finds the numbers that samples were drawn with, and its table is the ruleset's."""

import tomllib
from math import exp
from random import Random

import pytest

from apps.evaluation import odds as module
from apps.evaluation.claims import Claim, JudgedClaim
from apps.evaluation.logistic import Number, Sample, fit
from apps.evaluation.odds import FREE, LESS, MORE, fit_odds, main, rule_of, table, with_odds
from schemas.roster import Roster
from schemas.ruleset import Ruleset
from schemas.ruleset.odds import OddsRule
from streams.risk.odds import Basis, odds, shares

TRUE = {
    "waspada": -3.0, "siaga": -2.0, "awas": -1.5, "amended": 0.5, "points": 0.3, "points_per_report": 0.4,
    "agencies": 0.25, "several_groups": 0.8, "grave": 2.0, "unverified": -0.7,
}  # fmt: skip


def chance(numbers, basis):
    return 1 / (1 + exp(-sum(numbers[name] * share for name, share in shares(basis).items())))


def drawn(numbers, count, seed=1):
    """Claims that are real as these numbers say."""
    random = Random(seed)
    found = []
    for _ in range(count):
        level = random.choice(["waspada", "siaga", "awas"])
        flags = [random.random() < 0.3 for _ in range(3)]
        basis = Basis(
            level, random.randint(0, 90), random.randint(1, 20), random.randint(1, 5), random.randint(0, 3), *flags
        )
        found.append(JudgedClaim(Claim("16.01", 0, basis, None), random.random() < chance(numbers, basis)))
    return found


def test_the_fit_recovers_the_numbers_that_the_claims_were_drawn_with():
    found = fit_odds({"one": drawn(TRUE, 6000)})
    assert set(found) == set(TRUE) == set(OddsRule.model_fields)
    for name, value in TRUE.items():
        assert abs(found[name].value - value) < 3 * found[name].error < 1.2, name


def test_a_number_of_the_wrong_sign_is_held_at_nothing_and_the_others_are_fitted_without_it():
    found = fit_odds({"one": drawn(TRUE | {"agencies": -0.8, "unverified": 0.9}, 4000)})
    assert found["agencies"] == found["unverified"] == Number(0.0, 0.0)
    assert abs(found["several_groups"].value - TRUE["several_groups"]) < 0.4
    rule_of(found)


def test_every_world_has_the_same_weight():
    often, seldom = drawn(TRUE, 4000), drawn(TRUE | dict.fromkeys(("waspada", "siaga", "awas"), -5.0), 400, seed=2)

    def mean_of_seldom(worlds):
        found = with_odds(seldom, rule_of(fit_odds(worlds)))
        return sum(item.claim.odds for item in found) / len(found)

    both = mean_of_seldom({"often": often, "seldom": seldom})
    ten_times = mean_of_seldom({"often": often, "seldom": seldom * 10})
    assert both == pytest.approx(ten_times, abs=0.02)  # but for the ridge, which more samples make smaller
    assert mean_of_seldom({"pooled": [*often, *seldom]}) > both + 0.05


def test_odds_of_a_fit_are_honest_where_the_numbers_are_those_of_the_days():
    claims = drawn(TRUE, 3000)
    fitted = with_odds(claims, rule_of(fit_odds({"one": claims})))
    high = [item.is_real for item in fitted if item.claim.odds >= 0.8]
    low = [item.is_real for item in fitted if item.claim.odds < 0.2]
    assert sum(high) / len(high) > 0.8 and sum(low) / len(low) < 0.2


def test_newtons_method_finds_the_share_where_there_is_nothing_else():
    found = fit([Sample({"all": 1.0}, number < 30) for number in range(100)], ["all"])
    assert 1 / (1 + exp(-found["all"].value)) == pytest.approx(0.3, abs=1e-4)
    assert found["all"].error == pytest.approx((1 / (100 * 0.3 * 0.7)) ** 0.5, rel=1e-3)


def test_a_number_without_a_case_stays_at_nothing_and_one_that_is_always_real_stays_finite():
    samples = [Sample({"all": 1.0, "never": 0.0, "sure": float(number < 9)}, number < 30) for number in range(100)]
    found = fit(samples, ["all"], ["never", "sure"])
    assert found["never"].value == 0 and 1 < found["sure"].value < 10


def test_without_samples_there_is_no_fit():
    with pytest.raises(ValueError, match="no samples"):
        fit_odds({"one": []})


def test_the_table_is_one_that_the_ruleset_takes():
    numbers = fit_odds({"one": drawn(TRUE | {"agencies": -0.8}, 2000)})
    read = tomllib.loads(table(numbers, "40 days of one"))["odds"]
    rule = OddsRule.model_validate(read)
    assert "the fit had the other sign" in rule.agencies.reason
    assert "±" in rule.grave.reason and "\n# Fitted on 40 days of one; ±: standard error.\n" in table(
        numbers, "40 days of one"
    )
    basis = Basis("siaga", 55, 5, 3, 2)
    assert odds(rule, basis) == odds(rule_of(numbers), basis)
    assert set(FREE) | set(MORE) | set(LESS) == set(read)


def test_the_program_prints_the_table_of_simulated_days(capsys, monkeypatch):
    roster = Roster.parse("regency,name,stations,registered\n16.01,Hulu,600,240000\n16.02,Hilir,300,120000\n")
    monkeypatch.setattr(module.Roster, "default", lambda: roster)
    assert main(["--days", "2", "--worlds", "bawaslu,clusters", "--processes", "1"]) == 0
    printed = capsys.readouterr()
    OddsRule.model_validate(tomllib.loads(printed.out)["odds"])
    assert "# Fitted on 2 days each of bawaslu, clusters, seeds 50001 on" in printed.out
    assert Ruleset.default().id in printed.out
    assert "| odds of raises | real |" in printed.err and "| clusters | " in printed.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["--worlds", "absent"], "no world absent"), (["--days", "0"], "at least 1"), (["--rules", "a.toml"], "a.toml")],
)
def test_a_wrong_argument_is_named(capsys, arguments, said):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2 and said in capsys.readouterr().err
