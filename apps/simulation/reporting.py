"""From what happened to what arrives: who tells it, when, how often, and what becomes of it.

Sensor noise on purpose: reports come late and out of order, some twice, some are retracted, revised, confirmed by a
second source; a source goes silent and then delivers in one burst. Shares and delays are assumptions
(docs/evaluation.md)."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from apps.simulation.background import SimulatedIncident
from apps.simulation.random_streams import weighted_choice
from apps.simulation.messages import Message
from apps.simulation.truth import HOUR_MS, MINUTE_MS, rfc3339

SECOND_MS = 1000
TELL_MEDIAN_MIN, TELL_SIGMA = 6.0, 0.9  # log-normal: half within 6 min, nine of ten within 19 min
TELL_MAX_MIN = 120.0
WIRE_MEDIAN_S, WIRE_SIGMA = 3.0, 1.0  # from the source's desk to Siaga
STRAGGLER_CHANCE, STRAGGLER_MIN = 0.02, (60, 480)  # a phone without signal until the evening
DUPLICATE_CHANCE = 0.03
RETRACT_CHANCE = 0.02
CONFIRM_CHANCE = {1: 0.15, 2: 0.3, 3: 0.6, 4: 0.9, 5: 1.0}  # by severity
CONFIRM_BY_OTHER_CHANCE = 0.7
CONFIRM_AFTER_MIN = (10, 60)
RESOLVE_CHANCE, RESOLVE_AFTER_MIN = 0.3, (45, 240)
REGRADE_CHANCE = 0.05  # a revision that moves severity by one
RETOLD_CHANCE = 0.05  # a second source tells of the same thing under its own id, severity 3 and up

_ADMINISTRATIVE = {"bawaslu": 0.55, "kpu": 0.35, "pemantau": 0.10}
_SECURITY = {"polri": 0.45, "bawaslu": 0.35, "pemantau": 0.20}
_WATCHED = {"bawaslu": 0.70, "pemantau": 0.25, "polri": 0.05}
_SECURITY_CATEGORIES = frozenset({"intimidation", "protest", "clash", "property_attack", "fatality", "natural_hazard"})
_WATCHED_CATEGORIES = frozenset({"money_politics", "neutrality", "disinformation", "eligibility"})


@dataclass(frozen=True, slots=True)
class SourceOutage:
    """A source that delivers nothing from `start_ms` to `end_ms` and then all at once."""

    source: str
    start_ms: int
    end_ms: int


def source_of(chance: Random, category: str, province: str) -> str:
    """Who tells of a category: a feed per authority and province."""
    if category in _SECURITY_CATEGORIES:
        return f"{weighted_choice(chance, _SECURITY)}-{province}"
    if category in _WATCHED_CATEGORIES:
        return f"{weighted_choice(chance, _WATCHED)}-{province}"
    return f"{weighted_choice(chance, _ADMINISTRATIVE)}-{province}"


class Reporter:
    """Turns one regency's happenings into messages. `chance` is the regency's own random_stream, so regencies stay
    independent.

    `first` is where its numbering begins: two desks of one regency must not share ids.
    """

    def __init__(
        self, chance: Random, regency: str, offset_min: int, silences: tuple[SourceOutage, ...] = (), first: int = 0
    ):
        self._chance = chance
        self._regency = regency
        self._offset_min = offset_min
        self._silences = silences
        self._events = first
        self._incidents = first

    def tell(self, happening: SimulatedIncident, source: str | None = None) -> Iterator[Message]:
        """All messages about a happening: the report, its duplicate, revisions, retraction. None when nobody tells."""
        if not happening.told:
            return
        source = source or source_of(self._chance, happening.category, self._regency[:2])
        yield from self._story(happening, source)
        if happening.severity >= 3 and self._chance.random() < RETOLD_CHANCE:
            yield from self._story(happening, self._another(source))

    def wave(self, happening: SimulatedIncident, source: str, retract_at_ms: int) -> Iterator[Message]:
        """A hoax's message from its one source, and its retraction."""
        body = self._body(happening, source)
        yield self._sent(body, happening.occurred_ms + self._telling_ms())
        yield self._revision(body, 2, retract_at_ms + self._chance.randrange(10 * MINUTE_MS), status="retracted")

    def drill(self, happening: SimulatedIncident, source: str) -> Iterator[Message]:
        """A message of an exercise."""
        yield self._sent(
            self._body(happening, source) | {"is_exercise": True}, happening.occurred_ms + self._telling_ms()
        )

    def _story(self, happening: SimulatedIncident, source: str) -> Iterator[Message]:
        chance, body = self._chance, self._body(happening, source)
        first = self._sent(body, happening.occurred_ms + self._telling_ms())
        yield first
        if chance.random() < DUPLICATE_CHANCE:
            yield Message(first.at_ms + chance.randrange(1, 20 * MINUTE_MS), first.topic, first.body)
        if chance.random() < RETRACT_CHANCE:
            yield self._revision(first.body, 2, first.at_ms + chance.randint(20, 180) * MINUTE_MS, status="retracted")
            return
        revision, known_ms = 1, first.at_ms
        if chance.random() < REGRADE_CHANCE and body["severity"] <= 3:
            revision, known_ms = revision + 1, known_ms + chance.randint(5, 45) * MINUTE_MS
            body = body | {"severity": max(1, body["severity"] + chance.choice((-1, 1)))}
            body = body | {"severity": min(3, body["severity"])}
            yield self._revision(body, revision, known_ms)
        if chance.random() < CONFIRM_CHANCE[body["severity"]]:
            revision, known_ms = revision + 1, known_ms + chance.randint(*CONFIRM_AFTER_MIN) * MINUTE_MS
            confirmer = self._another(source) if chance.random() < CONFIRM_BY_OTHER_CHANCE else source
            yield self._revision(body, revision, known_ms, status="verified", source=confirmer)
            if chance.random() < RESOLVE_CHANCE:
                known_ms += chance.randint(*RESOLVE_AFTER_MIN) * MINUTE_MS
                yield self._revision(body, revision + 1, known_ms, status="resolved", source=confirmer)

    def _body(self, happening: SimulatedIncident, source: str) -> dict:
        self._incidents += 1
        return {
            "event_id": "",
            "incident_id": f"{source}-{self._regency.replace('.', '')}-{self._incidents:04d}",
            "revision": 1,
            "regency": self._regency,
            "station": station_id(self._regency, happening.station),
            "category": happening.category,
            "severity": happening.severity,
            "status": "reported",
            "occurred_at": rfc3339(happening.occurred_ms // SECOND_MS * SECOND_MS, self._offset_min),
            "reported_at": "",
            "source": source,
            "is_exercise": False,
        }

    def _sent(self, body: dict, reported_ms: int) -> Message:
        self._events += 1
        reported_ms = reported_ms // SECOND_MS * SECOND_MS + SECOND_MS
        event = {
            "event_id": f"{body['source']}:{self._regency}:{self._events}",
            "reported_at": rfc3339(reported_ms, self._offset_min),
        }
        return Message(self._arrival(body["source"], reported_ms), "incidents", body | event)

    def _revision(self, body: dict, revision: int, reported_ms: int, **changes: str) -> Message:
        return self._sent(body | {"revision": revision} | changes, reported_ms)

    def _arrival(self, source: str, reported_ms: int) -> int:
        at_ms = reported_ms + int(self._chance.lognormvariate(math.log(WIRE_MEDIAN_S), WIRE_SIGMA) * SECOND_MS)
        for silence in self._silences:
            if silence.source == source and silence.start_ms <= at_ms < silence.end_ms:
                return silence.end_ms + self._chance.randrange(2 * MINUTE_MS)
        return at_ms

    def _telling_ms(self) -> int:
        if self._chance.random() < STRAGGLER_CHANCE:
            return self._chance.randint(*STRAGGLER_MIN) * MINUTE_MS
        minutes = self._chance.lognormvariate(math.log(TELL_MEDIAN_MIN), TELL_SIGMA)
        return int(min(minutes, TELL_MAX_MIN) * MINUTE_MS)

    def _another(self, source: str) -> str:
        authority, _, province = source.partition("-")
        return f"{self._chance.choice(sorted({'bawaslu', 'polri', 'pemantau', 'kpu'} - {authority}))}-{province}"


def station_id(regency: str, number: int) -> str:
    """`16.71-0042`: a polling station's id, unique over the roster."""
    return f"{regency}-{number:04d}"


def draw_outages(chance: Random, province: str, start_ms: int) -> tuple[SourceOutage, ...]:
    """On every other day one authority's feed of a province is silent for one to three hours."""
    if chance.random() >= 0.5:
        return ()
    begin = start_ms + chance.randint(7 * 60, 18 * 60) * MINUTE_MS
    end = begin + chance.randint(60, 180) * MINUTE_MS
    return (
        SourceOutage(
            f"{chance.choice(('bawaslu', 'polri', 'pemantau', 'kpu'))}-{province}",
            begin,
            min(end, start_ms + 24 * HOUR_MS),
        ),
    )
