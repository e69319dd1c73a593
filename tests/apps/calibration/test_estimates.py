"""Laws of the estimates: shrunk without data, right with much, honest in between, and deaf to one agency."""

from math import exp, log
from random import Random

import pytest

from apps.calibration.estimates import FEW, UNLIKE, Estimates, TooLittle, estimate
from tests.apps.calibration.recorded import BASE, STATIONS, incident, poisson_days, rates_of, tally_of

RATES = rates_of(BASE)
USUAL = [category for category, rate in RATES.items() if rate > 1]
LEVEL = BASE.calibration.campaign_level.value


def estimated(incidents, is_election_day: bool = False, days: int = 14) -> Estimates:
    return estimate(tally_of(incidents, days), STATIONS, BASE, is_election_day)


def drawn(rng: Random, level: float, own_sd: float) -> dict[str, float]:
    """Campaign rates of categories that each have a level of their own."""
    return {category: rate * level * exp(rng.gauss(0, own_sd)) for category, rate in RATES.items()}


def test_with_hardly_any_reports_every_number_keeps_its_value():
    found = estimated([incident(n, n) for n in range(10)])
    assert all(item.kept for item in (*found.rates.values(), *found.mixes.values()) if item.reports < 10)
    assert found.rates["clash"].after[0].value == pytest.approx(found.rates["clash"].before[0], rel=0.1)


def test_many_reports_of_election_days_give_the_rates_severities_and_hours_of_the_data():
    truth = {category: 2 * rate for category, rate in RATES.items()}
    found = estimated(poisson_days(Random(1), truth, 40, hour=9), is_election_day=True, days=40)
    assert (found.ratio.value, found.ratio.sd) == (1.0, 0.0)
    for category in USUAL:
        assert found.rates[category].after[0].value == pytest.approx(truth[category], rel=0.1)
        assert [item.value for item in found.mixes[category].after[:3]] == pytest.approx([0.5, 0.4, 0.1], abs=0.05)
        assert found.hours[category].after[9].value > 0.7
    assert found.rates["fatality"].kept == FEW


def test_campaign_days_at_the_rulesets_own_proportions_change_hardly_anything():
    found = estimated(poisson_days(Random(2), {c: rate * 0.2 for c, rate in RATES.items()}, 28), days=28)
    assert found.ratio.value == pytest.approx(0.2, rel=0.15)
    for category in USUAL:
        assert found.rates[category].after[0].value == pytest.approx(RATES[category], rel=0.25)
    assert not found.hours


def test_a_category_that_stands_out_in_the_campaign_is_expected_more_often():
    rates = {category: rate * LEVEL * (3 if category == "logistics" else 1) for category, rate in RATES.items()}
    found = estimated(poisson_days(Random(3), rates, 28), days=28)
    factors = {category: item.after[0].value / item.before[0] for category, item in found.rates.items()}
    assert 1.5 < factors["logistics"] < 3
    assert all(factors[category] < 1.1 for category in USUAL if category != "logistics")


def test_intervals_hold_the_truth_in_at_least_85_of_100_campaigns():
    rng, rule = Random(4), BASE.calibration
    spread, own = log(rule.rate_spread.value), log(rule.category_spread.value)
    held = dict.fromkeys(USUAL, 0)
    for _ in range(100):
        true = {category: rate * exp(rng.gauss(0, spread)) for category, rate in RATES.items()}
        level = LEVEL * exp(rng.gauss(0, log(rule.campaign_spread.value)))
        campaign = {category: rate * level * exp(rng.gauss(0, own)) for category, rate in true.items()}
        found = estimated(poisson_days(rng, campaign, 7), days=7)
        for category in USUAL:
            interval = found.rates[category].after[0]
            held[category] += interval.low <= true[category] <= interval.high
    assert min(held.values()) >= 80 and sum(held.values()) / len(held) >= 85, held


@pytest.mark.parametrize("is_everywhere", [False, True])
def test_a_flood_of_one_agency_moves_no_rate_beyond_the_limit(is_everywhere: bool):
    calm = poisson_days(Random(5), drawn(Random(5), 0.2, 0.0), 14)
    codes = list(STATIONS) if is_everywhere else ["16.03"]
    flood = [
        incident(10_000 + n, n % 14, code, "loud", category="eligibility", severity=3)
        for n in range(300)
        for code in codes
    ]
    before, after = (estimated(items) for items in (calm, calm + flood))
    counts = [found.rates["eligibility"].reports for found in (before, after)]
    expected = 14 * sum(STATIONS.values()) * RATES["eligibility"] / 1000
    of_one_place = 14 * BASE.calibration.free_reports.value
    most = max(counts[0], expected * after.ratio.value) if is_everywhere else of_one_place
    assert counts[1] <= counts[0] + most + 1e-6
    factors = [found.rates["eligibility"].after[0].value / RATES["eligibility"] for found in (before, after)]
    assert factors[1] < (2.1 if is_everywhere else 1.6) * factors[0]
    others = [category for category in USUAL if category != "eligibility"]
    for category in others:
        assert after.rates[category].after[0].value == pytest.approx(before.rates[category].after[0].value, rel=0.12)


def test_an_election_day_alone_is_enough_and_a_campaign_day_is_not():
    day = poisson_days(Random(6), RATES, 1)
    assert estimated(day, is_election_day=True, days=1).days == 1
    with pytest.raises(TooLittle, match="1 recorded days are too few: calibration.days_least is 3"):
        estimated(day, days=1)


def test_too_few_reports_are_refused_with_the_number_that_says_so():
    with pytest.raises(TooLittle, match="9 reports are too few: calibration.reports_least is 10"):
        estimated([incident(n, n) for n in range(9)])
    with pytest.raises(TooLittle, match="0 recorded days are too few"):
        estimated([])


def test_a_category_with_fewer_reports_than_expected_is_expected_less_often():
    rates = {category: rate * 0.2 * (0.3 if category == "natural_hazard" else 1) for category, rate in RATES.items()}
    found = estimated(poisson_days(Random(8), rates, 60), days=60).rates["natural_hazard"]
    assert not found.kept
    assert found.reports < 12  # of 19 expected
    assert found.after[0].value < 0.8 * found.before[0]


def test_a_category_of_which_few_are_expected_and_few_come_keeps_its_rate():
    rates = {category: rate * 0.2 for category, rate in RATES.items() if category != "clash"}
    assert estimated(poisson_days(Random(8), rates, 28), days=28).rates["clash"].kept == FEW


def test_a_category_that_the_campaign_hardly_knows_keeps_its_rate_and_leaves_the_ratio_alone():
    rates = {category: rate * 0.2 for category, rate in RATES.items()}
    whole = estimated(poisson_days(Random(9), rates, 28), days=28)
    none = estimated(poisson_days(Random(9), rates | {"data_integrity": 0.0}, 28), days=28)
    assert none.rates["data_integrity"].kept == UNLIKE
    assert none.ratio.value == pytest.approx(whole.ratio.value, rel=0.15)
