"""The evidence of one report, and that the reports of one source or of an ordinary day are no wave."""

from math import log10

import pytest

from streams.risk.evidence import ordinary_rates
from tests.streams.ledgers import (
    COMPILED,
    EIGHT_MS,
    HOUR_MS,
    MINUTE_MS,
    PAGAR_ALAM,
    PALEMBANG,
    RULES,
    incident,
    run,
    tick,
)

STATIONS = {"Pagar Alam": 247, "a middling regency": 800, "Palembang": 2264}
TEN = 10
TEN_MS = EIGHT_MS + 2 * HOUR_MS


def evidence(category: str, severity: int, stations: int, hour: int = TEN) -> int:
    """Thousandths of a digit."""
    return COMPILED.place(stations).milli[COMPILED.kinds[category, severity].number * 24 + hour]


def test_the_evidence_of_a_report_is_how_much_likelier_a_flare_up_makes_it():
    """By hand: 4.6 a day for 1000 stations; of severity 2 or above 79 % by its own mix and 48.3 % by the common one, in
    equal parts; at 09:00 5.2 of 36.8 of a day by the profile and a 24th evenly, three parts to seven.
    """
    by_mix, at_nine = 0.5 * 0.79 + 0.5 * 0.48313, 0.3 * 5.2 / sum(RULES.profiles["voting"].hours) + 0.7 / 24
    ordinary = 800 * 4.6 / 1000 * by_mix * at_nine
    assert evidence("intimidation", 2, 800, hour=9) == round(1000 * log10(1 + 2.25 / ordinary))


def test_a_minor_report_has_little_evidence_however_quiet_the_hour():
    minor = [evidence(category, 1, 247, hour) for category in RULES.categories for hour in range(24)]
    assert max(minor) == 600


@pytest.mark.parametrize("stations", STATIONS.values(), ids=STATIONS)
def test_a_rare_report_has_more_evidence_than_a_common_one(stations):
    assert (
        evidence("clash", 3, stations) > evidence("intimidation", 3, stations) > evidence("intimidation", 1, stations)
    )
    assert evidence("administration", 3, stations, hour=7) > evidence("administration", 2, stations, hour=7)
    assert evidence("intimidation", 2, stations, hour=3) > evidence("intimidation", 2, stations)


def test_the_same_report_has_more_evidence_in_a_small_regency():
    assert evidence("intimidation", 2, 247) > evidence("intimidation", 2, 800) > evidence("intimidation", 2, 2264)


@pytest.mark.parametrize("stations", STATIONS.values(), ids=STATIONS)
def test_a_severe_report_never_has_less_evidence_than_a_mild_one(stations):
    for category in RULES.categories:
        for hour in range(24):
            by_severity = [evidence(category, severity, stations, hour) for severity in range(1, 6)]
            assert by_severity == sorted(by_severity), (category, hour)


def test_no_report_is_rarer_than_the_rarest_the_ruleset_allows():
    surge = max(rate.value for rate in RULES.surprise.surge.values())
    most = 1000 * log10(1 + surge / RULES.surprise.rate_least.value)
    assert max(COMPILED.place(800).milli) <= round(most)


def test_what_is_expected_is_the_decayed_evidence_of_ordinary_days():
    """Half of a steady rate's evidence lies in the last half-life: a rate of r digits an hour holds r * h / ln 2."""
    weighing = COMPILED.weighing(800)
    held, squares = (sum(weighing.ordinary(slot)[0][part] for slot in range(96)) / 4 for part in (0, 1))
    a_day = squares_a_day = 0.0
    for (category, severity), kind in COMPILED.kinds.items():
        if kind.group == 0:
            rates = ordinary_rates(RULES, category, severity, 800)
            digits = [evidence(category, severity, 800, hour) / 1000 for hour in range(24)]
            a_day += sum(rate * of for rate, of in zip(rates, digits, strict=True))
            squares_a_day += sum(rate * of * of for rate, of in zip(rates, digits, strict=True))
    half_life_h = RULES.surprise.half_life.value / 60
    assert held == pytest.approx(a_day * half_life_h / 0.6931, rel=0.01)
    assert squares == pytest.approx(squares_a_day * half_life_h / 2 / 0.6931, rel=0.01)


def test_one_source_is_held_to_its_limit_whatever_it_reports():
    reports = [
        (PAGAR_ALAM, [incident(n, EIGHT_MS + HOUR_MS + n * MINUTE_MS, kind, 3, source="pemantau")])
        for n, kind in enumerate(["intimidation", "eligibility", "logistics", "administration"] * 5)
    ]
    components = run([tick(EIGHT_MS), *reports]).row(PAGAR_ALAM)["components"]
    assert sum(components[name] for name in ("security", "integrity", "supply", "process")) == 40


@pytest.mark.parametrize("severity", [1, 2, 3])
def test_one_report_alone_never_raises_whatever_its_category_and_hour(severity):
    for category in RULES.categories:
        for hour in range(24):
            at_ms = EIGHT_MS + hour * HOUR_MS
            row = run(
                [tick(EIGHT_MS), (PAGAR_ALAM, [incident("a", at_ms, category, severity)]), tick(at_ms + MINUTE_MS)]
            )
            assert row.row(PAGAR_ALAM)["level"] == "normal", (category, hour)
            assert row.row(PAGAR_ALAM)["score"] <= 24


def test_a_second_report_frees_the_first_from_that_limit():
    alone = [tick(EIGHT_MS), (PAGAR_ALAM, [incident("a", EIGHT_MS + TEN * HOUR_MS, "property_attack", 3)])]
    assert run(alone).row(PAGAR_ALAM)["score"] == 24
    second = (PAGAR_ALAM, [incident("b", EIGHT_MS + TEN * HOUR_MS, "clash", 2)])
    assert run([*alone, second]).row(PAGAR_ALAM)["score"] > 24


def test_six_hours_later_a_report_is_alone_again():
    first = (PAGAR_ALAM, [incident("a", EIGHT_MS, "logistics", 1)])
    late_ms = EIGHT_MS + 7 * HOUR_MS
    assert (
        run([tick(EIGHT_MS), first, (PAGAR_ALAM, [incident("b", late_ms, "clash", 3)])]).row(PAGAR_ALAM)["score"] == 24
    )


@pytest.mark.parametrize("category", [name for name, rule in RULES.categories.items() if rule.group != "expression"])
def test_sixteen_minor_reports_in_an_hour_are_a_wave_in_palembang(category):
    reports = [
        incident(n, TEN_MS - (15 - n) * 4 * MINUTE_MS, category, 1, source=("polri", "bawaslu")[n % 2])
        for n in range(16)
    ]
    frames = [tick(EIGHT_MS), *((PALEMBANG, [entry]) for entry in reports), tick(TEN_MS + MINUTE_MS)]
    assert run(frames).row(PALEMBANG)["level"] in ("waspada", "siaga")


@pytest.mark.parametrize("category", RULES.categories)
def test_two_minor_reports_at_night_raise_nothing(category):
    night_ms = EIGHT_MS + 14 * HOUR_MS
    reports = [
        (PAGAR_ALAM, [incident(n, night_ms, category, 1, source=source)])
        for n, source in enumerate(("polri", "bawaslu"))
    ]
    assert run([tick(EIGHT_MS), *reports, tick(night_ms + MINUTE_MS)]).row(PAGAR_ALAM)["level"] == "normal"


@pytest.mark.parametrize("count, sources, regency, points", [
    (1, 1, PAGAR_ALAM, 24), (40, 1, PALEMBANG, 40), (90, 3, PALEMBANG, 100),
], ids=["one report", "one source", "the group's most"])  # fmt: skip
def test_a_limit_that_is_met_gives_all_its_points_at_every_minute(count, sources, regency, points):
    names = ("polda", "kpu", "bawaslu")[:sources]
    for minute in range(0, 180, 7):
        at = TEN_MS + 8 * HOUR_MS + minute * MINUTE_MS
        reports = [
            incident(n, at - 1000 * n, category="clash", severity=3, source=names[n % sources]) for n in range(count)
        ]
        row = run([(regency, reports), tick(at)]).row(regency)
        assert row["components"]["security"] == points, minute


@pytest.mark.parametrize("verified", range(1, 13))
def test_verification_never_makes_an_alarm_weaker(verified):
    """Twelve by one source, some of them verified by another: what both reported is nobody's alone."""
    reports = [incident(n, TEN_MS - n * 3 * MINUTE_MS, source="polri") for n in range(12)]
    seconds = [
        incident(
            f"v{n}",
            TEN_MS,
            incident=n,
            occurred_ms=TEN_MS - n * 3 * MINUTE_MS,
            source="bawaslu",
            status="verified",
            revision=2,
        )
        for n in range(verified)
    ]
    before = run([(PALEMBANG, reports), tick(TEN_MS)]).row(PALEMBANG)
    after = run([(PALEMBANG, reports), (PALEMBANG, seconds), tick(TEN_MS)]).row(PALEMBANG)
    assert before["components"]["security"] == 40
    assert after["components"]["security"] >= 40
    assert after["components"]["security"] > 40 or verified < 2
    assert after["confidence"]["sources"] == 2


@pytest.mark.parametrize("place", [PALEMBANG, PAGAR_ALAM])
@pytest.mark.parametrize("category", ["disinformation", "natural_hazard", "neutrality", "clash", "logistics"])
@pytest.mark.parametrize("hour", [2, 10, 22])
def test_three_reports_are_no_storm_whoever_sends_them(place, category, hour):
    at = EIGHT_MS + (hour - 8) * HOUR_MS
    reports = [incident(n, at + n * MINUTE_MS, category, 3, source=("polri", "bpbd", "kpu")[n]) for n in range(3)]
    outputs = run([(place, reports), *(tick(at + n * MINUTE_MS) for n in range(3, 30))])
    assert {change["level"] for change in outputs.changes(place)} <= {"normal", "waspada"}
