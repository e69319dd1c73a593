"""Turnout of several sources: whose figure counts, which stations contradict each other, and which are not listed."""

import json
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.station_roster import StationRoster
from streams.risk.station import Figure, figure_of
from streams.risk.turnout import Taken, Turnout
from streams.table import RiskTable
from tests.streams.ledgers import COMPILED, EIGHT_MS, HOUR_MS, MINUTE_MS, PALEMBANG, ROSTER, WIB_MS, run, tick, turnout

#: Rank and agency of each source.
SOURCES = {"kpu": (1, "kpu"), "bawaslu": (2, "bawaslu"), "desk": (1000, "desk"), "media": (1000, "media")}
STATION = "16.71.01.1001 TPS 001"
ROSTER_TEXT = """regency,village,station,registered
16.71,16.71.01.1001,TPS 001,300
16.71,16.71.01.1001,TPS 002,
16.71,,TPS 003,500
"""
LISTED = StationRoster.parse(ROSTER_TEXT, "stations.csv")


def figure(source: str, voted: int, minute: int = 0, revision: int = 1, registered: int = 500, **given) -> Figure:
    rank, agency = SOURCES.get(source, (1000, source))
    fields = {"agency": agency, "rank": rank} | given
    return Figure(EIGHT_MS + minute * MINUTE_MS, revision, registered, voted, source, **fields)


def held(*figures: Figure, roster: StationRoster | None = None) -> Turnout:
    """These figures of one station, told in this order."""
    found = Turnout(WIB_MS, 2264, roster.of(PALEMBANG) if roster else None)
    for one in figures:
        found.report(STATION, one)
    return found


def in_force(*figures: Figure) -> tuple[str, int]:
    station = held(*figures).held(STATION)
    return station.source, station.voted


def every_order(*figures: Figure) -> set[tuple[str, int]]:
    return {in_force(*order) for order in permutations(figures)}


def test_the_figure_is_that_of_the_first_source_in_the_order_that_has_told_one():
    kpu, bawaslu, desk = figure("kpu", 100), figure("bawaslu", 140, minute=60), figure("desk", 180, minute=120)
    assert every_order(kpu, bawaslu, desk) == {("kpu", 100)}
    assert every_order(bawaslu, desk) == {("bawaslu", 140)}
    assert every_order(kpu._replace(rank=3), bawaslu, desk) == {("bawaslu", 140)}


def test_of_sources_without_a_place_in_the_order_the_latest_counts():
    desk, media = figure("desk", 180, minute=5), figure("media", 170)
    assert every_order(desk, media) == {("desk", 180)}
    assert every_order(desk, media._replace(as_of_ms=desk.as_of_ms, revision=2)) == {("media", 170)}
    assert every_order(desk, media._replace(as_of_ms=desk.as_of_ms)) == {("desk", 180)}  # by name


def test_a_source_changes_its_own_figure_only():
    kpu, bawaslu = figure("kpu", 100), figure("bawaslu", 140)
    found = held(kpu, bawaslu, figure("bawaslu", 150, revision=9), figure("kpu", 120, minute=1))
    station = found.held(STATION)
    assert figure_of(station) == figure("kpu", 120, minute=1)
    assert [(other.source, other.voted) for other in station.others] == [("bawaslu", 150)]


def test_a_figure_that_is_not_newer_than_its_sources_own_changes_nothing():
    first = [figure("kpu", 100, minute=9), figure("bawaslu", 140, minute=5)]
    for old in (figure("kpu", 90, minute=8), figure("kpu", 90, minute=9), figure("bawaslu", 1, minute=5)):
        found = held(*first)
        assert found.report(STATION, old) is Taken.OUTDATED
        assert found.held(STATION) == held(*first).held(STATION) and found.totals() == held(*first).totals()
    assert (
        held(*first).report(STATION, figure("bawaslu", 1, minute=6)) is Taken.APPLIED
    )  # older than the KPU's: that is another source


def test_a_lower_count_of_another_source_is_no_correction_and_no_new_vote():
    found = held(figure("kpu", 300), figure("bawaslu", 280, minute=1), figure("desk", 10, minute=60 * 24))
    assert (found.corrected, found.counts.repeated, found.voted) == (0, 0, 300)
    assert not found.corrects(STATION, figure("media", 1, minute=2))
    assert found.corrects(STATION, figure("bawaslu", 270, minute=2))


def test_corrections_of_a_source_whose_figure_is_not_in_force_are_counted_and_alarm_nobody():
    found = held(figure("kpu", 300), *(figure("bawaslu", 200 - minute, minute) for minute in range(4)))
    assert (found.corrected, found.counts.repeated) == (3, 0)
    found = held(figure("desk", 300), *(figure("bawaslu", 200 - minute, minute) for minute in range(4)))
    assert (found.corrected, found.counts.repeated) == (3, 1)


def test_two_agencies_that_tell_different_counts_of_one_moment_contradict_each_other():
    for order in permutations([figure("kpu", 100), figure("bawaslu", 140)]):
        station = held(*order).held(STATION)
        assert held(*order).counts.conflicting == 1 and station.conflicts == (("bawaslu", "kpu"),)
        assert {(one.source, one.voted) for one in (figure_of(station), *station.others)} == {
            ("kpu", 100), ("bawaslu", 140),
        }  # fmt: skip


@pytest.mark.parametrize("other", [
    figure("bawaslu", 100),
    figure("bawaslu", 140, minute=1),
    figure("bawaslu", 100, registered=300),  # the roll is another matter
    figure("sirekap", 140, agency="kpu"),
])  # fmt: skip
def test_the_same_count_another_moment_and_the_same_agency_are_no_contradiction(other):
    assert held(figure("kpu", 100), other).counts.conflicting == 0


def test_a_contradiction_lasts_until_the_two_tell_the_same_of_one_moment():
    told = [figure("kpu", 100), figure("bawaslu", 140), figure("kpu", 200, minute=30)]
    assert held(*told).counts.conflicting == 1  # a later figure of one of them settles nothing
    assert held(*told, figure("bawaslu", 210, minute=31)).counts.conflicting == 1
    assert held(*told, figure("bawaslu", 200, minute=30)).counts.conflicting == 0
    assert held(*told[:2], figure("bawaslu", 100, revision=2)).counts.conflicting == 0
    assert held(*told[:2], figure("kpu", 140, revision=2)).counts.conflicting == 0
    again = figure("bawaslu", 260, minute=60), figure("kpu", 250, minute=60)
    assert held(*told, figure("bawaslu", 200, minute=30), *again).counts.conflicting == 1


def test_of_three_agencies_all_pairs_must_agree():
    three = [figure("kpu", 100), figure("bawaslu", 140), figure("desk", 180)]
    found = held(*three)
    assert len(found.held(STATION).conflicts) == 3 and found.counts.conflicting == 1
    steps = [figure("bawaslu", 100, revision=2), figure("desk", 100, revision=2)]
    found.report(STATION, steps[0])
    assert found.held(STATION).conflicts == (("bawaslu", "desk"), ("desk", "kpu")) and found.counts.conflicting == 1
    found.report(STATION, steps[1])
    assert found.held(STATION).conflicts == () and found.counts.conflicting == 0


def test_an_agency_whose_systems_differ_agrees_with_nobody_whichever_came_first():
    three = figure("kpu", 100), figure("sirekap", 140, agency="kpu", rank=2), figure("bawaslu", 100)
    assert {held(*order).counts.conflicting for order in permutations(three)} == {1}
    assert held(*three, figure("sirekap", 100, revision=2, agency="kpu", rank=2)).counts.conflicting == 0


TOLD = st.lists(
    st.tuples(
        st.integers(0, 2),  # station
        st.sampled_from(sorted(SOURCES)),
        st.integers(0, 3),  # moment
        st.integers(1, 3),  # revision
        st.sampled_from([300, 500]),
        st.integers(0, 5).map(lambda number: number * 100),
    ),
    max_size=40,
)


def recount(told: list[tuple]) -> dict[str, int]:
    """The totals by the words of their laws, of figures of one local day: there is no new vote."""
    newest: dict[tuple[int, str], tuple] = {}
    corrections: dict[tuple[int, str], int] = {}
    contrary: set[tuple[int, frozenset[str]]] = set()
    corrected = 0
    for station, source, moment, revision, registered, voted in told:
        name, before = (station, source), newest.get((station, source))
        if before and (moment, revision) <= before[:2]:
            continue
        is_fall = before is not None and voted < before[3]
        is_again = before is not None and moment == before[0]
        corrected += is_fall or is_again
        corrections[name] = corrections.get(name, 0) + (is_fall or (is_again and (registered, voted) != before[2:]))
        newest[name] = moment, revision, registered, voted
        for (of, other), held_ in newest.items():
            if of == station and other != source and held_[0] == moment:
                pair = station, frozenset((source, other))
                contrary = contrary - {pair} if held_[3] == voted else contrary | {pair}
    stations = {station for station, _ in newest}
    first = {s: min((n for n in newest if n[0] == s), key=lambda n: _order(n[1], newest[n])) for s in stations}
    figures = [newest[name] for name in first.values()]
    return {
        "reported": len(stations),
        "registered": sum(one[2] for one in figures),
        "voted": sum(one[3] for one in figures),
        "over_capacity": sum(one[3] > one[2] for one in figures),
        "corrected": corrected,
        "repeated": sum(corrections[name] > 1 for name in first.values()),
        "conflicting": len({station for station, _ in contrary}),
        "unlisted": 0,
    }


def _order(source: str, told: tuple) -> tuple:
    return SOURCES[source][0], -told[0], -told[1], source


def report(found: Turnout, told: tuple) -> bool:
    station, source, moment, revision, registered, voted = told
    taken = found.report(f" TPS 00{station}", figure(source, voted, moment * 30, revision, registered))
    return taken is Taken.APPLIED


@settings(max_examples=300, deadline=None)
@given(TOLD)
def test_totals_are_the_recount_of_the_figures_of_several_sources(told):
    found = Turnout(WIB_MS, 2264)
    for number, one in enumerate(told):
        report(found, one)
        totals = found.totals()
        totals |= totals["counts"]
        assert {name: totals[name] for name in recount([])} == recount(told[: number + 1])


@settings(deadline=None)
@given(TOLD, st.integers(0, 40))
def test_figures_of_several_sources_survive_a_restart(told, cut):
    frames = [
        (PALEMBANG, [_entry(number, one) for number, one in enumerate(told[at : at + 5], at)])
        for at in range(0, len(told), 5)
    ]
    whole, before = run([tick(EIGHT_MS), *frames]), run([tick(EIGHT_MS), *frames[: cut // 5]])
    table = RiskTable(0, 1, ROSTER, COMPILED)
    for key, value in before.state.items():
        table.restore(key, value)
    table.restored()
    after = run(frames[cut // 5 :], table, first_offset=1 + len(frames[: cut // 5]))
    assert before.rows | after.rows == whole.rows
    assert (before.state | after.state).items() >= whole.state.items()


def _entry(number: int, told: tuple) -> list:
    station, source, moment, revision, registered, voted = told
    rank, agency = SOURCES[source]
    return turnout(number, EIGHT_MS + 3 * HOUR_MS, f"TPS 00{station}", voted, registered=registered, revision=revision,
                   as_of_ms=EIGHT_MS + moment * 30 * MINUTE_MS, source=source, agency=agency, rank=rank)  # fmt: skip


@given(st.lists(st.sampled_from(sorted(SOURCES)), min_size=1), st.randoms(use_true_random=False))
def test_the_order_in_which_sources_report_changes_no_total(sources, chance):
    """Each source reports often, its own figures in order of time."""
    told = [(n % 3, source, n, 1, 500, 10 * n) for n, source in enumerate(sources)]
    queues = {source: [one for one in told if one[1] == source] for source in sources}
    order = list(sources)
    chance.shuffle(order)
    one, other = Turnout(WIB_MS, 2264), Turnout(WIB_MS, 2264)
    for figure_ in told:
        report(one, figure_)
    for source in order:
        report(other, queues[source].pop(0))
    assert one.totals() == other.totals()


def test_a_station_number_counts_within_its_village():
    villages = ("16.71.01.1001", "16.71.01.1002", "16.71.02.1003", "")
    told = [turnout(n, EIGHT_MS, "TPS 012", 100 + n, village=village) for n, village in enumerate(villages)]
    row = run([(PALEMBANG, told)]).row(PALEMBANG)["turnout"]
    assert (row["stations_reported"], row["voted"], row["corrected"]) == (4, 406, 0)


UNLISTED = "16.71.01.1001 TPS 009"


def apart(totals: dict) -> dict:
    """Totals without what counts unlisted stations and all figures that are held."""
    held_ = {name: value for name, value in totals.items() if name not in ("by_agency", "figures")}
    return held_ | {"counts": held_["counts"] | {"unlisted": 0}}


def test_a_station_that_the_station_roster_lacks_is_counted_apart_from_every_total():
    found = Turnout(WIB_MS, 2264, LISTED.of(PALEMBANG))
    found.report(STATION, figure("kpu", 100))
    before = found.totals()
    for one in (figure("kpu", 600), figure("kpu", 590, 1), figure("kpu", 580, 2), figure("bawaslu", 1, 2)):
        assert found.report(UNLISTED, one) is Taken.APPLIED
        assert apart(found.totals()) == apart(before) and found.counts.unlisted == 1
    assert found.report(UNLISTED, figure("kpu", 10, minute=24 * 60))  # a new vote of a station that there is not
    assert apart(found.totals()) == apart(before) and found.share_myriad(1) == 2_000
    assert found.held(UNLISTED).voted == 10  # kept, so that people can see what was told


def test_every_station_of_the_roster_is_listed_and_in_its_village_alone():
    for key, is_listed in (
        (STATION, True), ("16.71.01.1001 TPS 002", True), (" TPS 003", True), (" TPS 001", False),
        ("16.71.01.1002 TPS 001", False), ("16.71.01.1001 TPS 003", False),
    ):  # fmt: skip
        found = Turnout(WIB_MS, 2264, LISTED.of(PALEMBANG))
        found.report(key, figure("kpu", 1))
        assert (found.reported, found.counts.unlisted) == (is_listed, not is_listed), key


def test_without_a_station_roster_every_station_is_one():
    assert held(figure("kpu", 1)).counts.unlisted == 0


def table_of(stations: StationRoster | None) -> RiskTable:
    return RiskTable(0, 1, ROSTER, COMPILED, stations)


def test_the_row_counts_unlisted_and_conflicting_stations_and_a_restart_keeps_both():
    village = "16.71.01.1001"
    told = [
        turnout("a", EIGHT_MS, "TPS 001", 100, village=village),
        turnout("b", EIGHT_MS, "TPS 001", 140, village=village, source="bawaslu", rank=2),
        turnout("c", EIGHT_MS, "TPS 009", 100, village=village),
    ]
    outputs = run([(PALEMBANG, told)], table_of(LISTED))
    shown = outputs.row(PALEMBANG)["turnout"]
    assert (shown["unlisted"], shown["conflicting"]) == (1, 1)
    assert (shown["stations_reported"], shown["voted"], shown["registered"]) == (1, 100, 500)
    again = table_of(LISTED)
    for key, value in outputs.state.items():
        again.restore(key, value)
    again.restored()
    more = [turnout("d", EIGHT_MS, "TPS 001", 100, village=village, source="bawaslu", rank=2, revision=2),
            turnout("e", EIGHT_MS, "TPS 009", 110, village=village, revision=2)]  # fmt: skip
    shown = run([(PALEMBANG, more)], again, first_offset=1).row(PALEMBANG)["turnout"]
    assert (shown["unlisted"], shown["conflicting"], shown["voted"]) == (1, 0, 100)


def test_a_regency_that_the_station_roster_lacks_has_no_listed_station():
    """Its file names stations of one regency alone: of the others nothing is known."""
    told = [turnout("a", EIGHT_MS, "TPS 001", 100)]
    assert LISTED.of("16.02") is None
    assert run([("16.02", told)], table_of(LISTED)).row("16.02")["turnout"]["unlisted"] == 0


def test_stored_totals_name_conflicting_and_unlisted():
    totals = json.loads(json.dumps(held(figure("kpu", 1), figure("bawaslu", 2)).totals()))
    assert (totals["counts"]["conflicting"], totals["counts"]["unlisted"]) == (1, 0)
