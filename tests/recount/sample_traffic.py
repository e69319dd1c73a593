"""Traffic in which several sources speak of the same things: under one number, under two, and under each other's.

Beside what all traffic has: origins, numbers and message ids that several sources use for different things, villages,
spellings of one station, the same event told under a second number, figures of one station from several sources, and
ids sent again with another body.
"""

import json
from collections.abc import Sequence

from tests.chaos.traffic import CATEGORIES, SEVERITIES, SOURCES, Message, Traffic, incident, turnout

#: The packaged sources file knows this one as a second system of the KPU, beside kpu-sumsel.
VOICES = (*SOURCES, "sirekap")
COUNTERS = ("kpu-sumsel", "sirekap", "bawaslu", "pantau-1")
#: Every fourth message id counts up for each source alone, so that sources have them in common.
NUMBERED = 4
#: The last one is another station, whose key ends like a key of the state.
SPELLINGS = ("TPS {:03d}", "tps {}", "{}", " TPS  {:02d} ", "TPS{:03d}", "TPS-{:03d}/h")


class Voices(Traffic):
    """The same decisions for the same seed."""

    def __init__(self, seed: int, codes: Sequence[str], name: str = "v", **options: object) -> None:
        super().__init__(seed, codes, name=name, **options)  # type: ignore[arg-type]
        self._sent: dict[str, int] = {}
        #: Every incident number: what was told first under it, when it occurred, and each source's revision.
        self._told: list[tuple[dict[str, object], float, dict[str, int]]] = []
        self._counts: list[tuple[str, dict[str, object], float]] = []

    def pair(self) -> tuple[str, str, str] | None:
        """A regency, and two incident numbers there, the second told of the same event if there is one."""
        said = [told for told, _, _ in self._told[-80:]]
        for told in reversed(said):
            others = [one for one in said if one["regency"] == told["regency"] and _number(one) != _number(told)]
            if others:
                return str(told["regency"]), _number(told), _number(self._rnd.choice(others))
        return None

    def hear(self, said: dict[str, object], at_s: float) -> None:
        """Somebody else has told an incident, about which these sources may speak now."""
        self._told = [*self._told[-499:], (said, at_s, {str(said["source"]): 1})]

    def lately(self, regency: str) -> tuple[dict[str, object], float] | None:
        """One of the incidents told last in a regency: what was said first, and when it occurred."""
        return next(((told, at_s) for told, at_s, _ in reversed(self._told) if told["regency"] == regency), None)

    def coming_id(self, source: str, ahead: int) -> str:
        """The message id that a source is going to use so many messages from now."""
        return self._id(source, self._sent.get(source, 0) + ahead)

    def _next_id(self, source: str) -> str:
        self._sent[source] = count = self._sent.get(source, 0) + 1
        return self._id(source, count)

    def _id(self, source: str, count: int) -> str:
        return f"{count:06d}" if count % NUMBERED == 0 else f"{self._name}-{source}-{count}"

    def _incident(self) -> Message:
        rnd, dice = self._rnd, self._rnd.random()
        if self._told and dice < 0.3:
            return self._another_word()
        source, regency = rnd.choice(VOICES), rnd.choice(self._codes)
        at_s = self._clock() - (rnd.uniform(24.5, 40) * 3600 if rnd.random() < 0.03 else rnd.expovariate(1 / 1800))
        said: dict[str, object] = {
            "regency": regency,
            "source": source,
            "category": rnd.choice(CATEGORIES),
            "severity": rnd.choice(SEVERITIES),
            **self._place(regency),
        }
        if self._told and dice < 0.5:
            first, first_s, _ = rnd.choice(self._told[-40:])
            said |= {name: first.get(name) for name in ("regency", "category", "station", "village")}
            at_s = first_s + rnd.uniform(-1200, 1200)
        said["incident_id"] = f"{rnd.randrange(60):06d}" if rnd.random() < 0.5 else f"{source}/{self._count}"
        if rnd.random() < 0.04:
            return self._say(source, at_s, said | {"is_exercise": True})
        if all(_number(told) != _number(said) or told["regency"] != regency for told, _, _ in self._told):
            self._told = [*self._told[-499:], (said, at_s, {source: 1})]
        return self._say(source, at_s, said)

    def _place(self, regency: str) -> dict[str, object]:
        rnd, place = self._rnd, {}
        if rnd.random() < 0.5:
            place["village"] = f"{regency}.01.100{rnd.randrange(1, 4)}"
        if rnd.random() < 0.6:
            place["station"] = self._spelled(rnd.randrange(1, 12))
        return place

    def _spelled(self, number: int) -> str:
        return self._rnd.choice(SPELLINGS).format(number)

    def _another_word(self) -> Message:
        """A revision of the source that has told an incident, or a word of another source about it."""
        rnd = self._rnd
        first, at_s, revisions = rnd.choice(self._told[-120:])
        source = rnd.choice((str(first["source"]), *revisions, *VOICES))
        revisions[source] = revisions.get(source, 0) + rnd.choice((1, 1, 1, 2))
        said = first | {
            "origin": first["source"],
            "source": source,
            "revision": revisions[source],
            "category": rnd.choice((first["category"], rnd.choice(CATEGORIES))),
            "severity": rnd.choice((first["severity"], rnd.choice(SEVERITIES))),
            "status": rnd.choice(("verified", "verified", "resolved", "retracted", "reported")),
        }
        return self._say(source, at_s, said)

    def _say(self, source: str, at_s: float, said: dict[str, object]) -> Message:
        regency = str(said["regency"])
        value = incident(self._next_id(source), at_s=at_s, **(said | {"regency": regency}))
        if self._rnd.random() < 0.02:  # the same id again, with another body
            other = _changed(value, severity=int(str(said["severity"])) % 5 + 1)
            self._held.append((self._count + 5, Message("incidents", b"", other)))
            self._held.sort(key=lambda item: item[0])
        return Message("incidents", regency.encode(), value)

    def _turnout(self) -> Message:
        rnd, source = self._rnd, self._rnd.choice(COUNTERS)
        if self._counts and rnd.random() < 0.35:
            regency, said, at_s = rnd.choice(self._counts[-60:])
            if rnd.random() < 0.4:
                said = said | {"voted": rnd.randrange(320)}
        else:
            regency, at_s = rnd.choice(self._codes), self._clock() - rnd.expovariate(1 / 600)
            number = rnd.randrange(300)
            said = {"voted": rnd.randrange(320), "registered": rnd.choice((250, 280, 300))}
            said["station"] = self._spelled(number)
            if number < 100:
                said["village"] = f"{regency}.01.100{number % 3}"
            self._counts.append((regency, said, at_s))
        revision = {"revision": rnd.choice((1, 1, 2)), "source": source}
        exercise = {"is_exercise": True} if rnd.random() < 0.04 else {}
        value = turnout(self._next_id(source), regency, at_s, **said, **revision, **exercise)
        return Message("turnout", regency.encode(), value)

    def _kinds(self) -> list:
        def of(**changes: object):
            return lambda make, good: (_changed(good, **changes), ())

        return [
            *super()._kinds(),
            of(schema="siaga.incident/3"),
            of(schema="siaga.turnout/1"),
            of(village="11.01.01.1001"),
            of(village="16.71.1.1"),
            of(station="TPS\t7"),
            of(station="0812 3456 7890"),
            of(event_id="1671014507900001"),
            lambda make, good: (make("p", "16.71", self._clock(), source="polres-oku"), ()),
            lambda make, good: (turnout("p", "16.71", self._clock(), source="polda"), ()),
        ]


def _number(told: dict[str, object]) -> str:
    return f"{told['source']} {told['incident_id']}"


def _changed(value: bytes, **changes: object) -> bytes:
    return json.dumps(json.loads(value) | changes).encode()
