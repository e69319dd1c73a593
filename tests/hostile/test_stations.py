"""One publisher invents polling stations, so that the missing ones seem to have reported or a share seems ordinary.

The roster bounds how many stations are shown as reported; what exceeds it is `unlisted`, and takes no points away. Up
to as many as there are, only a station roster tells those that it has from those that are made up.
"""

from collections.abc import Iterable

import pytest

from schemas.station_roster import StationRoster
from tests.hostile.scene import PRABUMULIH, ROSTER, Message, Scene, ruleset, turnout

EXPECTED = ROSTER[PRABUMULIH].stations
OUTLIER = "16.12"  # its neighbours are three and more, which makes a median
ALL_UNKNOWN = pytest.mark.xfail(
    strict=True, raises=AssertionError, reason="without a station roster whatever is reported is a station"
)


def listed(codes: Iterable[str]) -> StationRoster:
    """A station roster of these regencies: `TPS 0` and so on, as many as the roster says."""
    lines = [f"{code},,TPS {tps},500" for code in codes for tps in range(ROSTER[code].stations)]
    return StationRoster.parse("\n".join(["regency,village,station,registered", *lines]))


PRABUMULIH_LISTED, OUTLIER_LISTED = listed([PRABUMULIH]), listed([OUTLIER, *ROSTER[OUTLIER].neighbours])


def invented(number: int, source: str = "pemantau") -> list[Message]:
    """Of plausible figures."""
    return [turnout(PRABUMULIH, f"KHUSUS {one}", 35, 500, source) for one in range(number)]


def evening(told: int, *false: Message, **scene_with: object) -> Scene:
    """`told` of the roster's stations have reported at half past six, when all should have."""
    scene = Scene(**scene_with)
    scene.send(*(turnout(PRABUMULIH, f"TPS {tps}", 35) for tps in range(told)), *false)
    scene.wait(630, every=15)
    return scene


def shown(scene: Scene) -> dict:
    return scene.outputs.row(PRABUMULIH)["turnout"]


def turnout_points(scene: Scene, code: str = PRABUMULIH) -> int:
    return scene.outputs.row(code)["components"]["turnout"]


@pytest.mark.parametrize("false", [EXPECTED - 100, EXPECTED, EXPECTED + 20, 3 * EXPECTED])
def test_never_more_reported_than_there_are(false):
    row = shown(evening(100, *invented(false)))
    assert row["stations_expected"] == EXPECTED
    assert row["stations_reported"] == min(EXPECTED, 100 + false)
    assert row["unlisted"] == max(0, 100 + false - EXPECTED)


def test_confidence_knows_no_more_than_all():
    scene = evening(100, *invented(3 * EXPECTED))
    assert scene.outputs.row(PRABUMULIH)["confidence"]["completeness"] == 1
    assert {figure.stations_reported for figure in scene.table.figures() if figure.regency == PRABUMULIH} == {EXPECTED}


@pytest.mark.parametrize("told", [0, 10, 100, EXPECTED])
@pytest.mark.parametrize("false", [EXPECTED + 20, 3 * EXPECTED])
def test_inventing_takes_no_points_away(told, false):
    without, within = evening(told), evening(told, *invented(false))
    assert within.regency(PRABUMULIH).score().total >= without.regency(PRABUMULIH).score().total
    assert turnout_points(within) >= turnout_points(without)


def test_the_points_of_what_it_invents_are_its_own():
    """They raise waspada, unverified."""
    scene = evening(EXPECTED, *invented(200))
    assert [(item["level"], item["unverified"]) for item in scene.escalations(PRABUMULIH)][:1] == [("waspada", True)]


def test_a_restart_shows_the_same():
    scene = evening(100, *invented(2 * EXPECTED))
    before = shown(scene)
    scene.restart()
    scene.send(*invented(1))
    assert shown(scene) | {"unlisted": 0} == before | {"unlisted": 0}
    assert shown(scene)["unlisted"] == before["unlisted"]


@pytest.mark.parametrize("stations", [pytest.param(None, marks=ALL_UNKNOWN), PRABUMULIH_LISTED], ids=["", "listed"])
def test_stations_invented_to_the_number_of_the_roster_hide_none_that_miss(stations):
    without, within = (evening(100, *false, stations=stations) for false in ([], invented(EXPECTED - 100)))
    assert turnout_points(within) >= turnout_points(without) > 0


@pytest.mark.parametrize("false", [1, EXPECTED - 100, 3 * EXPECTED])
@pytest.mark.parametrize("source", ["pemantau", "kpu"])
def test_stations_that_the_station_roster_lacks_are_in_no_count_but_their_own(false, source):
    """Where they give no points, they take none."""
    rules = ruleset(unlisted_points=0)
    without, within = (
        evening(100, *more, rules=rules, stations=PRABUMULIH_LISTED) for more in ([], invented(false, source))
    )
    assert shown(within) == shown(without) | {"unlisted": false}
    assert shown(within)["stations_reported"] == 100
    assert turnout_points(within) == turnout_points(without) > 0


def next_door(name: str, voted: int, source: str) -> list[Message]:
    """Figures of 30 stations in each regency next to the outlier."""
    codes = ROSTER[OUTLIER].neighbours
    return [turnout(code, f"{name} {number}", voted, 500, source) for code in codes for number in range(30)]


def outlier(before: list[Message], stations: StationRoster | None) -> int:
    """Points for turnout where nearly all have voted at eight, after these messages."""
    scene = Scene(stations=stations)
    scene.send(*before)
    scene.wait(1)
    scene.send(*(turnout(OUTLIER, f"TPS {tps}", 480) for tps in range(60)))
    scene.wait(5)
    return turnout_points(scene, OUTLIER)


@pytest.mark.parametrize("stations", [pytest.param(None, marks=ALL_UNKNOWN), OUTLIER_LISTED], ids=["", "listed"])
def test_shares_that_it_makes_up_next_door_hide_no_outlier_here(stations):
    assert outlier(next_door("Z", 500, "pemantau"), stations) >= outlier([], stations) > 0


@pytest.mark.parametrize("stations", [None, OUTLIER_LISTED], ids=["", "listed"])
def test_figures_that_it_tells_of_stations_next_door_after_their_own_source_hide_no_outlier_here(stations):
    told = next_door("TPS", 35, "kpu")
    within = outlier(told + next_door("TPS", 500, "pemantau"), stations)
    assert within >= outlier(told, stations) > 0
