"""One publisher keeps a regency from which nothing comes any more looking alive, without telling anything.

A sign of life is a word or a figure that is new or changed. Taking back is not reporting, nor is telling again what was
taken back, a repeat, a drill, or what is beyond the memory's bound: the regency becomes stale as without them.
"""

from collections.abc import Callable
from itertools import count

import pytest

from tests.hostile.scene import PAGAR_ALAM, Message, Scene, incident, ruleset, turnout

EVERY, HOURS = 15, 5


def protest(**fields: object) -> Message:
    return incident(PAGAR_ALAM, "protest", 1, "pemantau") | fields


def stale_after(attack: Callable[[int], list[Message]], scene: Scene) -> int | None:
    """Minutes from the last real report until the regency is shown as stale, `attack` being sent every 15 minutes."""
    scene.send(incident(PAGAR_ALAM, "logistics", 2, "kpu"), *attack(0))
    for minute in range(1, HOURS * 60):
        scene.wait(1, every=1)
        if scene.outputs.row(PAGAR_ALAM)["data_status"] == "stale":
            return minute
        if minute % EVERY == 0:
            scene.send(*attack(minute // EVERY))
    return None


@pytest.fixture(scope="module")
def undisturbed() -> int | None:
    return stale_after(lambda _: [], Scene())


def taken_back_again(number: int) -> list[Message]:
    return [protest(incident_id="p", revision=number + 1, status="retracted" if number else "reported")]


def told_and_taken_back(number: int) -> list[Message]:
    """Reported, taken back, reported again, ..."""
    return [protest(incident_id="p", revision=number + 1, status=("reported", "retracted")[number % 2])]


def told_again_at_once(number: int) -> list[Message]:
    if not number:
        return [protest(incident_id="p")]
    back = protest(incident_id="p", revision=2 * number, status="retracted")
    return [back, protest(incident_id="p", revision=2 * number + 1)]


def never_told(number: int) -> list[Message]:
    return [protest(status="retracted")]


def repeated(number: int) -> list[Message]:
    again = protest(incident_id="p")
    return [again, {**again, "event_id": "the-same"}]


def id_reused(number: int) -> list[Message]:
    return [protest(event_id="the-same", incident_id="p", revision=number + 1, severity=number % 5 + 1)]


def drills(number: int) -> list[Message]:
    return [protest(is_exercise=True), turnout(PAGAR_ALAM, "TPS 1", number, is_exercise=True, source="pemantau")]


def old_figures(number: int) -> list[Message]:
    return [turnout(PAGAR_ALAM, "TPS 1", number, source="pemantau", ago=number * (EVERY + 1))]


ATTACKS = (
    taken_back_again, told_and_taken_back, told_again_at_once, never_told, repeated, id_reused, drills, old_figures,
)  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_dead_regency_becomes_stale_all_the_same(undisturbed, attack):
    assert undisturbed == 180
    assert stale_after(attack, Scene()) == undisturbed


def test_so_it_does_under_a_stream_of_surplus():
    """What is beyond the bound is not held, so nobody can tell it from what was told before."""
    scene, numbers = Scene(ruleset(incidents_least=20, incidents_per_station=1)), count()
    scene.send(*(protest() for _ in range(300)))
    assert stale_after(lambda _: [protest(incident_id=f"s-{next(numbers)}") for _ in range(3)], scene) == 180
    assert scene.outputs.row(PAGAR_ALAM)["excluded"]["surplus"] > 50


def test_a_new_report_of_whoever_it_is_ends_silence():
    scene = Scene()
    assert stale_after(drills, scene) == 180
    scene.send(protest(source="warga"))
    assert scene.outputs.row(PAGAR_ALAM)["data_status"] == "live"
