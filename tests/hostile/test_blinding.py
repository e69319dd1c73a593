"""One agency reports trifles all over the province, so that a wave in one regency looks like the pace of all.

What counts of one agency in the pace is bounded, over all regencies together: a wave that two other agencies report is
raised at most a level's worth of minutes later.
"""

import pytest

from tests.hostile.scene import PALEMBANG, ROSTER, SIAGA, Message, Scene, incident

KINDS = ("clash", "intimidation", "neutrality", "property_attack")
DELAY_MS = 6 * 60_000  # of twelve reports in as many minutes


def trifles(sources: tuple[str, ...], of_each: int) -> list[Message]:
    """Minor reports of every kind of unrest in all other regencies."""
    return [
        incident(code, kind, 1, sources[number % len(sources)])
        for code in ROSTER
        if code != PALEMBANG
        for kind in KINDS
        for number in range(of_each)
    ]


def wave_after(*messages: Message) -> Scene:
    scene = Scene()
    scene.send(*messages)
    scene.wait(20)
    for number in range(12):
        scene.send(incident(PALEMBANG, KINDS[number % 2], 2, ("polda", "bawaslu")[number % 2]))
        scene.wait(1)
    scene.wait(5)
    return scene


@pytest.fixture(scope="module")
def undisturbed() -> Scene:
    return wave_after()


@pytest.mark.parametrize("of_each", [1, 40])
@pytest.mark.parametrize("sources", [("pemantau",), ("kpu", "sirekap", "kpu-sumsel")])
def test_trifles_of_one_agency_everywhere_hide_no_wave(undisturbed, sources, of_each):
    scene = wave_after(*trifles(sources, of_each))
    assert not scene.rejected
    before, after = (of.raised(PALEMBANG, SIAGA) for of in (undisturbed, scene))
    assert before is not None and after is not None and after <= before + DELAY_MS


def test_a_flood_of_several_agencies_in_three_regencies_hides_no_wave(undisturbed):
    flood = [
        incident(code, kind, 1, ("polda", "pemantau")[number % 2])
        for code in list(ROSTER)[:3]
        for kind in KINDS
        for number in range(200)
    ]
    scene = wave_after(*flood)
    before, after = (of.raised(PALEMBANG, SIAGA) for of in (undisturbed, scene))
    assert before is not None and after is not None and after <= before + DELAY_MS
