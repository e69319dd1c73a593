"""One publisher uses up the ids of what others will report: event ids by drills and turnout figures, an incident or a
station by the highest revision and a time that is still to come.

Ids count by kind, source and drill; a word, a figure and their revisions are their source's own. The real message
counts as if the other had not come, and what a source locks is its own word only.
"""

from math import inf

import pytest

from schemas.sources import Sources
from streams.admission import ClockMode, Gate
from tests.hostile.scene import (
    AWAS,
    MOST_REVISION,
    PRABUMULIH,
    ROSTER,
    SIAGA,
    WASPADA,
    Message,
    Scene,
    incident,
    turnout,
)

#: What will be reported: a death by a police system, under the police's own number.
DEATH = incident(PRABUMULIH, "fatality", 5, "polda-sumsel") | {"event_id": "000381", "incident_id": "000142"}


def early(**fields: object) -> Message:
    """The same message, but for these fields, before it is sent."""
    return DEATH | fields


EARLY: dict[str, list[Message]] = {
    "a drill": [early(is_exercise=True)],
    "drills of every body": [early(is_exercise=True, severity=severity) for severity in (1, 5)],
    "a turnout figure": [turnout(PRABUMULIH, "TPS 1", 100) | {"event_id": "000381"}],
    "another source's": [early(source="pemantau", category="protest", severity=1)],
    "another source's, taken back": [early(source="pemantau", status="retracted")],
    "the same in the next regency": [early(regency="16.03", category="protest", severity=1)],
    "taken back first by another source": [
        early(source="pemantau", origin="polda-sumsel", status="retracted", revision=MOST_REVISION)
    ],
    "taken back first by another system of the agency": [
        early(source="polda", origin="polda-sumsel", status="retracted", revision=MOST_REVISION)
    ],
    "taken back first, nine minutes ahead": [
        early(source="pemantau", origin="polda-sumsel", status="retracted", revision=MOST_REVISION, ago=-9.9)
    ],
    "resolved first, as a trifle": [
        early(source="pemantau", origin="polda-sumsel", status="resolved", severity=1, revision=MOST_REVISION)
    ],
}


@pytest.mark.parametrize("name", EARLY)
def test_a_death_is_told_whatever_was_sent_before(name):
    scene = Scene()
    scene.send(*EARLY[name])
    scene.wait(2)
    assert not scene.highest and not scene.rejected
    scene.send(DEATH)
    (raised,) = scene.escalations(PRABUMULIH)
    assert (raised["level"], raised["reason"][:14]) in {("siaga", "grave_incident"), ("awas", "grave_incident")}
    assert raised["evidence"][0]["incident_id"] == "000142"
    assert scene.outputs.row(PRABUMULIH)["excluded"]["duplicate"] == 0


def test_an_id_that_its_own_source_used_for_something_else_is_named_as_reused():
    scene = Scene()
    scene.send(early(incident_id="other", category="protest", severity=1), DEATH)
    assert scene.outputs.row(PRABUMULIH)["excluded"] | {"id_reused": 1} == scene.outputs.row(PRABUMULIH)["excluded"]


def test_a_source_that_locks_itself_out_locks_out_nobody_else():
    scene = Scene()
    scene.send(early(status="retracted", revision=MOST_REVISION, event_id="first"), DEATH)
    assert not scene.highest and scene.outputs.row(PRABUMULIH)["excluded"]["duplicate"] == 1
    scene.send(early(source="polda", origin="polda-sumsel"))
    assert scene.highest[PRABUMULIH] == SIAGA
    scene.send(early(source="bawaslu", origin="polda-sumsel"))
    assert scene.highest[PRABUMULIH] == AWAS


def test_no_source_takes_back_or_softens_what_another_told():
    scene = Scene()
    scene.send(DEATH)
    for number, status in enumerate(("retracted", "resolved", "reported")):
        fields = {"event_id": f"x{number}", "source": "pemantau", "origin": "polda-sumsel", "severity": 1}
        scene.send(early(status=status, revision=MOST_REVISION - 3 + number, **fields))
    (record,) = scene.regency(PRABUMULIH).incidents.records.values()
    assert (record.kind.category, record.kind.severity, record.status) == ("fatality", 5, "reported")
    assert record.stands and scene.highest[PRABUMULIH] >= SIAGA


FIGURE = turnout(PRABUMULIH, "TPS 7", 210)


@pytest.mark.parametrize("source", ["pemantau", "warga", "bawaslu-sumsel"])
@pytest.mark.parametrize("ahead", [0, 9.9])
def test_a_station_told_first_with_the_highest_revision_takes_the_real_figure(source, ahead):
    scene = Scene()
    false = turnout(PRABUMULIH, "tps 07", 5, 10, source, -ahead, revision=MOST_REVISION)
    scene.send(false, FIGURE)
    station = scene.regency(PRABUMULIH).turnout.held(" TPS 007")
    assert (station.voted, station.registered, station.source) == (210, 500, "kpu")
    assert scene.outputs.row(PRABUMULIH)["turnout"]["voted"] == 210
    scene.wait(30)
    scene.send(FIGURE | {"event_id": "later", "voted": 260})
    assert scene.outputs.row(PRABUMULIH)["turnout"]["voted"] == 260


def test_of_two_sources_without_an_order_the_later_time_counts_and_no_revision():
    """What is dated ahead counts until that time has come."""
    scene = Scene()
    scene.send(turnout(PRABUMULIH, "TPS 7", 5, 10, "pemantau", -9.9, revision=MOST_REVISION))
    scene.wait(11)
    scene.send(turnout(PRABUMULIH, "TPS 7", 210, source="warga"))
    assert scene.outputs.row(PRABUMULIH)["turnout"]["voted"] == 210


def test_a_source_that_locks_its_own_figure_locks_out_nobody_else():
    scene = Scene()
    scene.send(turnout(PRABUMULIH, "TPS 7", 5, ago=-9.9, revision=MOST_REVISION), FIGURE)
    assert scene.outputs.outcomes["t", "superseded"] == 1
    scene.send(turnout(PRABUMULIH, "TPS 7", 210, source="sirekap"))
    assert scene.outputs.row(PRABUMULIH)["turnout"]["voted"] == 210
    scene.wait(11)
    scene.send(FIGURE | {"event_id": "later", "voted": 220})
    assert scene.outputs.outcomes["t", "superseded"] == 1


#: Graver words on numbers that others will use, which weigh nothing.
MASKS = {
    "a protest": incident(PRABUMULIH, "protest", 5, "pemantau"),
    "a death of last year": incident(PRABUMULIH, "fatality", 5, "pemantau", 300 * 24 * 60),
}


@pytest.mark.parametrize("name", MASKS)
def test_graver_words_on_others_numbers_take_no_weight_from_a_wave(name):
    scenes = Scene(), Scene()
    for origin in ("polda", "bawaslu"):
        masks = (
            MASKS[name] | {"event_id": f"{origin}-{n}", "origin": origin, "incident_id": f"{n}"} for n in range(20)
        )
        scenes[1].send(*masks)
    for scene in scenes:
        scene.wait(2)
        for number in range(10):
            told = incident(PRABUMULIH, "clash", 3 + number % 2, ("polda", "bawaslu")[number % 2])
            scene.send(told | {"incident_id": f"{number}"})
            scene.wait(5)
    for level in (WASPADA, SIAGA, AWAS):
        assert (scenes[1].raised(PRABUMULIH, level) or inf) <= scenes[0].raised(PRABUMULIH, level)


@pytest.mark.parametrize("ago", [0, 300 * 24 * 60])
def test_a_death_is_urgent_when_its_own_source_tells_it(ago):
    """Another one told it as a death two hours before under the same number."""
    scene = Scene()
    scene.send(early(source="pemantau", origin="polda-sumsel", event_id="before", ago=ago))
    scene.wait(120)
    scene.send(incident(PRABUMULIH, "logistics", 1, "kpu"))  # it is not silence that holds the level
    scene.wait(40)
    before = len(scene.escalations(PRABUMULIH))
    scene.send(DEATH)
    assert [item["level"] in ("siaga", "awas") for item in scene.escalations(PRABUMULIH)[before:]][:1] == [True]


#: `polri` is an agency of the file, and no source of it.
NAMESAKE = Gate(ROSTER, ClockMode.WALL, Sources.parse('[sources.mabes]\nagency = "polri"\n'))


def test_a_source_that_no_file_names_is_not_the_agency_of_its_name():
    """It is another agency, as any name that the file lacks (docs/operating/security.md), and shown by its name."""
    scene = Scene(gate=NAMESAKE)
    scene.send(incident(PRABUMULIH, "fatality", 5, "mabes", incident_id="7"))
    scene.wait(1)
    scene.send(incident(PRABUMULIH, "fatality", 5, "polri", origin="mabes", incident_id="7"))
    scene.wait(20)
    first, last = scene.escalations(PRABUMULIH)[0], scene.escalations(PRABUMULIH)[-1]
    assert first["unverified"] and not last["unverified"]
    assert [(item["sources"], item["agencies"]) for item in last["evidence"]] == [(["mabes", "polri"], ["polri"])]
    assert scene.outputs.row(PRABUMULIH)["confidence"]["sources"] == 2
    scene.outputs.check()


def test_what_leaves_names_a_stranger_without_the_ledgers_mark():
    scene = Scene()
    scene.send(incident(PRABUMULIH, "fatality", 5, "pemantau"), turnout(PRABUMULIH, "TPS 1", 90, source="pemantau"))
    scene.wait(20)
    assert scene.escalations(PRABUMULIH)[0]["evidence"][0]["agencies"] == ["pemantau"]
    scene.outputs.check()
    told = [*scene.outputs.escalations, *scene.outputs.rows.values(), *scene.outputs.provinces.values()]
    assert told and not any(b"?" in value for value in told)
    assert {entry[-1] for _, entry in scene.outputs.notices if entry[0] == "n"} == {"?pemantau"}
