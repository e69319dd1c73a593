"""One publisher tells more than a worker can hold: incidents and stations without end, each valid and new.

The ruleset bounds what is held of one agency, and of all together that the sources file does not name, by the roster;
what is beyond is surplus, and other agencies are heard. All follows from the ledger: a worker that starts again goes on
alike.
"""

from itertools import count

import pytest

from schemas.sources import Sources
from streams.admission import ClockMode, Gate
from tests.hostile.scene import MOST_REVISION, PAGAR_ALAM, ROSTER, Message, Scene, incident, ruleset, turnout

BOUND = ROSTER[PAGAR_ALAM].stations  # of one agency, by the rules below
ALL, IDS = 2 * BOUND, 1000  # ALL: of those that the sources file does not name
LIMITED = ruleset(
    incidents_least=20, incidents_per_station=1, figures_least=20, figures_per_station=1, all_agencies_times=2,
    event_ids_least=IDS, event_ids_per_station=1,
)  # fmt: skip


def words(number: int, *sources: str) -> list[Message]:
    return [incident(PAGAR_ALAM, "protest", 1, sources[one % len(sources)]) for one in range(number)]


def figures(number: int, *sources: str, start: int = 0) -> list[Message]:
    return [
        turnout(PAGAR_ALAM, f"TPS {one}", 100, source=sources[one % len(sources)])
        for one in range(start, start + number)
    ]


def surplus(scene: Scene) -> int:
    return scene.outputs.row(PAGAR_ALAM)["excluded"]["surplus"]


def held(scene: Scene) -> tuple[int, int]:
    """Incidents and stations."""
    state = scene.regency(PAGAR_ALAM)
    return len(state.incidents.records), len(state.turnout.stations)


def scene_of(*messages: Message) -> Scene:
    scene = Scene(LIMITED)
    for start in range(0, len(messages), 50):
        scene.send(*messages[start : start + 50])
    assert not scene.rejected
    return scene


FLOODS = {"words": (words, "i", 0), "figures": (figures, "t", 1)}


@pytest.mark.parametrize("kind", FLOODS)
@pytest.mark.parametrize("sources", [("pemantau",), ("kpu", "sirekap", "kpu-sumsel")])
def test_of_one_agency_so_much_is_held_and_the_rest_is_surplus(kind, sources):
    flood, letter, index = FLOODS[kind]
    scene = scene_of(*flood(BOUND + 300, *sources))
    assert held(scene)[index] == BOUND
    assert surplus(scene) == scene.outputs.outcomes[letter, "surplus"] == 300


@pytest.mark.parametrize("kind", FLOODS)
def test_another_agency_is_heard(kind):
    flood, _, index = FLOODS[kind]
    scene = scene_of(*flood(BOUND + 300, "pemantau"))
    scene.send(*flood(50, "bawaslu"), *flood(50, "kpu"))
    assert surplus(scene) == 300
    if not index:
        assert held(scene)[0] == BOUND + 100
    scene.send(incident(PAGAR_ALAM, "fatality", 5, "polda"))
    assert scene.escalations(PAGAR_ALAM)[-1]["level"] == "siaga"


@pytest.mark.parametrize("kind", FLOODS)
def test_agencies_that_no_file_names_are_bounded_together_too(kind):
    flood, _, _ = FLOODS[kind]
    scene = scene_of(*(message for one in range(6) for message in flood(200, f"warga-{one}")))
    state = scene.regency(PAGAR_ALAM)
    told = (
        len(state.incidents.records)
        if kind == "words"
        else sum(1 + len(state.turnout.held(station).others) for station in state.turnout.stations)
    )
    assert told <= ALL
    assert surplus(scene) >= 6 * 200 - ALL


def test_what_is_held_can_be_revised_and_taken_back():
    told = words(BOUND, "pemantau")
    scene = scene_of(*told, *words(10, "pemantau"))
    again = [{**message, "event_id": f"again-{number}", "revision": 2} for number, message in enumerate(told[:30])]
    scene.send(*(message | {"status": ("verified", "retracted")[number % 2]} for number, message in enumerate(again)))
    assert surplus(scene) == 10
    assert sum(record.status == "retracted" for record in scene.regency(PAGAR_ALAM).incidents.records.values()) == 15


def test_figures_that_are_held_can_be_corrected():
    scene = scene_of(*figures(BOUND + 10, "pemantau"))
    scene.wait(1)
    scene.send(*figures(BOUND, "pemantau"))
    assert surplus(scene) == 10 and scene.outputs.outcomes["t", "applied"] == 2 * BOUND


def test_what_was_taken_back_still_fills_its_place():
    """Otherwise telling and taking back would fill the memory without end."""
    scene = scene_of(*(message | {"status": "retracted"} for message in words(BOUND + 300, "pemantau")))
    assert held(scene)[0] <= BOUND and surplus(scene) == 300


def test_words_on_incidents_of_others_count_for_who_tells_them():
    theirs = words(BOUND - 47, "bawaslu")
    scene = scene_of(*theirs)
    tell = [
        incident(PAGAR_ALAM, source="pemantau", origin="bawaslu", incident_id=told["incident_id"]) for told in theirs
    ]
    scene.send(*tell, *words(100, "pemantau"))
    assert surplus(scene) == len(tell) + 100 - BOUND


def test_a_surplus_message_that_is_repeated_is_known():
    scene = scene_of(*words(BOUND, "pemantau"))
    beyond = words(1, "pemantau")[0]
    scene.send(beyond, beyond, beyond | {"severity": 2})
    excluded = scene.outputs.row(PAGAR_ALAM)["excluded"]
    assert [excluded[why] for why in ("surplus", "duplicate", "id_reused")] == [1, 1, 1]


def test_event_ids_are_bounded():
    scene, numbers = Scene(LIMITED), count()
    for _ in range(100):
        scene.send(*(message | {"event_id": f"n-{next(numbers)}"} for message in words(50, "pemantau")))
        assert len(scene.regency(PAGAR_ALAM).event_ids) <= IDS + 2 * 50  # the frame in hand, with bodies


def test_so_are_state_records():
    """Ten times the flood leaves no more state than the flood."""
    sizes = []
    for rounds in (20, 200):
        scene = Scene(LIMITED)
        for one in range(rounds):
            scene.send(*words(25, "pemantau"), *figures(25, "pemantau", start=25 * one))
        records = {key: value for key, value in scene.outputs.state.items() if key.startswith(PAGAR_ALAM.encode())}
        sizes.append((len(records), sum(map(len, records.values()))))
    assert sizes[1][0] <= sizes[0][0] + 4 and sizes[1][1] <= 1.1 * sizes[0][1], sizes


def test_one_incident_and_one_station_revised_without_end_leave_no_more():
    scene = Scene(LIMITED)
    for revision in range(1, 400):
        scene.send(
            *(message | {"revision": revision, "incident_id": "one"} for message in words(1, "pemantau")),
            *(message | {"revision": revision} for message in figures(1, "pemantau")),
        )
    records = [key for key in scene.outputs.state if key.startswith(PAGAR_ALAM.encode()) and b"/d/" not in key]
    assert len(records) < 10 and held(scene) == (1, 1)
    scene.send(incident(PAGAR_ALAM, "protest", 1, "pemantau", incident_id="one", revision=MOST_REVISION))
    assert held(scene) == (1, 1)


def test_place_is_free_again_when_the_old_is_forgotten():
    scene = scene_of(*words(BOUND + 10, "pemantau"))
    scene.wait(32 * 24 * 60, every=6 * 60)
    assert held(scene)[0] == 0
    scene.send(*words(BOUND, "pemantau"))
    assert held(scene)[0] == BOUND and surplus(scene) == 10


@pytest.mark.parametrize("restarts", [{0}, {3}, {5, 6}, {8}, {2, 4, 7, 11}])
def test_a_restart_at_any_point_changes_nothing(restarts):
    batches = [
        *(words(60, "pemantau") + figures(60, "pemantau", start=60 * one) for one in range(5)),
        *(words(90, f"warga-{one}", "kpu") + figures(90, f"warga-{one}", "kpu") for one in range(4)),
        *(words(30, "pemantau", "bawaslu") for _ in range(4)),
    ]
    ends = []
    for at in (set(), restarts):
        scene = Scene(LIMITED)
        for number, batch in enumerate(batches):
            scene.send(*batch)
            scene.wait(1)
            if number in at:
                scene.restart()
        ends.append((scene.outputs.rows, scene.outputs.state, scene.outputs.outcomes))
    assert ends[0] == ends[1]


@pytest.mark.parametrize("kind", FLOODS)
def test_invented_names_leave_room_for_the_agencies_of_the_sources_file(kind):
    """By the packaged rules. A publisher of the common topics may write any name that the file lacks."""
    flood, letter, _ = FLOODS[kind]
    scene = Scene()
    scene.send(*flood(300, *(f"warga-{number}" for number in range(300))))
    before = scene.outputs.outcomes[letter, "surplus"]
    assert before == 100, "there are 200 places for such names"
    scene.send(*flood(10, "kpu"), *flood(10, "bawaslu"))
    assert scene.outputs.outcomes[letter, "surplus"] == before


@pytest.mark.parametrize("is_restarted", [False, True])
@pytest.mark.parametrize("kind", FLOODS)
def test_each_agency_of_the_file_has_its_own_room_beside_that_of_all_others(kind, is_restarted):
    """After a restart, too: what is held of names that nobody knows is counted again from the state."""
    flood, letter, _ = FLOODS[kind]
    scene = scene_of(*flood(ALL, "warga-0", "warga-1"))
    if is_restarted:
        scene.restart()
    scene.send(*flood(5, "warga-2"))
    assert scene.outputs.outcomes[letter, "surplus"] == surplus(scene) == 5
    scene.send(*flood(BOUND, "kpu"), *flood(BOUND, "bawaslu"))
    assert surplus(scene) == 5
    scene.send(*flood(1, "kpu"), *flood(1, "warga-3"))
    assert surplus(scene) == (7 if kind == "words" else 6)  # a station that is held is corrected


NAMESAKE = Gate(ROSTER, ClockMode.WALL, Sources.parse('[sources.mabes]\nagency = "polri"\n'))


@pytest.mark.parametrize("first, second", [("polri", "mabes"), ("mabes", "polri")])
def test_a_name_that_only_an_agency_of_the_file_has_takes_none_of_its_room(first, second):
    scene = Scene(LIMITED, gate=NAMESAKE)
    for source in (first, second):
        scene.send(*words(BOUND, source))
    assert surplus(scene) == 0 and held(scene)[0] == 2 * BOUND
    scene.send(*words(1, first), *words(1, second))
    assert surplus(scene) == 2
    assert scene.regency(PAGAR_ALAM).incidents.words.by_agency == {"polri": BOUND, "?polri": BOUND}
