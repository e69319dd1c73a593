"""One source dates a thousand trifles back by 6 to 21 hours, so that a flare-up looks like what is ordinary here.

What a regency has learned counts from when things were told, and one agency's share of it is bounded: a wave that two
agencies tell of later rises as early as without the trifles.
"""

import pytest

from tests.hostile.scene import AWAS, PALEMBANG, WASPADA, Message, Scene, incident

TRIFLES = 1000


def wave_after(*trifles: Message) -> Scene:
    """A regency that has been heard for seven hours; then the trifles, then an hour and a half of two agencies' wave"""
    scene = Scene()
    scene.wait(7 * 60, every=15)
    scene.send(*trifles)
    for number in range(12):
        scene.send(incident(PALEMBANG, "intimidation", 2, ("polda", "bawaslu")[number % 2]))
        scene.wait(8)
    return scene


@pytest.fixture(scope="module")
def undisturbed() -> Scene:
    return wave_after()


@pytest.mark.parametrize("sources", [("pemantau",), ("kpu", "sirekap", "kpu-sumsel")])
@pytest.mark.parametrize("status", ["reported", "resolved"])
def test_trifles_dated_back_delay_no_wave(undisturbed, sources, status):
    hours_back = [365 + number * 15 * 60 / TRIFLES for number in range(TRIFLES)]
    trifles = [
        incident(PALEMBANG, "intimidation", 1, sources[number % len(sources)], ago, status=status)
        for number, ago in enumerate(hours_back)
    ]
    scene = wave_after(*trifles)
    assert not scene.rejected
    for level in range(WASPADA, AWAS + 1):
        assert scene.raised(PALEMBANG, level) <= undisturbed.raised(PALEMBANG, level) + scene.rules.step_ms


def test_nor_do_incidents_that_it_dates_back_by_a_revision(undisturbed):
    """Told as of today, then corrected to the night before."""
    first = [incident(PALEMBANG, "intimidation", 1, "pemantau", status="retracted") for _ in range(TRIFLES)]
    then = [
        {**told, "event_id": f"x{told['event_id']}", "revision": 2, "status": "reported", "ago": 420} for told in first
    ]
    scene = wave_after(*first, *then)
    for level in range(WASPADA, AWAS + 1):
        assert scene.raised(PALEMBANG, level) <= undisturbed.raised(PALEMBANG, level) + scene.rules.step_ms
