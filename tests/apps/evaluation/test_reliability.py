"""Whether odds are honest: what the figures say of honest odds, of wrong ones, and of none."""

from random import Random

import pytest

from apps.evaluation import reliability as module
from apps.evaluation.claims import Claim, JudgedClaim, claims_of, judged_claims
from apps.evaluation.experiment import EvaluatedDay
from apps.evaluation.reliability import (
    BINS,
    claims_of_days,
    raises_by_world,
    reliability,
    reliability_json,
    reliability_table,
)
from apps.simulation.truth import FlareUp, OtherEvent, Truth
from schemas.roster import Roster
from schemas.vocabulary import HOUR_MS, MINUTE_MS
from streams.risk.odds import Basis

ROSTER = Roster.parse("regency,name,stations,registered\n16.01,Hulu,600,240000\n16.02,Hilir,300,120000\n")
RAISED = Basis("siaga", 55, 5, 2, 1)


def judged(odds, is_real, basis=RAISED):
    return JudgedClaim(Claim("16.01", 0, basis, odds), is_real)


def drawn(count, chance_of, seed=1):
    """Claims whose odds are spread evenly, each real with the chance that `chance_of` makes of its odds."""
    random = Random(seed)
    odds = [round(random.uniform(0.01, 0.99), 2) for _ in range(count)]
    return [judged(value, random.random() < chance_of(value)) for value in odds]


def contains(figures):
    """Of each bin whether the interval of the real share has the mean odds in it."""
    return [low <= item.mean_odds <= high for item in figures.bins for low, high in [module.interval_of(item)]]


def test_honest_odds_lie_within_the_interval_of_every_bin_and_have_little_error():
    figures = reliability(drawn(4000, lambda odds: odds))
    assert all(contains(figures)) and figures.calibration_error < 0.02
    assert figures.brier == pytest.approx(1 / 6, abs=0.02)  # the mean of p(1 - p) over 0 to 1


@pytest.mark.parametrize("chance_of", [lambda odds: odds / 2, lambda odds: odds**3, lambda odds: 0.5])
def test_wrong_odds_are_shown_as_wrong(chance_of):
    honest, wrong = reliability(drawn(4000, lambda odds: odds)), reliability(drawn(4000, chance_of))
    assert wrong.calibration_error > 0.1 > 5 * honest.calibration_error
    assert sum(contains(wrong)) <= 2


def test_odds_that_tell_them_apart_have_a_better_brier_score_than_the_share_that_is_real():
    claims = drawn(2000, lambda odds: odds)
    share = sum(item.is_real for item in claims) / len(claims)
    same = [item._replace(claim=item.claim._replace(odds=share)) for item in claims]
    assert reliability(claims).brier < reliability(same).brier
    assert reliability(same).calibration_error == pytest.approx(0)  # honest, and says nothing


def test_each_claim_lies_in_one_bin_that_begins_at_its_odds_or_before():
    for odds, index in ((0.01, 0), (0.19, 0), (0.2, 1), (0.59, 2), (0.6, 3), (0.8, 4), (0.99, 4)):
        figures = reliability([judged(odds, True)])
        assert [item.total for item in figures.bins] == [int(number == index) for number in range(len(BINS))]
        assert figures.bins[index].mean_odds == odds and figures.bins[index].share == 1.0


def test_without_claims_or_without_odds_there_are_no_figures():
    for claims in ([], [judged(None, True)]):
        figures = reliability(claims)
        assert (figures.total, figures.brier, figures.calibration_error) == (0, None, None)
    assert "| calm | 0 of 0 | - | - | - | - | - | - | - |" in reliability_table({"calm": reliability([])})


def test_the_table_and_the_json_say_the_same():
    claims = [judged(0.3, True), judged(0.3, False), judged(0.9, True, RAISED._replace(level="awas"))]
    row = reliability_table({"one": reliability(claims)}).splitlines()[-1]
    assert row == (
        "| one | 2 of 3 | - | 0.30 → 0.50 [0.09, 0.91], 2 | - | - | 0.90 → 1.00 [0.21, 1.00], 1 | 0.197 | 0.167 |"
    )
    found = reliability_json(claims, [judged(0.5, False)])
    assert (found["raises"]["brier"], found["raises"]["calibration_error"]) == (0.1967, 0.1667)
    assert found["raises"]["bins"][1] == {
        "odds": "0.2-0.4", "count": 2, "real": 1, "mean_odds": 0.3, "real_share": 0.5,
        "real_share_ci95": [0.0945, 0.9055],
    }  # fmt: skip
    assert {level: of["count"] for level, of in found["raises_by_level"].items()} == {"awas": 1, "siaga": 2}
    assert (found["amendments"]["count"], found["amendments"]["real"]) == (1, 0)


FLAREUP = FlareUp("f1", "16.01", "clash", HOUR_MS, 2 * HOUR_MS, 10, 10, "medium")
TRUTH = Truth(1, 0, tuple(ROSTER), (FLAREUP,), (OtherEvent("serious", "16.02", 0, HOUR_MS),))


def test_a_claim_is_real_in_a_flare_up_or_another_grave_incident_and_not_elsewhere():
    times = [("16.01", 0), ("16.01", HOUR_MS), ("16.02", HOUR_MS), ("16.02", 5 * HOUR_MS), ("16.01", 3 * HOUR_MS)]
    claims = [Claim(regency, at_ms, RAISED, 0.5) for regency, at_ms in times]
    found = {(item.claim.regency, item.claim.at_ms): item.is_real for item in judged_claims(TRUTH, claims, HOUR_MS)}
    assert found == dict(zip(times, [False, True, True, False, True], strict=True))
    late = judged_claims(TRUTH, [Claim("16.01", 3 * HOUR_MS, RAISED, 0.5)], grace_ms=MINUTE_MS)
    assert [item.is_real for item in late] == [False]


def published(**fields):
    whole = {
        "regency": "16.01", "event_time": "1970-01-01T00:00:01.000Z", "change": "raised", "level": "siaga",
        "reason": "incident_pressure", "unverified": False, "components": {"security": 55}, "evidence": [], "odds": 0.4,
    }  # fmt: skip
    return whole | fields


def test_claims_are_the_raises_and_amendments_of_regencies():
    others = [published(change=change, odds=None) for change in ("lowered", "cleared", "stale", "recovered")]
    province = published(regency="16", odds=None)
    amended = published(change="amended", reason="correction", odds=0.6)
    found = claims_of([*others, province, published(), amended], ROSTER)
    assert [(claim.at_ms, claim.odds, claim.basis.is_amended) for claim in found] == [
        (1000, 0.4, False),
        (1000, 0.6, True),
    ]


def test_days_are_judged_each_by_its_own_truth_and_amendments_by_themselves():
    raised = Claim("16.01", HOUR_MS, RAISED, 0.9)
    amended = raised._replace(basis=RAISED._replace(is_amended=True))
    calm = Truth(2, 0, tuple(ROSTER))
    days = [EvaluatedDay(truth, {}, {}, {}, {"shipped": [raised, amended]}) for truth in (TRUTH, calm)]
    raises, amendments = claims_of_days(days, "shipped")
    assert [item.is_real for item in raises] == [item.is_real for item in amendments] == [True, False]
    assert claims_of_days(days, "another") == ([], [])
    figures = raises_by_world({"one": days[:1], "two": days[1:]}, "shipped")
    assert {world: (item.real, item.total) for world, item in figures.items()} == {"one": (1, 1), "two": (0, 1)}
