"""A search for more: any messages of one agency, under the names of one or several of its systems, at any times, in any
order, with any fields that the schema and the sources file allow.

By them no regency rises above waspada (siaga with a severity 5), what they raise is unverified, the province stays at
waspada at most; regencies of which they do not speak escalate as without them, or a little later, and memory keeps
within its bound.
"""

from collections.abc import Iterator
from typing import NamedTuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.vocabulary import MINUTE_MS, Category, Status
from tests.hostile.scene import (
    AWAS,
    COMPILED,
    MOST_REVISION,
    PALEMBANG,
    PRABUMULIH,
    PROVINCE,
    ROSTER,
    SIAGA,
    WASPADA,
    Message,
    Scene,
    incident,
    ruleset,
    turnout,
)

#: By agency: systems of it that may report on every regency.
AGENCIES = {
    "pemantau": ("pemantau",), "kpu": ("kpu", "sirekap", "kpu-sumsel"), "bawaslu": ("siwaslu", "bawaslu"),
    "polda": ("polri", "polda", "polda-sumsel"),
}  # fmt: skip
#: Where the attackers report; `FAR` has no neighbour among these.
TOUCHED, FAR = (PALEMBANG, PRABUMULIH, "16.12", "16.03"), ("16.13", "16.11", "16.02")
CATEGORIES, STATUSES = [one.value for one in Category], [one.value for one in Status]
NUMBERS = tuple(f"{number:06d}" for number in range(4))
SEARCH = settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
COSTLY = settings(SEARCH, max_examples=10)  # two runs of an hour
NEVER_MS = 2**63


class Step(NamedTuple):
    """Wait so many minutes, then send the message so often, to each of the regencies."""

    wait: float
    times: int
    regencies: tuple[str, ...]
    message: Message


_SOMEWHERE = st.sampled_from([TOUCHED, TOUCHED, *((code,) for code in TOUCHED)])
_WAITS = st.sampled_from([0, 0, 0.2, 2, 10, 31, 70, 400])
_TIMES = st.sampled_from([1, 1, 2, 8, 40])
_AGO = st.sampled_from([-9, 0, 0, 0, 20, 70, 400, 1300, 60 * 24 * 364])
_REVISIONS = st.sampled_from([1, 1, 2, 3, MOST_REVISION])


@st.composite
def incident_steps(draw: st.DrawFn, sources: tuple[str, ...]) -> Step:
    fields = {"status": draw(st.sampled_from(["reported", *STATUSES])), "revision": draw(_REVISIONS)}
    fields |= draw(
        st.sampled_from([{}, {}, {"village": "01.1001"}, {"station": "7"}, {"village": "01.1001", "station": "7"}])
    )
    fields |= draw(st.sampled_from([{}, {"origin": "polda"}, {"origin": "bawaslu"}, {"origin": "kpu"}]))
    fields |= draw(st.one_of(st.just({}), st.builds(lambda number: {"incident_id": number}, st.sampled_from(NUMBERS))))
    fields |= draw(st.sampled_from([{}, {}, {}, {"is_exercise": True}, {"event_id": "000001"}]))
    message = incident("", draw(st.sampled_from(CATEGORIES)), draw(st.integers(1, 5)), draw(st.sampled_from(sources)),
                       draw(_AGO)) | fields  # fmt: skip
    return Step(draw(_WAITS), draw(_TIMES), draw(_SOMEWHERE), message)


@st.composite
def turnout_steps(draw: st.DrawFn, sources: tuple[str, ...]) -> Step:
    voted, registered = draw(st.sampled_from([(0, 500), (200, 500), (500, 500), (100_000, 1), (99_999, 100_000)]))
    fields = {
        "revision": draw(_REVISIONS),
        **draw(st.sampled_from([{}, {"is_exercise": True}, {"village": "01.1001"}])),
    }
    message = turnout("", draw(st.sampled_from(["7", "KHUSUS"])), voted, registered, draw(st.sampled_from(sources)),
                      draw(_AGO)) | fields  # fmt: skip
    return Step(draw(_WAITS), draw(_TIMES), draw(_SOMEWHERE), message)


@st.composite
def attacks(draw: st.DrawFn, agency: str | None = None) -> list[Step]:
    sources = AGENCIES[agency or draw(st.sampled_from(list(AGENCIES)))]
    kinds = [incident_steps(sources)] if "polda" in sources else [incident_steps(sources), turnout_steps(sources)]
    return draw(st.lists(st.one_of(kinds), min_size=1, max_size=10))


def messages_of(number: int, step: Step) -> Iterator[Message]:
    """Of several, each is an incident or a station of its own, unless it has one of the common numbers."""
    for time in range(step.times):
        for code in step.regencies:
            message, name = {**step.message, "regency": code}, f"{number}-{time}"
            if "village" in message:
                message["village"] = f"{code}.{message['village']}"
            if message["event_id"] != "000001":
                message["event_id"] = name
            if message.get("incident_id") not in {*NUMBERS, None}:
                message["incident_id"] = name
            if message.get("station") == "KHUSUS":
                message["station"] = f"KHUSUS {time}"
            yield message


def ordinary(minute: int) -> list[Message]:
    """A morning of the others, with a wave that two of them tell, far from the attacker. Ids are alike in every run."""
    told = []
    for number, code in enumerate(FAR):
        if minute % (40 + 10 * number) == 0:
            told.append(
                incident(code, CATEGORIES[minute // 10 % 8], 1 + minute // 40 % 2, ("kpu", "polri")[minute % 2])
            )
        if 20 <= minute < 70 and minute % (4 + 3 * number) == 0:
            told.append(incident(code, "intimidation", 3, ("polda", "bawaslu")[minute % 3 == 0]))
        if minute % 30 == 5:
            told += [turnout(code, f"TPS {minute + tps}", minute, source="kpu") for tps in range(5)]
    return [
        message
        | {"event_id": f"o-{minute}-{number}"}
        | ({} if "voted" in message else {"incident_id": f"{minute}-{number}"})
        for number, message in enumerate(told)
    ]


def play(scene: Scene, attack: list[Step], is_ordinary: bool = False, tail: int = 10, first: int = 0) -> Scene:
    """The attack and the others' morning, minute by minute. `first`: of the attack's steps, for ids of their own."""
    waiting = [(sum(step.wait for step in attack[: number + 1]), number, step) for number, step in enumerate(attack)]
    minute, end = 0, (80 if is_ordinary else 0)
    while waiting or minute < end:
        while waiting and waiting[0][0] < minute + 1:
            _, number, step = waiting.pop(0)
            scene.send(*messages_of(first + number, step))
        if is_ordinary and minute < end:
            scene.send(*ordinary(minute))
        pause = 1 if minute < end or not waiting else max(1, int(waiting[0][0]) - minute)
        scene.wait(pause, every=1 if pause < 20 else 10)
        minute += pause
    scene.wait(tail, every=1)
    return scene


def allowed(attack: list[Step], code: str) -> int:
    has_gravest = any(step.message.get("severity") == 5 and code in step.regencies for step in attack)
    return SIAGA if has_gravest and code != PROVINCE else WASPADA


@SEARCH
@given(attacks())
def test_one_agency_alone_raises_waspada_at_most_and_unverified(attack):
    scene = play(Scene(), attack)
    for code, level in scene.highest.items():
        assert level <= allowed(attack, code), (code, level)
    for item in scene.escalations():
        assert item["unverified"] or item["level"] == "normal", item


@COSTLY
@given(attacks())
def test_a_restart_in_the_middle_changes_none_of_it(attack):
    half, plain, restarted = len(attack) // 2, Scene(), Scene()
    for scene in (plain, restarted):
        play(scene, attack[:half], tail=0)
        if scene is restarted:
            scene.restart()
        play(scene, attack[half:], first=half)
    assert plain.outputs.rows == restarted.outputs.rows
    assert plain.outputs.escalations == restarted.outputs.escalations


def changes(scene: Scene, code: str) -> list[tuple[object, ...]]:
    return [
        tuple(item[name] for name in ("event_time", "change", "level", "reason", "score", "unverified", "evidence"))
        for item in scene.escalations(code)
    ]


def from_afar(target: str, entry: list) -> bool:
    return target not in FAR or entry[2] in FAR


UNDISTURBED = play(Scene(), [], is_ordinary=True)
#: Without what the province sends, which is made of what all members hold.
UNDISTURBED_APART = play(Scene(COMPILED, from_afar), [], is_ordinary=True)


@COSTLY
@given(attacks())
def test_regencies_of_which_it_does_not_speak_escalate_as_without_it(attack):
    """Without what follows from it for others exactly; with the pace, of which one agency has a bounded part, at most
    ten minutes later.
    """
    apart, together = play(Scene(COMPILED, from_afar), attack, True), play(Scene(), attack, True)
    for code in FAR:
        undisturbed = changes(UNDISTURBED_APART, code)
        assert changes(apart, code)[: len(undisturbed)] == undisturbed
        for level in range(WASPADA, AWAS + 1):
            if (without := UNDISTURBED.raised(code, level)) is not None:
                assert (together.raised(code, level) or NEVER_MS) <= without + 10 * MINUTE_MS


LIMITED = ruleset(
    incidents_least=20, incidents_per_station=1, figures_least=20, figures_per_station=1, event_ids_least=400,
    event_ids_per_station=0.1,
)  # fmt: skip


@SEARCH
@given(attacks())
def test_memory_keeps_within_its_bound(attack):
    repeated = [step._replace(times=3 * step.times, wait=min(step.wait, 2)) for step in attack for _ in range(3)]
    scene = play(Scene(LIMITED), repeated, tail=0)
    for code in TOUCHED:
        state, bound = scene.regency(code), ROSTER[code].stations
        assert sum(len(record.words or [record]) for record in state.incidents.records.values()) <= bound
        assert len(state.turnout.stations) <= bound
        assert len(state.event_ids) <= 400 + 2 * 120  # the frame in hand, with bodies
