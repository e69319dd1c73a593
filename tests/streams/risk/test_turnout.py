"""Turnout: the latest figure per station wins, corrections are counted, over capacity is flagged, totals stay exact."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.ruleset import Ruleset
from streams.risk.station import Figure
from streams.risk.turnout import Taken, Turnout
from streams.risk.turnout_points import is_outlier, turnout_points
from streams.rules import Rules
from tests.streams.ledgers import (
    COMPILED,
    EIGHT_MS,
    HOUR_MS,
    MINUTE_MS,
    PALEMBANG,
    RULES,
    WIB_MS,
    incident,
    run,
    tick,
    turnout,
)

DAY_MS = 24 * HOUR_MS
STATIONS = 2264
FIGURES = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 11), st.integers(1, 3), st.integers(1, 500), st.integers(0, 600)),
    max_size=40,
)
#: The same on three local days, four hours of each.
DAYS = FIGURES.map(lambda figures: [(s, 4 + a % 4 + 24 * (a // 4), r, n, v) for s, a, r, n, v in figures])


@settings(deadline=None)
@given(FIGURES)
def test_totals_are_the_recount_of_the_latest_figures(figures):
    held = Turnout(WIB_MS, STATIONS)
    latest: dict[str, tuple] = {}
    for station, as_of, revision, registered, voted in figures:
        name = f"TPS {station}"
        is_newer = name not in latest or (as_of, revision) > latest[name][:2]
        assert _report(held, (station, as_of, revision, registered, voted)) is (
            Taken.APPLIED if is_newer else Taken.OUTDATED
        )
        if is_newer:
            latest[name] = (as_of, revision, registered, voted)
    assert held.registered == sum(figure[2] for figure in latest.values())
    assert held.voted == sum(figure[3] for figure in latest.values())
    assert held.counts.over_capacity == sum(figure[3] > figure[2] for figure in latest.values())
    assert set(held.stations) == set(latest)


@given(DAYS)
def test_restored_totals_continue_like_those_that_never_stopped(figures):
    whole = Turnout(WIB_MS, STATIONS)
    for figure in figures[: len(figures) // 2]:
        _report(whole, figure)
    again = Turnout(WIB_MS, STATIONS)
    again.restore_totals(json.loads(json.dumps(whole.totals())))
    stations = dict(whole.stations)
    again.restore_stations(lambda: stations)
    for figure in figures[len(figures) // 2 :]:
        for held in (whole, again):
            _report(held, figure)
    assert whole.totals() == again.totals()
    assert (whole.share_myriad(1), whole.as_of_ms()) == (again.share_myriad(1), again.as_of_ms())


def _report(held: Turnout, figure: tuple) -> bool:
    station, as_of, revision, registered, voted = figure
    return tell(held, f"TPS {station}", registered, voted, as_of * HOUR_MS, revision)


def tell(held: Turnout, name: str, registered: int, voted: int, as_of_ms: int, revision: int = 1) -> bool:
    """A figure of the only source."""
    return held.report(name, Figure(as_of_ms, revision, registered, voted, "kpu", "kpu", 1))


def test_a_falling_count_and_a_new_revision_are_corrections():
    held = Turnout(WIB_MS, STATIONS)
    tell(held, "TPS 1", 500, 300, 1, 1)
    tell(held, "TPS 1", 500, 280, 2, 1)
    assert (held.corrected, held.counts.repeated) == (1, 0)
    tell(held, "TPS 1", 500, 281, 2, 2)
    assert (held.corrected, held.counts.repeated) == (2, 1)


def test_the_same_figures_again_are_counted_and_alarm_nobody():
    held = Turnout(WIB_MS, STATIONS)
    for revision in (1, 2, 3):
        tell(held, "TPS 1", 500, 300, 1, revision)
    assert (held.corrected, held.counts.repeated) == (2, 0)


def test_a_fall_within_the_local_day_is_a_correction_after_it_a_new_vote():
    midnight = EIGHT_MS + 16 * HOUR_MS
    for at_ms, counted in ((midnight - MINUTE_MS, 1), (midnight, 0)):
        held = Turnout(WIB_MS, STATIONS)
        tell(held, "TPS 1", 500, 300, EIGHT_MS, 1)
        assert held.corrects("TPS 1", Figure(at_ms, 1, 500, 280, "kpu", "kpu", 1)) is bool(counted)
        tell(held, "TPS 1", 500, 280, at_ms, 1)
        assert (held.corrected, held.held("TPS 1").corrections) == (counted, counted)
        assert (held.reported, held.registered, held.voted) == (1, 500, 280)


def test_a_count_that_rises_on_a_later_day_continues_the_vote():
    held = Turnout(WIB_MS, STATIONS)
    for at_ms, voted in ((EIGHT_MS, 300), (EIGHT_MS + 1, 290), (EIGHT_MS + DAY_MS, 310), (EIGHT_MS + DAY_MS + 1, 305)):
        tell(held, "TPS 1", 500, voted, at_ms, 1)
    assert (held.corrected, held.counts.repeated) == (2, 1)


def test_a_new_vote_begins_without_corrections_and_those_counted_stay_counted():
    held = Turnout(WIB_MS, STATIONS)
    for minute, voted in enumerate((300, 290, 280)):
        tell(held, "TPS 1", 500, voted, EIGHT_MS + minute, 1)
    assert (held.corrected, held.counts.repeated) == (2, 1)
    for minute, (voted, repeated) in enumerate(((30, 0), (20, 0), (10, 1))):
        tell(held, "TPS 1", 500, voted, EIGHT_MS + DAY_MS + minute, 1)
        assert held.counts.repeated == repeated
    assert held.corrected == 4


@settings(deadline=None)
@given(DAYS)
def test_the_share_is_that_of_the_larger_part_on_either_side_of_the_last_new_vote(figures):
    held, days = Turnout(WIB_MS, STATIONS), [0]
    for figure in figures:
        station, as_of, _, _, voted = figure
        old = held.held(f"TPS {station}")
        day = (as_of + 7) // 24
        if _report(held, figure) and old and voted < old.voted and day > (old.as_of_ms + WIB_MS) // DAY_MS:
            days += [day] if day > days[-1] else []
    stations = [held.held(name) for name in held.stations]
    newer = [s for s in stations if (s.as_of_ms + WIB_MS) // DAY_MS >= days[-1]]
    earlier = [s for s in stations if s not in newer]
    part = newer if len(newer) >= len(earlier) else earlier if len(days) == 2 else []
    registered = sum(s.registered for s in part)
    assert held.share_myriad(1) == (10_000 * sum(s.voted for s in part) // registered if part else None)
    minutes = sum(s.registered * (s.as_of_ms // MINUTE_MS) for s in part)
    assert held.as_of_ms() == (minutes // registered * MINUTE_MS if part else 0)


def test_a_second_and_a_third_day_of_the_same_stations_bring_no_points():
    held = Turnout(WIB_MS, STATIONS)
    shares = {hour: RULES.turnout.curve.shares[hour] for hour in (8, 10, 13)}
    for day in range(3):
        for hour, share in shares.items():
            at_ms = EIGHT_MS + day * DAY_MS + (hour - 8) * HOUR_MS
            for number in range(60):
                tell(held, f"TPS {number}", 500, round(500 * share), at_ms, 1)
                assert turnout_points(COMPILED, held, {"a": 7_200, "b": 7_200, "c": 7_200}, at_ms) == 0
    assert (held.corrected, held.counts.repeated) == (0, 0)


def test_a_new_vote_at_a_few_stations_leaves_the_share_of_the_others():
    held = at_share(13, 0.98)
    for number in range(5):
        tell(held, f"TPS {number}", 500, 10, EIGHT_MS + DAY_MS, 1)
    assert (held.voted, held.share_myriad(30)) == (35 * 490 + 50, 9_800)
    assert is_outlier(COMPILED, held, {})


def test_more_votes_than_the_first_roll_alone_are_not_over_capacity():
    """Palembang, Pilgub 2024: 792,934 voters against a DPT of 758,086 and 37,278 of DPTb and DPK."""
    held = Turnout(WIB_MS, STATIONS)
    tell(held, "TPS 1", 758_086 + 37_278, 792_934, 1, 1)
    assert held.counts.over_capacity == 0
    tell(held, "TPS 1", 758_086, 792_934, 1, 2)
    assert held.counts.over_capacity == 1


def test_the_row_counts_over_capacity_and_corrections():
    outputs = run(
        [
            (PALEMBANG, [turnout("a", EIGHT_MS, "TPS 1", 501), turnout("b", EIGHT_MS, "TPS 2", 100)]),
            (PALEMBANG, [turnout("c", EIGHT_MS + MINUTE_MS, "TPS 2", 90)]),
            (PALEMBANG, [turnout("d", EIGHT_MS, "TPS 2", 400, as_of_ms=EIGHT_MS)]),  # an older figure changes nothing
        ]
    )
    row = outputs.row(PALEMBANG)
    assert row["turnout"] == {
        "stations_expected": 2264, "stations_reported": 2, "registered": 1000, "voted": 591, "share": 0.591,
        "over_capacity": 1, "corrected": 1, "unlisted": 0, "conflicting": 0,
    }  # fmt: skip
    assert row["excluded"]["duplicate"] == 1
    assert outputs.changes() == []


def test_one_station_over_capacity_is_not_worth_an_alarm_many_are():
    held = Turnout(WIB_MS, STATIONS)
    tell(held, "TPS 1", 500, 501, EIGHT_MS, 1)
    assert turnout_points(COMPILED, held, {}, EIGHT_MS) == 0
    for number in range(2, 15):
        tell(held, f"TPS {number}", 500, 501, EIGHT_MS, 1)
    assert turnout_points(COMPILED, held, {}, EIGHT_MS) == 25


def test_stations_silent_past_their_time_count_once_reports_are_due():
    held = Turnout(WIB_MS, 247)
    for number in range(60):
        tell(held, f"TPS {number}", 500, 30, EIGHT_MS, 1)
    before, after = EIGHT_MS + 9 * HOUR_MS, EIGHT_MS + 10 * HOUR_MS  # 17:00 and 18:00 local time
    assert turnout_points(COMPILED, held, {}, before) == 0
    assert turnout_points(COMPILED, held, {}, after) == 7


def test_low_turnout_as_such_is_nothing_and_no_feed_is_no_finding():
    held = Turnout(WIB_MS, 247)
    for number in range(247):
        tell(held, f"TPS {number}", 500, 100, EIGHT_MS, 1)
    assert turnout_points(COMPILED, held, {}, EIGHT_MS + 10 * HOUR_MS) == 0
    assert turnout_points(COMPILED, Turnout(WIB_MS, 247), {}, EIGHT_MS + 10 * HOUR_MS) == 0


def at_share(hour: float, share: float) -> Turnout:
    """Forty stations with the same share at a local hour."""
    held = Turnout(WIB_MS, 40)
    for number in range(40):
        tell(held, f"TPS {number}", 500, round(500 * share), EIGHT_MS + int((hour - 8) * HOUR_MS), 1)
    return held


def test_a_share_far_from_three_neighbours_and_from_the_curve_is_an_outlier():
    held = at_share(8, 0.9)  # by then the curve has 0.07
    assert is_outlier(COMPILED, held, {"a": 5000, "b": 5200, "c": 5500})
    assert not is_outlier(COMPILED, held, {"a": 7500, "b": 8000, "c": 8200})


def test_a_share_near_the_curve_is_no_outlier_whatever_the_neighbours_have():
    assert not is_outlier(COMPILED, at_share(13, 0.72), {"a": 3000, "b": 3100, "c": 3200})
    assert is_outlier(COMPILED, at_share(13, 0.98), {"a": 3000, "b": 3100, "c": 3200})


def test_a_share_far_below_both_curves_is_an_outlier_too():
    assert is_outlier(COMPILED, at_share(13, 0.3), {"a": 7000, "b": 7100, "c": 7200})


def test_without_neighbours_only_more_than_the_curve_allows_is_an_outlier():
    two = {"a": 5000, "b": 5200}  # two neighbours make no curve
    assert is_outlier(COMPILED, at_share(9.5, 0.6), two)  # half way from 0.22 to 0.39
    assert not is_outlier(COMPILED, at_share(9.5, 0.55), two)
    assert not is_outlier(COMPILED, at_share(13, 0.1), two)  # low turnout as such is nothing


def test_the_curve_is_read_at_the_time_of_the_figures_not_of_the_clock():
    early, late = at_share(8, 0.45), at_share(10, 0.45)
    at_night = EIGHT_MS + 14 * HOUR_MS
    assert turnout_points(COMPILED, early, {}, at_night) == 10
    assert turnout_points(COMPILED, late, {}, at_night) == 0


def test_without_a_curve_neighbours_alone_decide():
    plain = Rules(Ruleset.packaged("rolling-sum-60min"))
    assert is_outlier(plain, at_share(13, 0.72), {"a": 3000, "b": 3100, "c": 3200})
    assert not is_outlier(plain, at_share(8, 0.9), {})


@given(FIGURES)
def test_the_mean_time_of_the_figures_is_weighted_by_registered_voters(figures):
    held = Turnout(WIB_MS, STATIONS)
    for figure in figures:
        _report(held, figure)
    # All figures are of one day: there is no new vote.
    weighed = sum(s.registered * (s.as_of_ms // MINUTE_MS) for s in held.stations.values())
    assert held.as_of_ms() == (weighed // held.registered * MINUTE_MS if held.registered else 0)


def test_neighbours_are_notified_of_the_share_once_an_hour():
    stations = [turnout(n, EIGHT_MS, f"TPS {n}", 100) for n in range(40)]
    frames = [(PALEMBANG, stations), *[tick(EIGHT_MS + n * 10 * MINUTE_MS) for n in range(1, 13)]]
    shares = [entry[7] for target, entry in run(frames).notices if target == "16.02"]
    assert shares == [2000, 2000, 2000]


def test_a_rise_by_turnout_cites_no_incident_and_notifies_no_police():
    trifle = (PALEMBANG, [incident(1, EIGHT_MS, severity=1)])
    at = EIGHT_MS + 6 * HOUR_MS
    odd = (PALEMBANG, [turnout(n, at, f"TPS {n}", 501) for n in range(40)])
    outputs = run([trifle, odd, *(tick(at + n * 15_000) for n in range(10))])
    [raised] = outputs.changes(PALEMBANG)
    assert (raised["reason"], raised["evidence"]) == ("turnout_anomaly", [])
    assert set(raised["routes"]) == set(RULES.turnout.routes)


def test_restored_stations_are_read_when_the_first_is_asked_for():
    held, reads = Turnout(WIB_MS, STATIONS), []
    totals = Turnout(WIB_MS, STATIONS).totals() | {"counts": {"reported": 2}, "registered": 500, "voted": 200}
    held.restore_totals(totals)
    held.restore_stations(lambda: reads.append(1) or {})
    assert (held.reported, held.share_myriad(2), reads) == (2, 4_000, [])
    assert held.held("TPS 1") is None and held.held("TPS 2") is None and reads == [1]
