"""What one report tells, and that what one source or an ordinary day tells is no wave."""

from math import log10

import pytest

from streams.evidence import ordinary_rates
from tests.streams.ledgers import COMPILED, EIGHT_MS, HOUR_MS, MINUTE_MS, PAGAR_ALAM, RULES, incident, run, tick

STATIONS = {"Pagar Alam": 247, "a middling regency": 800, "Palembang": 2264}
TEN = 10


def told(category: str, severity: int, stations: int, hour: int = TEN) -> int:
    """Thousandths of a digit."""
    return COMPILED.place(stations).milli[COMPILED.kinds[category, severity].number * 24 + hour]


def test_a_report_tells_how_much_more_often_it_comes_in_a_flare_up():
    """By hand: 4.6 a thousand stations and day, three in five of severity 2, 5.2 of 36.8 of the day at 09:00."""
    ordinary = 800 * 4.6 / 1000 * 0.6 * 5.2 / sum(RULES.profiles["voting"].hours)
    assert told("intimidation", 2, 800, hour=9) == round(1000 * log10(1 + 1.5 / ordinary))


@pytest.mark.parametrize("stations", STATIONS.values(), ids=STATIONS)
def test_what_is_rare_tells_more_than_what_is_common(stations):
    assert told("clash", 3, stations) > told("intimidation", 3, stations) > told("intimidation", 1, stations)
    assert told("administration", 3, stations, hour=7) > told("administration", 2, stations, hour=7)
    assert told("intimidation", 2, stations, hour=3) > told("intimidation", 2, stations)


def test_the_same_report_tells_more_in_a_small_place():
    assert told("intimidation", 2, 247) > told("intimidation", 2, 800) > told("intimidation", 2, 2264)


def test_no_report_is_rarer_than_the_rarest_the_ruleset_allows():
    surge = max(rate.value for rate in RULES.surprise.surge.values())
    most = 1000 * log10(1 + surge / RULES.surprise.rate_least.value)
    assert max(COMPILED.place(800).milli) <= round(most)


def test_what_is_expected_is_what_ordinary_days_tell_decayed():
    """Half of a steady rate's evidence lies in the last half-life: a rate of r digits an hour holds r * h / ln 2."""
    held = sum(COMPILED.place(800).expected[0]) / 4
    a_day = 0.0
    for (category, severity), kind in COMPILED.kinds.items():
        if kind.group == 0:
            rates = ordinary_rates(RULES, category, severity, 800)
            a_day += sum(rate * told(category, severity, 800, hour) / 1000 for hour, rate in enumerate(rates))
    half_life_h = RULES.surprise.half_life.value / 60
    assert held == pytest.approx(a_day * half_life_h / 0.6931, rel=0.01)


def test_one_source_is_held_to_what_one_source_may_reach_whatever_it_tells_of():
    reports = [
        (PAGAR_ALAM, [incident(n, EIGHT_MS + HOUR_MS + n * MINUTE_MS, kind, 3, source="pemantau")])
        for n, kind in enumerate(["intimidation", "eligibility", "logistics", "administration"] * 5)
    ]
    components = run([tick(EIGHT_MS), *reports]).row(PAGAR_ALAM)["components"]
    assert sum(components[name] for name in ("security", "integrity", "supply", "process")) == 40
