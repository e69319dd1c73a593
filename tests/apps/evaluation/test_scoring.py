"""Scoring on hand-made timelines: detected, false and tolerated raises, and the delay."""

from apps.evaluation.alarms import Point, raises
from apps.evaluation.intervals import bootstrap, wilson
from apps.evaluation.scoring import NEVER_MS, Raise, quantile, score_day, score_days
from apps.evaluation.tuning import tune
from apps.simulation.truth import FlareUp, OtherEvent, Truth
from schemas.vocabulary import HOUR_MS, MINUTE_MS


def at(text):
    hours, minutes = text.split(":")
    return int(hours) * HOUR_MS + int(minutes) * MINUTE_MS


def flareup(regency, onset, end, name="f1"):
    return FlareUp(name, regency, "clash", at(onset), at(end), 10, 10, "medium")


def truth(*flareups, others=()):
    return Truth(1, 0, ("16.01", "16.02", "16.03"), flareups, others)


def raised(*pairs):
    return [Raise(regency, at(time)) for time, regency in pairs]


def test_a_flare_up_is_detected_by_the_first_raise_in_its_place_and_time():
    #   10:00 flare-up begins in 16.01      10:25 raise      10:50 raise again
    score = score_day(truth(flareup("16.01", "10:00", "11:30")), raised(("10:50", "16.01"), ("10:25", "16.01")))
    assert score.detection_rate == 1.0
    assert score.delays_min == [25.0]
    assert score.false == []


def test_a_raise_counts_until_an_hour_after_the_end():
    one = truth(flareup("16.01", "10:00", "11:30"))
    assert score_day(one, raised(("12:30", "16.01"))).delays_min == [150.0]
    late = score_day(one, raised(("12:31", "16.01")))
    assert (late.detected, len(late.false)) == (0, 1)


def test_a_raise_before_the_onset_or_in_another_regency_is_false():
    score = score_day(truth(flareup("16.01", "10:00", "11:30")), raised(("09:59", "16.01"), ("10:30", "16.02")))
    assert (score.detected, len(score.false)) == (0, 2)


def test_a_raise_in_a_hoax_or_an_exercise_is_false():
    hoax = OtherEvent("hoax", "16.02", at("10:00"), at("12:00"))
    drill = OtherEvent("exercise", "16.03", at("10:00"), at("12:00"))
    score = score_day(truth(others=(hoax, drill)), raised(("10:30", "16.02"), ("10:30", "16.03")))
    assert len(score.false) == 2


def test_a_raise_for_a_serious_incident_is_tolerated():
    serious = OtherEvent("serious", "16.02", at("10:00"), at("12:00"))
    score = score_day(truth(others=(serious,)), raised(("10:05", "16.02")))
    assert (score.detections, score.false, len(score.tolerated)) == ([], [], 1)


def test_a_flare_up_in_a_regency_that_is_at_siaga_already_is_told_from_a_miss():
    day = truth(flareup("16.01", "10:00", "11:30"), flareup("16.02", "10:00", "11:30", "f2"))
    held = Raise("16.01", at("09:00"), at("10:30"))
    fell = Raise("16.02", at("08:00"), at("10:00"))
    first, second = score_day(day, [held, fell]).detections
    assert (first.delay_min, first.already) == (None, True)
    assert (second.delay_min, second.already) == (None, False)


def test_already_is_unknown_after_an_alarm_whose_end_is_not_known():
    day = truth(flareup("16.01", "10:00", "11:30"), flareup("16.02", "10:00", "11:30", "f2"))
    first, second = score_day(day, raised(("09:00", "16.01"))).detections
    assert (first.already, second.already) == (None, False)


def test_a_regency_already_at_siaga_may_be_raised_again():
    day = truth(flareup("16.01", "10:00", "11:30"))
    again = Raise("16.01", at("11:00"), NEVER_MS)
    (found,) = score_day(day, [Raise("16.01", at("09:00"), at("10:10")), again]).detections
    assert (found.delay_min, found.already) == (60.0, True)


def test_every_raise_has_a_verdict_and_what_it_is_of():
    hoax = OtherEvent("hoax", "16.02", at("08:00"), at("09:00"))
    serious = OtherEvent("serious", "16.02", at("12:00"), at("14:00"))
    day = truth(flareup("16.01", "10:00", "11:30"), others=(hoax, serious))
    pairs = ("08:30", "16.02"), ("10:30", "16.01"), ("12:30", "16.02"), ("18:00", "16.03")
    judged = [(item.verdict, item.of, item.seed) for item in score_day(day, raised(*pairs)).judged]
    assert judged == [("false", "hoax", 1), ("true", "f1", 1), ("tolerated", "serious", 1), ("false", None, 1)]


def test_rates_are_per_hundred_regency_days():
    days = [truth(), truth(flareup("16.01", "10:00", "11:00"))]
    score = score_days(days, [raised(("10:30", "16.02")), raised()])
    assert score.regency_days == 6
    assert score.false_per_100_regency_days == 100 / 6
    assert score.detection_rate == 0.0
    assert score.delay_min(0.5) is None


def test_a_continuing_alarm_is_one_raise_and_a_return_after_an_hour_another():
    ends = ["10:00", "10:30", "11:00", "13:00"]
    series = {"16.01": [Point(at(end), 5.0) for end in ends]}
    assert raises(series, 4.0) == raised(("10:00", "16.01"), ("13:00", "16.01"))
    assert raises(series, 5.0) == []


def test_tuning_takes_the_best_detection_within_the_cap():
    day = truth(flareup("16.01", "10:00", "11:00"))
    quiet, right, loud = raised(), raised(("10:20", "16.01")), raised(("10:10", "16.01"), ("10:10", "16.02"))
    outcomes = {3.0: quiet, 2.0: right, 1.0: loud}
    chosen = tune(outcomes, lambda setting: score_day(day, outcomes[setting]))
    assert chosen.setting == 2.0
    # When nothing keeps the cap, the fewest false raises win.
    assert tune([1.0], lambda setting: score_day(day, outcomes[setting])).setting == 1.0


def test_quantiles_interpolate():
    assert quantile([10.0, 20.0, 40.0], 0.5) == 20.0
    assert quantile([10.0, 20.0], 0.9) == 19.0
    assert quantile([], 0.5) is None


def test_wilson_interval_of_a_published_case():
    # Newcombe, Statistics in Medicine 17 (1998) 857-872, table I: 81 of 263, 0.2553 to 0.3662.
    low, high = wilson(81, 263)
    assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)
    assert wilson(0, 0) is None


def test_the_bootstrap_interval_contains_the_median_and_is_deterministic():
    values = [float(value) for value in range(101)]

    def median(items):
        return quantile(sorted(items), 0.5)

    low, high = bootstrap(values, median)
    assert low < 50 < high
    assert bootstrap(values, median) == (low, high)
    assert bootstrap([], median) is None
