"""What a regency counts, what its province makes of the counts of all, and what that does to the regency's score."""

import math

import pytest

from tests.recount.pace import Members
from tests.recount.policy import DEFAULT_POLICY, QUARTER_MS, RULESET, SEVERITIES, Policy
from tests.recount.regency import Regency
from tests.recount.sample_entries import (
    HOUR_MS,
    LARGE,
    MINUTE_MS,
    SECOND_MS,
    SMALL,
    TEN_MS,
    counts,
    pace,
    regency,
    told,
    word,
)
from tests.recount.scoring import bar

SURPRISE = DEFAULT_POLICY.surprise
TICK = ["k", TEN_MS + 15 * SECOND_MS]
TEN = DEFAULT_POLICY.quarter(TEN_MS)


def counted(made: Regency) -> list | None:
    """What the province must be told after the last entry."""
    return made.counts.fields if made.counts else None


def clashes(*entries: list) -> dict[str, int]:
    """Thousandths of clashes after these entries, by agency, at the next quarter hour."""
    found = counted(regency(*entries, ["k", TEN_MS + QUARTER_MS]))
    return found[3].get("clash", {}) if found else {}


def left(age_ms: int) -> float:
    """Of a report, so long after it occurred."""
    return 2 ** (-age_ms / DEFAULT_POLICY.half_life_ms)


def free(stations: int, category: str = "clash") -> int:
    """Thousandths of it that count of any agency at ten."""
    ordinary = DEFAULT_POLICY.held_reports(stations, category, TEN)
    return round(1000 * (ordinary + SURPRISE["pace_free"]))


def test_counts_are_told_once_in_a_quarter_hour_and_not_before_there_is_anything():
    made = regency(["k", TEN_MS - HOUR_MS])
    assert counted(made) is None
    assert counted(told(made, word("x"))) == ["c", TEN_MS, SMALL.code, {"clash": {"x": 1000}}, [0, 0, 0, 0]]
    assert counted(told(made, word("y"), TICK)) is None
    assert counted(told(made, ["k", TEN_MS + QUARTER_MS - 1])) is None
    told(made, ["k", TEN_MS + QUARTER_MS + 4 * MINUTE_MS])
    assert counted(made)[1] == TEN_MS + QUARTER_MS + 4 * MINUTE_MS
    now = 1000 * left(19 * MINUTE_MS)
    assert counted(made)[3]["clash"] == pytest.approx({"x": now, "y": now}, rel=0.005)


@pytest.mark.parametrize("changes", [{"status": "retracted"}, {"category": "protest"}, {"is_exercise": True}])
def test_what_can_never_score_is_not_counted(changes):
    assert counted(regency(word("x", **changes), TICK)) is None


def test_categories_come_in_the_rulesets_order_without_those_of_no_report():
    made = regency(*(word("x", category=category) for category in ("fatality", "clash", "logistics")))
    assert list(counted(told(made, ["k", TEN_MS + QUARTER_MS]))[3]) == ["logistics", "clash", "fatality"]


def test_agencies_come_by_name_without_those_of_no_report():
    """A thousandth of a report is left after ten half-lives."""
    old = word("old", at_ms=TEN_MS - 12 * DEFAULT_POLICY.half_life_ms)
    both = word("b", "1"), word("c", "1")
    assert list(clashes(old, word("z"), word("a"), *both)) == ["*", "a", "z"]
    assert counted(regency(old, ["k", TEN_MS]))[3] == {}


def test_a_double_counts_in_part():
    at = {"station": "village 1"}
    now = left(QUARTER_MS)
    assert clashes(word("x", **at), word("y", **at)) == pytest.approx({"x": 1000 * now, "y": 250 * now}, abs=5)
    apart = clashes(word("x", **at), word("y", station="village 2"))
    assert apart == pytest.approx({"x": 1000 * now, "y": 1000 * now}, abs=5)


def test_all_reports_of_an_agency_are_told_and_what_several_report_is_nobodys():
    now = left(QUARTER_MS)
    mine = [word("x") for _ in range(20)]
    assert clashes(*mine, word("y")) == pytest.approx({"x": 20_000 * now, "y": 1000 * now}, abs=50)
    many = [entry for n in range(9) for entry in (word("x", f"x {n}"), word("y", f"x {n}"))]
    assert clashes(*many, word("x")) == pytest.approx({"*": 9000 * now, "x": 1000 * now}, abs=20)


def test_the_past_is_what_was_told_in_the_hours_by_which_a_regency_learns():
    begin = ["k", TEN_MS - 30 * HOUR_MS]
    mine = [word("x", at_ms=TEN_MS - 10 * HOUR_MS) for _ in range(20)]
    ordinary = DEFAULT_POLICY.ordinary_reports(
        SMALL.stations, ("security",), TEN_MS - 24 * HOUR_MS, TEN_MS - 3 * HOUR_MS
    )
    assert counted(regency(begin, *mine, ["k", TEN_MS]))[4] == [round(1000 * ordinary), 0, 0, 0]
    others = [word("y", at_ms=TEN_MS - 10 * HOUR_MS) for _ in range(4)]
    late = word("z", at_ms=TEN_MS - 3 * HOUR_MS)
    assert counted(regency(begin, *mine, *others, late, ["k", TEN_MS]))[4] == [8000, 0, 0, 0]


STATIONS = {"16.01": 100, "16.02": 200, "16.03": 300, "16.04": 400, "16.05": 500, "16.06": 0}


def sent(*entries: list, at_ms: int = TEN_MS + MINUTE_MS, members: Members | None = None) -> dict[str, list]:
    """What the members are told at a time, by member."""
    members = members or Members(STATIONS, DEFAULT_POLICY)
    for entry in entries:
        members.take(entry)
    return {member: told.fields for member, told in members.due("16", at_ms, DEFAULT_POLICY.grid(at_ms)).items()}


def test_each_member_is_told_the_sum_of_all_others():
    some = sent(
        counts("16.01", past=(1, 2, 3, 4), clash=200, logistics=10),
        counts("16.02", past=(10, 20, 30, 40), clash=300),
        counts("16.03", past=(100, 200, 300, 400), logistics=20),
    )
    at_ms = TEN_MS + MINUTE_MS
    assert list(some) == ["16.01", "16.02", "16.03", "16.04", "16.05"], "16.06 has no stations"
    assert some["16.01"] == ["p", at_ms, "16", 500, {"logistics": 20, "clash": 300}, [110, 220, 330, 440]]
    assert some["16.02"] == ["p", at_ms, "16", 400, {"logistics": 30, "clash": 200}, [101, 202, 303, 404]]
    assert some["16.05"] == ["p", at_ms, "16", 600, {"logistics": 30, "clash": 500}, [111, 222, 333, 444]]
    assert list(some["16.05"][4]) == ["logistics", "clash"]


def test_a_member_is_told_nothing_while_it_alone_has_told_anything():
    assert list(sent(counts("16.02", clash=1000))) == ["16.01", "16.03", "16.04", "16.05"]
    assert sent(counts("16.06", clash=1000)) == {}


def by_stations(*each: int) -> list[list]:
    """What the members tell, so many thousandths of each station."""
    return [counts(code, clash=of * STATIONS[code]) for code, of in zip(STATIONS, each, strict=False)]


def test_of_one_member_no_more_counts_than_twice_the_upper_quartile_by_stations():
    """Of five, ordered by their rates, that is the fourth: 2 by station."""
    told = by_stations(90, 1, 2, 0, 1)
    most = round(2 * SURPRISE["pace_member_most"] * 100) + 1000 * SURPRISE["pace_free"]
    assert sent(*told)["16.05"][4]["clash"] == most + 1 * 200 + 2 * 300 and most < 90 * 100
    assert sent(*told)["16.01"][4]["clash"] == 1 * 200 + 2 * 300 + 1 * 500
    quiet = [counts(code) for code in ("16.02", "16.03", "16.04", "16.05")]
    assert sent(told[0], *quiet)["16.05"][4]["clash"] == 1000 * SURPRISE["pace_free"]


def test_each_agency_of_a_member_that_tells_too_much_counts_for_its_part():
    """Where more than three quarters tell nothing, only what is free counts."""
    quiet = [counts(code) for code in ("16.02", "16.03", "16.04")]
    one = counts("16.01", clash={"*": 4000, "x": 1999, "y": 1, "z": 3000})
    most = round(1000 * SURPRISE["pace_free"])
    parts = [count * most // 9000 for count in (4000, 1999, 1, 3000)]
    assert sent(one, *quiet)["16.05"][4] == {"clash": sum(parts)} and sum(parts) < most


def test_of_one_agency_no_more_counts_than_is_ordinary_and_free_or_than_all_others_told():
    """Over all members that a member is told of."""
    limit = free(1000)
    mine = [counts(code, clash={"x": 10 * STATIONS[code]}) for code in STATIONS]
    assert sent(*mine)["16.05"][4] == {"clash": limit} and limit < 10_000
    assert sent(*mine)["16.01"][4] == {"clash": free(1400)} != {"clash": limit}
    some = counts("16.04", clash={"x": 3000, "y": 1000})
    assert sent(*mine[:3], some, mine[4])["16.05"][4] == {"clash": limit + 1000}
    many = counts("16.04", clash={"*": 4000})
    assert sent(*mine[:3], many, mine[4])["16.05"][4] == {"clash": 4000 + 4000} and limit < 4000
    other = counts("16.04", clash={"y": 4000})
    assert sent(*mine[:3], other, mine[4])["16.05"][4] == {"clash": 4000 + 4000}


def test_what_is_ordinary_is_that_of_the_quarter_hour_of_the_province():
    mine = [counts(code, TEN_MS - MINUTE_MS, logistics={"x": 90 * STATIONS[code]}) for code in STATIONS]
    late = [counts(code, TEN_MS, logistics={"x": 90 * STATIONS[code]}) for code in STATIONS]
    found = sent(*mine, *late)["16.05"][4]["logistics"]
    ordinary = [DEFAULT_POLICY.held_reports(1000, "logistics", TEN + more) for more in (-1, 0)]
    assert found == round(1000 * (ordinary[1] + SURPRISE["pace_free"])) and round(1000 * (ordinary[1] - ordinary[0]))


def test_a_number_of_the_province_may_be_lower_where_floating_point_rounds_otherwise():
    """Twice 1,112 / 100 * 300 is 6,672, and less in floating point: each agency of the third may have one less."""
    assert math.floor(2 * (1112 / 100) * 300) == 6671 and SURPRISE["pace_member_most"] == 2
    stations = {"16.01": 100, "16.02": 100, "16.03": 300, "16.05": 500}
    most = 6672 + round(1000 * SURPRISE["pace_free"])
    for more, unsure in ((0, 2), (-1, 0)):
        members = Members(stations, DEFAULT_POLICY)
        third = counts("16.03", clash={"*": 1000, "x": most - 1000 + more})
        for entry in (counts("16.01", clash=1112), counts("16.02", clash=1112), third):
            members.take(entry)
        at_ms = TEN_MS + MINUTE_MS
        one = members.due("16", at_ms, at_ms)["16.05"]
        assert one.slack["clash"] <= unsure and bool(one.slack["clash"]) == bool(unsure)
    members = Members(stations | {"16.03": 333}, DEFAULT_POLICY)
    for entry in (counts("16.01", clash=1113), counts("16.02", clash=1113), counts("16.03", clash=90_000)):
        members.take(entry)
    assert members.due("16", at_ms, at_ms)["16.05"].slack["clash"] == 0, "7,412.58 is no whole number"


@pytest.mark.parametrize("over, slack", [(0.5, 1), (0.4, 0)])
def test_what_is_free_may_be_rounded_otherwise_only_next_to_a_half(over, slack):
    policy = Policy(RULESET.read_text(encoding="utf-8"))
    ordinary = policy.held_reports(1000, "clash", TEN)
    policy.surprise["pace_free"] = (math.ceil(1000 * ordinary) + 3 + over) / 1000 - ordinary
    members = Members(STATIONS, policy)
    for code, count in zip(STATIONS, (1001, 2003, 3007, 4009, 5003), strict=False):
        members.take(counts(code, clash={"x": count}))
    at_ms = TEN_MS + MINUTE_MS
    found = members.due("16", at_ms, at_ms)["16.05"]
    assert found.fields[4]["clash"] == math.ceil(1000 * ordinary) + 3 + slack
    assert found.slack["clash"] == slack


def test_the_province_tells_once_in_a_quarter_hour_a_minute_after_it_began():
    members = Members(STATIONS, DEFAULT_POLICY)
    assert sent(counts("16.01"), at_ms=TEN_MS + MINUTE_MS - 1, members=members) == {}
    assert sent(at_ms=TEN_MS + MINUTE_MS, members=members) != {}
    assert sent(counts("16.02", TEN_MS + MINUTE_MS), at_ms=TEN_MS + 2 * MINUTE_MS, members=members) == {}
    at_ms = TEN_MS + QUARTER_MS
    assert sent(at_ms=at_ms + MINUTE_MS, members=members) == {}, "no counts of that quarter hour"
    assert sent(counts("16.03", at_ms), at_ms=at_ms + 9 * MINUTE_MS, members=members)["16.05"][3] == 100 + 200 + 300
    at_ms += QUARTER_MS
    some = sent(counts("16.04", at_ms + 2 * MINUTE_MS), at_ms=at_ms + 2 * MINUTE_MS, members=members)
    assert some["16.05"][3] == 300 + 400, "the others' counts are older than the quarter hour before"


def test_counts_of_the_last_minute_of_a_quarter_hour_are_passed_on_with_the_next():
    members = Members(STATIONS, DEFAULT_POLICY)
    at_ms = TEN_MS + QUARTER_MS
    assert sent(counts("16.01", at_ms - 1), at_ms=at_ms, members=members) == {}
    assert sent(at_ms=at_ms + MINUTE_MS, members=members) == {}
    assert sent(counts("16.02", at_ms + MINUTE_MS), at_ms=at_ms + MINUTE_MS, members=members)["16.03"][3] == 300


def steps(entry: list) -> dict[str, int]:
    return regency(TICK, entry).known.steps


@pytest.mark.parametrize("times, step", [(1, 0), (2, 4), (4, 8), (0.5, -4), (1.2, 1), (100, 13), (0, -4)])
def test_a_pace_is_a_quarter_of_a_doubling_to_the_whole_number_next_to_it(times, step):
    """Shape and reports are `times` those of ordinary days; bounded at 10 times and a half."""
    ordinary = SURPRISE["pace_shape"] + DEFAULT_POLICY.held_reports(5000, "logistics", TEN)
    told = steps(pace(5000, logistics=max(0, round(1000 * (times * ordinary - SURPRISE["pace_shape"])))))
    assert told["logistics"] == step
    assert told["fatality"] == 0, "almost none are ordinary, and none were told"


def evidence(*entries: list) -> float:
    """Of one case of intimidation, as of ten."""
    made = regency(word("x", category="intimidation"), *entries)
    [found] = made.known.weighing().values()
    return found * made.known.decay()


def test_reports_weigh_less_at_a_higher_pace_however_old_and_more_at_a_lower():
    def weight(step: int) -> float:
        return DEFAULT_POLICY.report_weight(SMALL.stations, "intimidation", "reported", 3, 10, step)

    assert weight(13) < weight(0) < weight(-4)
    decayed = left(15 * SECOND_MS)
    assert evidence(TICK) == pytest.approx(weight(0) * decayed, rel=0.005)
    assert evidence(TICK, pace(5000, intimidation=90_000)) == pytest.approx(weight(13) * decayed, rel=0.005)
    assert evidence(TICK, pace(90_000)) == pytest.approx(weight(-4) * decayed, rel=0.005)


def test_nothing_is_rarer_than_what_counts_as_rare_at_any_pace():
    surge = SURPRISE["surge"]["2"] * math.sqrt(SMALL.stations / SURPRISE["surge_stations"])
    for step in (-4, 0, 13):
        digits = DEFAULT_POLICY.digits(SMALL.stations, "fatality", 5, 10, step)
        assert digits == math.log10(1 + surge / SURPRISE["rate_least"])


def test_a_pace_counts_for_an_hour_or_until_the_next():
    made = regency(TICK, pace(5000, clash=90_000))
    assert made.known.steps["clash"] == 13 and told(made, ["k", TEN_MS + HOUR_MS]).known.steps["clash"] == 13
    assert told(made, ["k", TEN_MS + HOUR_MS + 15 * SECOND_MS]).known.steps == {}
    begin, later = ["k", TEN_MS - 30 * HOUR_MS], pace(5000, TEN_MS + QUARTER_MS)
    made = regency(begin, TICK, pace(5000, past=(90_000, 0, 0, 0), clash=90_000), later)
    assert made.known.steps["clash"] == 0 and made.known.past["security"] < 1
    late = pace(5000, TEN_MS - HOUR_MS, clash=90_000)
    assert regency(TICK, late).known.steps == {} == regency(TICK, pace(5000, clash=90_000), late).known.steps


def test_what_is_learned_ends_with_the_pace():
    begin, at_ms = ["k", TEN_MS - 30 * HOUR_MS], TEN_MS + HOUR_MS + 15 * SECOND_MS
    entries = begin, word("x", at_ms=TEN_MS - 10 * HOUR_MS), TICK
    without = regency(*entries, ["k", at_ms])
    made = regency(*entries, pace(5000, past=(90_000, 0, 0, 0)))
    assert made.known.learned["security"] < without.known.learned["security"]
    assert told(made, ["k", at_ms]).known.learned == without.known.learned


def test_which_of_two_is_the_double_does_not_change_with_the_pace():
    names = "property_attack", "clash"
    pair = [word("x", station="v 1", category=name, severity=2) for name in names[:1]]
    pair += [word("y", station="v 1", category=name, severity=2) for name in names[1:]]
    for entry in (TICK, pace(5000, property_attack=90_000)):
        made = regency(*pair, TICK, entry, place=LARGE)
        heaviest = max(made.known.scoring(), key=lambda i: i.evidence)
        assert heaviest.word.category == names[entry is not TICK], "both in full"
        assert made.known.doubles() == {pair[1][3]} and made.candidates()[0][0].id == pair[0][3]


def test_what_the_province_showed_before_is_expected_of_the_own_level():
    begin, at_ms = ["k", TEN_MS - 30 * HOUR_MS], TEN_MS - 10 * HOUR_MS
    when = TEN_MS - 24 * HOUR_MS, TEN_MS - 3 * HOUR_MS
    own, others = (DEFAULT_POLICY.ordinary_reports(count, ("security",), *when) for count in (SMALL.stations, 5000))
    factor = 4.0
    past = round(1000 * (factor * (SURPRISE["pace_shape"] + others) - SURPRISE["pace_shape"]))
    entries = [word(source, at_ms=at_ms) for source in "xy" for _ in range(3)]
    made = regency(begin, *entries, ["k", TEN_MS], pace(5000, past=(past, 0, 0, 0)))
    assert made.known.past["security"] == pytest.approx(factor, rel=1e-3)
    learning = SURPRISE["learning"]
    assert made.known.learned["security"] == pytest.approx((learning + 6) / (learning + factor * own), rel=1e-3)
    alone = regency(
        begin, *[word("x", at_ms=at_ms) for _ in range(20)], ["k", TEN_MS], pace(5000, past=(past, 0, 0, 0))
    )
    assert alone.known.learned["security"] == pytest.approx(1.0, abs=1e-3), "of one agency up to what is ordinary then"


def test_a_pace_is_no_sign_of_life_and_makes_an_evaluation_due():
    made = regency(["k", TEN_MS - 30 * HOUR_MS])
    made.take(pace(5000, TEN_MS - 30 * HOUR_MS, clash=1000))
    assert made.is_due and made.data_status == "silent"


def test_what_is_ordinary_is_the_decayed_sum_of_a_day_at_its_pace():
    """Summed here minute by minute over a day at 10:07:30, the middle of the quarter hour, at one pace."""
    policy, group, step = DEFAULT_POLICY, "security", 6
    mean = variance = 0.0
    for minute in range(24 * 60):
        hour = math.floor(10.125 - (minute + 0.5) / 60) % 24
        for category in (name for name, of in policy.group_of.items() if of == group):
            for severity in SEVERITIES:
                rate = policy.rate(2264, category, hour, policy._shares(category)[severity - 1]) * 2 ** (step / 4) / 60
                digits = policy.digits(2264, category, severity, hour, step)
                age_ms = (minute + 0.5) * MINUTE_MS
                mean += rate * digits * left(age_ms)
                variance += rate * digits**2 * left(age_ms) ** 2
    found = policy.expected(2264, group, 40, dict.fromkeys(policy.group_of, step))
    assert (found.mean, found.variance) == (pytest.approx(mean, rel=0.005), pytest.approx(variance, rel=0.005))
    assert found.mean > policy.expected(2264, group, 40).mean


def test_the_bar_is_what_is_ordinary_at_the_own_level_and_its_deviations_and_what_is_free():
    """Those of chance, and those of places, which differ in proportion."""
    known = regency(TICK, pace(5000, intimidation=90_000)).known
    mean, variance = DEFAULT_POLICY.expected(SMALL.stations, "security", TEN, known.steps)
    assert mean > DEFAULT_POLICY.expected(SMALL.stations, "security", TEN).mean
    for level in (1.0, 2.0):
        known.learned["security"] = level
        deviation = (variance * level + SURPRISE["dispersion"] * (mean * level) ** 2) ** 0.5
        doubted = SURPRISE["expected_share"] * mean * level + SURPRISE["doubt"] * deviation
        assert bar(known, "security") == pytest.approx(doubted + SURPRISE["free_digits"])
