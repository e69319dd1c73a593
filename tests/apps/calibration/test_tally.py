"""What counts: no agency sets a rate alone, no flare-up is an ordinary day, and late reports make no day."""

import pytest

from apps.calibration.reports import MANY
from apps.calibration.tally import bounded
from schemas.vocabulary import HOUR_MS
from tests.apps.calibration.recorded import STATIONS, incident, tally_of

A_DAY = {("logistics", regency): 1.0 for regency in STATIONS}
FREE, PLACE_MOST = 2.0, 3.0


def counted(incidents, **options):
    found = tally_of(incidents, **options).counts(A_DAY, FREE, PLACE_MOST)
    return found["logistics"].reports if found else 0.0


def spread(count: int, first: int = 0, agency: str = "") -> list:
    """Incidents one after another over days and regencies."""
    codes = list(STATIONS)
    return [incident(first + n, n % 14, codes[n // 14 % len(codes)], agency or f"a{n % 7}") for n in range(count)]


def test_reports_of_several_agencies_count_in_full():
    assert counted(spread(140)) == pytest.approx(140)


def test_of_one_agency_counts_as_much_as_of_all_others_or_what_is_expected():
    assert bounded({"a": 10, "b": 4}, 3) == {"a": 4, "b": 4}
    assert bounded({"a": 10, "b": 4}, 7) == {"a": 7, "b": 4}
    assert bounded({"a": 10}, 3) == {"a": 3}
    assert bounded({MANY: 10, "a": 2}, 3) == {MANY: 10, "a": 2}


def test_a_flood_of_one_agency_in_one_place_moves_nothing_beyond_the_free_reports():
    calm = spread(140)
    flood = [incident(1000 + n, agency="loud") for n in range(500)]
    assert counted(calm + flood) <= 140 + FREE
    assert counted(calm + flood) == counted(calm + flood[:50])


def test_a_flood_of_one_agency_everywhere_every_day_counts_no_more_than_all_others():
    calm = spread(140)
    flood = [incident(1000 + n, n % 14, code, "loud") for n in range(400) for code in STATIONS]
    assert counted(calm + flood) <= 2 * 140 + 1e-9


def test_one_agency_alone_counts_as_far_as_is_expected():
    assert counted(spread(140, agency="only")) == pytest.approx(140)  # one a day and regency is what is expected
    assert counted(spread(140, agency="only") + spread(140, 200, "only")) == pytest.approx(140)


def test_a_flare_up_of_many_agencies_counts_as_a_lively_day():
    flare_up = [incident(1000 + n, 3, "16.02", f"a{n % 5}") for n in range(60)]
    calm = spread(140)
    assert 140 < counted(calm + flare_up) < 140 + 10


def test_the_shapes_shrink_with_the_counts():
    flood = [incident(n, agency="loud", severity=3) for n in range(50)]
    found = tally_of(spread(140) + flood).counts(A_DAY, FREE, PLACE_MOST)["logistics"]
    assert sum(found.severities()) == pytest.approx(found.reports) == pytest.approx(sum(found.hours()))
    assert 0 < found.severities()[2] <= FREE + 1e-9
    assert sum(found.by_day.values()) == pytest.approx(found.reports) == pytest.approx(sum(found.by_regency.values()))


def test_hours_are_local():
    late = incident(1)._replace(occurred_ms=incident(1).occurred_ms + 11 * HOUR_MS)
    found = tally_of([incident(0), late]).counts(A_DAY, FREE, PLACE_MOST)["logistics"]
    assert [hour for hour, count in enumerate(found.hours()) if count] == [12, 23]


def test_days_outside_the_period_do_not_count():
    inside, outside = spread(14), [incident(100, day) for day in (-1, 14, 20)]
    assert tally_of(inside + outside).days == tally_of(inside).days
    assert tally_of(inside + outside).reports == 14


def test_late_reports_alone_make_no_day():
    busy = [incident(n, 5 + n % 5, code) for n in range(50) for code in STATIONS]
    found = tally_of([*busy, incident(9999, 1)])
    assert len(found.days) == 5
    assert found.reports == len(busy)


def test_without_reports_there_is_no_day():
    assert (tally_of([]).days, counted([])) == ([], 0.0)
