"""Evidence for the tests of the laws: runs of a deployment without Kafka, and faults planted afterwards.

Only the tests of the recount run Siaga's code; the laws themselves never see it.
"""

import csv
import hashlib
import io
import json
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache, partial

from schemas.roster import Roster
from schemas.ruleset import Ruleset
from schemas.station_roster import StationRoster
from tests.chaos.hostile import ALONE
from tests.chaos.traffic import Message, incident, turnout
from tests.recount.comparison import Comparison
from tests.recount.laws import check as check_anew
from tests.recount.ledger import Entry
from tests.recount.policy import DEFAULT_POLICY, ROSTER, RULESET, roster
from tests.recount.records import Evidence, Record
from tests.recount.risk_laws import follow
from tests.recount.sample_deployment import START_MS, EventRun, Run
from tests.recount.sample_traffic import VOICES

SECOND_MS, MINUTE_MS, HOUR_MS, DAY_MS = 1000, 60_000, 3_600_000, 86_400_000
PLACES = roster(ROSTER)
BUSY = ("16.01", "16.02", "16.71")


def event_evidence(seed: int, count: int) -> Evidence:
    """What an exact run under the event clock leaves behind: hours of messages, some of them hostile, then all shards
    idle.
    """
    run = EventRun(seed)
    for number in range(count // 3):
        some = run.hostile if run.rnd.random() < 0.2 else run.traffic
        run.publish([(run.now_ms + 40 * SECOND_MS * n, some.next()) for n in range(1, 4)])
        if number % 5 == 0:
            run.watermarks(is_idle=False)
            run.fold()
    run.watermarks(is_idle=True)
    run.fold()
    return run.log.evidence()


def exact_evidence(seed: int, count: int) -> Evidence:
    """What an exact run leaves behind: half of `count` messages at once, half in the next hour, then a quiet evening.

    In the evening some regencies report and calm down; the others fall silent, and report again in its last hours.
    """
    run = Run(seed)
    run.tick()
    for gap_ms in _gaps(run.rnd, count):
        times = [run.now_ms + gap_ms * (n + 1) for n in range(run.rnd.randrange(1, 5))]
        run.publish([(at_ms, run.traffic.next()) for at_ms in times])
        if run.rnd.random() < 0.2:
            run.decide()
        if run.rnd.random() < 0.7:
            run.fold()
        if gap_ms > SECOND_MS and run.rnd.random() < 0.2:
            run.tick()
    for minute in range(0, 410, 5):
        run.now_ms += 5 * MINUTE_MS
        live = run.codes if minute > 220 else run.codes[::2]
        reports = [live[minute // 5 % len(live)]] if minute < 220 or minute % 2 else live[:: 1 + minute % 4]
        run.publish([(run.now_ms, _figure(code, 7 * minute + n, run.now_ms)) for code in reports for n in range(5)])
        run.tick()
    return run.log.evidence()


#: The station roster of the regencies in `busy_evidence` but the last: every second number, with and without a village.
LISTED = "regency,village,station,registered\n" + "".join(
    f"{code},{village and code + village},{number},300\n"
    for code in BUSY[:-1]
    for number in range(0, 300, 2)
    for village in (("", f".01.100{number % 3}") if number < 100 else ("",))
)


def busy_evidence(seed: int, count: int) -> Evidence:
    """Hours in three regencies about which everybody speaks, people decide often, and two have a station roster."""
    run = Run(seed, BUSY, StationRoster.parse(LISTED))
    run.tick()
    for number in range(count):
        run.publish([(run.now_ms + 20 * SECOND_MS, run.traffic.next())])
        if number % 4 == 0:
            run.decide()
        run.tick()
    return run.log.evidence()


#: Limits of memory that a run reaches, in place of the default ruleset's.
LOW = {
    "incidents_least": 50, "incidents_per_station": 0, "figures_least": 12, "figures_per_station": 0,
    "all_agencies_times": 1, "agencies_most": 2,
}  # fmt: skip


def low_rules() -> str:
    """The text of the default ruleset with low limits of memory."""
    text = RULESET.read_text(encoding="utf-8")
    for name, value in LOW.items():
        text, count = re.subn(rf"^({name} = \{{ value = )[0-9.]+", rf"\g<1>{value}", text, flags=re.MULTILINE)
        assert count == 1, name
    return text


def small_roster() -> str:
    """The text of the default roster with priors and a sixteenth of the stations, so that more report than exist."""
    rows = list(csv.DictReader(ROSTER.read_text(encoding="utf-8").splitlines()))
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]))
    writer.writeheader()
    for n, row in enumerate(rows):
        writer.writerow(row | {"stations": int(row["stations"]) // 16, "prior": 7 * n % 101})
    return out.getvalue()


def hostile_evidence(
    seed: int, count: int, sources: tuple[str, ...] = ALONE, is_low: bool = False, is_small: bool = False
) -> Evidence:
    """A day in a few neighbouring regencies in which some sources do what they can to everybody else, and people take
    them out now and then. `is_low`: with the ruleset of `low_rules`; `is_small`: with the roster of `small_roster`.
    """
    rnd = random.Random(f"day-{seed}")
    centre = PLACES[rnd.choice(sorted(PLACES))]
    codes = (centre.code, *rnd.sample(centre.neighbours, min(3, len(centre.neighbours))))
    rules, places = Ruleset.parse(low_rules()) if is_low else None, Roster.parse(small_roster()) if is_small else None
    run = Run(seed, codes, ruleset=rules, hostile=sources, roster=places)
    run.tick()
    for _ in range(count):
        gap_ms = rnd.choice((5, 10, 20, 20, 40, 40, 90, 300, 300, 900)) * SECOND_MS
        share = rnd.choice((0.0, 0.5, 0.9))
        messages = [(run.hostile if rnd.random() < share else run.traffic).next() for _ in range(rnd.randrange(12))]
        run.publish([(run.now_ms + gap_ms * (n + 1) // (len(messages) + 1), m) for n, m in enumerate(messages)])
        run.now_ms += gap_ms // (len(messages) + 1)
        decision = rnd.random()
        if decision < 0.1:
            run.decide()
        elif decision < 0.12:
            run.evict((*sources, *VOICES))
        elif decision < 0.14:
            run.erase()
        if rnd.random() < 0.9:
            run.tick()
    run.tick()
    return run.log.evidence()


def lossy_evidence(seed: int, count: int) -> Evidence:
    """The same of a run from which much was taken away: input cut before it was read, input deleted and created again
    with and without unread records, and the state lost twice."""
    run = Run(seed)
    run.tick()
    for number in range(count // 3):
        run.publish([(run.now_ms + 400 * n, run.traffic.next()) for n in range(1, 4)])
        run.fold()
        step = 8 * number // (count // 3)
        if step != 8 * (number - 1) // (count // 3):
            loss = {
                1: lambda: run.cut("incidents", 1, 30),
                2: run.lose_state,
                3: lambda: run.recreate("incidents", 20),
                4: lambda: run.cut("incidents", 1, 10),
                5: lambda: run.cut("turnout", 2, 5),
                6: lambda: run.recreate("turnout", 0),
                7: run.lose_state,
            }.get(step)
            if loss:
                loss()
    run.tick()
    return run.log.evidence()


def revote_evidence(seed: int) -> Evidence:
    """Three days of turnout from 40 stations of each regency: on the second most vote again, on the third all do.

    An incident each morning. Each night a few counts fall, on each side of midnight."""
    run = Run(seed)
    run.tick()
    run.publish([(START_MS, Message("turnout", b"16.71", b"{}"))])  # an exact run rejects something
    for day in range(3):
        start_ms = run.now_ms = START_MS + day * DAY_MS
        for code in run.codes:
            value = incident(f"v-{code}-{day}", code, start_ms / 1000, category="clash", severity=4)
            run.publish([(start_ms, Message("incidents", code.encode(), value))])
        for hour in (0, 3, 6, 11, 13):
            at_ms = start_ms + hour * HOUR_MS
            for step, code in enumerate(run.codes):
                many, voted = 30 if day == 1 else 40, 30 * hour + 20
                if hour > 6:
                    many, voted = 3, 150
                counts = [(n, voted + run.rnd.randrange(9)) for n in run.rnd.sample(range(40), many)]
                run.publish([
                    (at_ms + step * SECOND_MS + n, _count(code, f"{day}-{hour}-{n}", n, count, at_ms))
                    for n, count in counts
                ])  # fmt: skip
            run.now_ms = at_ms + MINUTE_MS
            run.tick()
    return run.log.evidence()


#: Those of which something is reported in `pace_evidence`. In the first everything is in flames, about the second one
#: agency reports all there is.
TOLD = ("16.01", "16.72", "16.02", "16.03", "16.05", "16.71")


def pace_evidence(seed: int) -> Evidence:
    """Nine hours in which a third of a province reports several times what is ordinary, with an hour and more in
    between in which nobody tells anything, not even the time.
    """
    run = Run(seed, TOLD)
    run.tick()
    run.publish([(START_MS, Message("turnout", b"16.71", b"{}"))])  # an exact run rejects something
    for step in range(9 * 12):
        start_ms = START_MS + step * 5 * MINUTE_MS
        if 60 <= step < 76:
            continue
        messages = []
        for n, code in enumerate(TOLD):
            is_much = n < 2 and step % 48 > 24
            for number in range(4 if is_much else run.rnd.random() < 0.3):
                at_ms = start_ms + run.rnd.randrange(5 * MINUTE_MS)
                messages.append((at_ms, _report(run.rnd, code, f"{step}-{number}", at_ms, is_alone=is_much and n == 1)))
        run.publish(sorted(messages, key=lambda item: item[0]))
        run.now_ms = start_ms + 5 * MINUTE_MS
        run.tick()
    return run.log.evidence()


def _report(rnd: random.Random, code: str, name: str, at_ms: int, is_alone: bool) -> Message:
    changes = {
        "category": rnd.choice(("logistics", "administration", "intimidation", "clash")),
        "severity": rnd.choice((1, 2, 2, 3)),
        "source": "pantau-1" if is_alone else rnd.choice(("kpu-sumsel", "bawaslu", "pantau-1")),
    }
    return Message("incidents", code.encode(), incident(f"p-{code}-{name}", code, at_ms / 1000, **changes))


def _count(code: str, name: str, station: int, voted: int, at_ms: int) -> Message:
    changes = {"station": f"TPS-{station:03d}", "voted": voted}
    return Message("turnout", code.encode(), turnout(f"v-{code}-{name}", code, at_ms / 1000, **changes))


def _gaps(rnd: random.Random, count: int) -> Iterator[int]:
    yield from (rnd.randrange(1, 15) for _ in range(count // 5))
    yield from (rnd.randrange(3, 12) * SECOND_MS for _ in range(count // 5))


def _figure(code: str, number: int, at_ms: int) -> Message:
    changes = {"station": f"TPS-{number % 97:03d}", "voted": 100 + number // 28}
    return Message("turnout", code.encode(), turnout(f"q-{code}-{number}", code, at_ms / 1000, **changes))


@cache
def exact_run() -> Evidence:
    return exact_evidence(seed=7, count=700)


@cache
def pace_run() -> Evidence:
    return pace_evidence(seed=11)


@cache
def lossy_run() -> Evidence:
    return lossy_evidence(seed=8, count=500)


@cache
def event_run() -> Evidence:
    return event_evidence(seed=10, count=600)


def copied(evidence: Evidence) -> Evidence:
    """One to plant something in; records themselves never change."""
    topics = {name: list(records) for name, records in evidence.topics.items()}
    return replace(
        evidence, topics=topics, ends=dict(evidence.ends), committed=dict(evidence.committed), cuts=list(evidence.cuts),
        recreated=dict(evidence.recreated), lost_states=[list(records) for records in evidence.lost_states],
    )  # fmt: skip


#: Of the runs that a process plants faults in, as many regencies and provinces as are in four of them.
_FOLLOWED_MOST = 72
_followed: dict[bytes, Comparison] = {}


def follow_once(kind: type[Comparison], arguments: tuple, history: list[Entry]) -> Comparison:
    """As `risk_laws.follow`; a regency or province in which nothing was planted is the one of the check before."""
    if DEFAULT_POLICY not in arguments:  # a policy has no repr by which to know it again
        return follow(kind, arguments, history)
    key = hashlib.sha256(repr((kind, arguments, history)).encode()).digest()
    comparison = _followed.pop(key, None) or follow(kind, arguments, history)
    _followed[key] = comparison
    if len(_followed) > _FOLLOWED_MOST:
        del _followed[next(iter(_followed))]  # the one that was asked for longest ago
    return comparison


#: The laws, for tests that check many runs which differ in little. One that changes the recount itself checks anew.
check = partial(check_anew, follow=follow_once)


def found(evidence: Evidence, law: str, word: str) -> bool:
    return any(violation.law == law and word in violation.text for violation in check(evidence, PLACES))


def where(records: list[Record], wanted: Callable[[Record], object]) -> int:
    """Index of a record in the middle of those wanted."""
    indices = [index for index, record in enumerate(records) if wanted(record)]
    return indices[len(indices) // 2]


def rewritten(record: Record, **changes: object) -> Record:
    return replace(record, value=json.dumps(json.loads(record.value) | changes).encode())


def fields_of(record: Record) -> list:
    """Entries of a ledger record."""
    return json.loads(record.value)


class Faults(dict):
    """Faults to plant, by name: functions that change a run, and (law, word) pairs of violations that must be found."""

    def __call__(self, *found: tuple[str, str]) -> Callable[[Callable[[Evidence], object]], Callable]:
        def add(plant: Callable[[Evidence], object]) -> Callable:
            self[plant.__name__] = (plant, found)
            return plant

        return add

    def unfound(self, name: str, evidence: Evidence) -> list[tuple[str, str]]:
        """Plant a fault; the violations that the laws then miss."""
        plant, wanted = self[name]
        plant(evidence)
        violations = check(evidence, PLACES)
        return [(law, word) for law, word in wanted if not any(v.law == law and word in v.text for v in violations)]
