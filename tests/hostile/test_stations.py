"""One publisher invents more polling stations than a regency has, so that the missing ones seem to have reported.

The roster bounds how many stations are shown as reported; what exceeds it is `unlisted`. Inventing takes no points
away.
"""

import pytest

from tests.hostile.scene import PRABUMULIH, ROSTER, Message, Scene, turnout

EXPECTED = ROSTER[PRABUMULIH].stations


def invented(number: int, source: str = "pemantau") -> list[Message]:
    """Of plausible figures."""
    return [turnout(PRABUMULIH, f"KHUSUS {one}", 35, 500, source) for one in range(number)]


def evening(told: int, *false: Message) -> Scene:
    """`told` of the roster's stations have reported at half past six, when all should have."""
    scene = Scene()
    scene.send(*(turnout(PRABUMULIH, f"TPS {tps}", 35) for tps in range(told)), *false)
    scene.wait(630, every=15)
    return scene


def shown(scene: Scene) -> dict:
    return scene.outputs.row(PRABUMULIH)["turnout"]


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
    before, after = (scene.outputs.row(PRABUMULIH)["components"]["turnout"] for scene in (without, within))
    assert after >= before


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


@pytest.mark.xfail(
    strict=True,
    raises=AssertionError,
    reason="without a station roster all that is reported counts until there are enough",
)
def test_stations_invented_to_the_number_of_the_roster_hide_none_that_miss():
    without, within = evening(100), evening(100, *invented(EXPECTED - 100))
    before, after = (scene.outputs.row(PRABUMULIH)["components"]["turnout"] for scene in (without, within))
    assert after >= before > 0


@pytest.mark.xfail(strict=True, raises=AssertionError, reason="neighbours' shares count whoever made them up")
def test_shares_that_it_makes_up_next_door_hide_no_outlier_here():
    here, scenes = "16.12", (Scene(), Scene())
    scenes[1].send(
        *(turnout(code, f"Z {n}", 100_000, 100_000, "pemantau") for code in ROSTER[here].neighbours for n in range(30))
    )
    for scene in scenes:
        scene.wait(1)
        scene.send(*(turnout(here, f"TPS {tps}", 480) for tps in range(60)))  # all have voted at eight
        scene.wait(5)
    without, within = (scene.outputs.row(here)["components"]["turnout"] for scene in scenes)
    assert within >= without > 0
