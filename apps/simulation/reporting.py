"""From incidents to messages: who reports an incident, when, how often, and how the report is revised.

The noise is intended: reports come late and out of order, some twice, some are retracted, revised or confirmed by a
second source; a source stops delivering and then delivers its backlog at once. Shares and delays are assumptions
(docs/evaluation.md).

Each source numbers its incidents and events of a regency by itself, so that equal numbers of different sources are the
rule. A source that confirms another's incident sends a word of its own on it, with `origin` and that incident's number.
"""

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from apps.simulation.background import SimulatedIncident
from apps.simulation.messages import SimulatedMessage, date_in_ids
from apps.simulation.places import station_place
from apps.simulation.random_streams import weighted_choice
from apps.simulation.truth import rfc3339
from schemas.vocabulary import HOUR_MS, MINUTE_MS, SECOND_MS

REPORT_MEDIAN_MIN, REPORT_SIGMA = 6.0, 0.9  # log-normal: half within 6 min, nine of ten within 19 min
REPORT_MAX_MIN = 120.0
TRANSPORT_MEDIAN_S, TRANSPORT_SIGMA = 3.0, 1.0  # from the source to Siaga, log-normal
STRAGGLER_CHANCE, STRAGGLER_MIN = 0.02, (60, 480)  # a phone without signal until the evening
DUPLICATE_CHANCE = 0.03
RETRACT_CHANCE = 0.02
CONFIRM_CHANCE = {1: 0.15, 2: 0.3, 3: 0.6, 4: 0.9, 5: 1.0}  # by severity
CONFIRM_BY_OTHER_CHANCE = 0.7
CONFIRM_AFTER_MIN = (10, 60)
RESOLVE_CHANCE, RESOLVE_AFTER_MIN = 0.3, (45, 240)
REGRADE_CHANCE = 0.05  # a revision that changes severity by one

AUTHORITIES = ("bawaslu", "polri", "pemantau", "kpu")
_ADMINISTRATIVE = {"bawaslu": 0.55, "kpu": 0.35, "pemantau": 0.10}
_SECURITY = {"polri": 0.45, "bawaslu": 0.35, "pemantau": 0.20}
_CAMPAIGN = {"bawaslu": 0.70, "pemantau": 0.25, "polri": 0.05}
_SECURITY_CATEGORIES = frozenset({"intimidation", "protest", "clash", "property_attack", "fatality", "natural_hazard"})
_CAMPAIGN_CATEGORIES = frozenset({"money_politics", "neutrality", "disinformation", "eligibility"})


@dataclass(frozen=True, slots=True)
class SourceOutage:
    """A source delivers nothing from `start_ms` to `end_ms`, then its backlog at once."""

    source: str
    start_ms: int
    end_ms: int


def source_of(rng: Random, category: str, province: str) -> str:
    """A source that reports incidents of a category: one feed per authority and province."""
    if category in _SECURITY_CATEGORIES:
        return f"{weighted_choice(rng, _SECURITY)}-{province}"
    if category in _CAMPAIGN_CATEGORIES:
        return f"{weighted_choice(rng, _CAMPAIGN)}-{province}"
    return f"{weighted_choice(rng, _ADMINISTRATIVE)}-{province}"


class Numbers:
    """The numbers that the sources of a regency give their incidents and events on one day: each source counts alone.

    Ids carry the day's date. `after`: they begin after this one; reporters that do not share Numbers must not share
    ids either.
    """

    def __init__(self, start_ms: int, offset_min: int, after: int = 0) -> None:
        self._date, self._after = date_in_ids(start_ms, offset_min), after
        self._incidents: Counter[str] = Counter()
        self._events: Counter[str] = Counter()

    def incident(self, source: str) -> str:
        """The number of a source's next incident, `20241127-000001`."""
        return self._next(self._incidents, source)

    def event(self, source: str, regency: str) -> str:
        """The id of a source's next message, `16.71-20241127-000001`: a source reports on many regencies."""
        return f"{regency}-{self._next(self._events, source)}"

    def _next(self, counted: Counter[str], source: str) -> str:
        counted[source] += 1
        return f"{self._date}-{self._after + counted[source]:06d}"


class Reporter:
    """Turns the incidents of one regency into messages.

    `rng` is a random stream of the reporter's own, so that regencies, and kinds of reports, are independent.
    """

    def __init__(
        self,
        rng: Random,
        regency: str,
        numbers: Numbers,
        offset_min: int,
        outages: tuple[SourceOutage, ...] = (),
    ) -> None:
        self._rng = rng
        self._regency = regency
        self._numbers = numbers
        self._offset_min = offset_min
        self._outages = outages

    def report(self, incident: SimulatedIncident) -> list[SimulatedMessage]:
        """All messages about an incident under one number, the first report first. None if nobody reports it."""
        if not incident.is_reported:
            return []
        return self.report_by(incident, source_of(self._rng, incident.category, self._regency[:2]))

    def report_by(self, incident: SimulatedIncident, source: str) -> list[SimulatedMessage]:
        """`report` of an incident that this source notes first."""
        return list(self._report_and_revise(incident, source))

    def report_hoax(self, incident: SimulatedIncident, source: str, retract_at_ms: int) -> Iterator[SimulatedMessage]:
        """A hoax's report from its one source, and its retraction."""
        body = self._body(incident, source)
        yield self._message(body, incident.occurred_ms + self._report_delay_ms())
        yield self._revision(body, retract_at_ms + self._rng.randrange(10 * MINUTE_MS), status="retracted")

    def report_exercise(self, incident: SimulatedIncident, source: str) -> Iterator[SimulatedMessage]:
        """A report marked as exercise."""
        body = self._body(incident, source) | {"is_exercise": True}
        yield self._message(body, incident.occurred_ms + self._report_delay_ms())

    def _report_and_revise(self, incident: SimulatedIncident, source: str) -> Iterator[SimulatedMessage]:
        rng, body = self._rng, self._body(incident, source)
        first = self._message(body, incident.occurred_ms + self._report_delay_ms())
        yield first
        if rng.random() < DUPLICATE_CHANCE:
            yield SimulatedMessage(first.at_ms + rng.randrange(1, 20 * MINUTE_MS), first.topic, first.body)
        if rng.random() < RETRACT_CHANCE:
            yield self._revision(first.body, first.at_ms + rng.randint(20, 180) * MINUTE_MS, status="retracted")
            return
        known_ms = first.at_ms
        if rng.random() < REGRADE_CHANCE and body["severity"] <= 3:
            known_ms += rng.randint(5, 45) * MINUTE_MS
            severity = body["severity"] + rng.choice((-1, 1))
            body = body | {"revision": 2, "severity": min(3, max(1, severity))}
            yield self._message(body, known_ms)
        if rng.random() < CONFIRM_CHANCE[body["severity"]]:
            known_ms += rng.randint(*CONFIRM_AFTER_MIN) * MINUTE_MS
            if rng.random() < CONFIRM_BY_OTHER_CHANCE:
                word = _word_of_other(body, self._other_source(source)) | {"status": "verified"}
                verified = self._message(word, known_ms)
            else:
                verified = self._revision(body, known_ms, status="verified")
            yield verified
            if rng.random() < RESOLVE_CHANCE:
                known_ms += rng.randint(*RESOLVE_AFTER_MIN) * MINUTE_MS
                yield self._revision(verified.body, known_ms, status="resolved")

    def _body(self, incident: SimulatedIncident, source: str) -> dict[str, Any]:
        return first_word(incident, source, self._numbers.incident(source), self._offset_min)

    def _message(self, body: dict[str, Any], reported_ms: int) -> SimulatedMessage:
        """The body with its source's next event id and its report time, as a message."""
        reported_ms = reported_ms // SECOND_MS * SECOND_MS + SECOND_MS
        event = {
            "event_id": self._numbers.event(body["source"], self._regency),
            "reported_at": rfc3339(reported_ms, self._offset_min),
        }
        return SimulatedMessage(self._arrival_ms(body["source"], reported_ms), "incidents", body | event)

    def _revision(self, body: dict[str, Any], reported_ms: int, status: str) -> SimulatedMessage:
        """The next revision of a source's word, with another status."""
        return self._message(body | {"revision": body["revision"] + 1, "status": status}, reported_ms)

    def _arrival_ms(self, source: str, reported_ms: int) -> int:
        transport_s = self._rng.lognormvariate(math.log(TRANSPORT_MEDIAN_S), TRANSPORT_SIGMA)
        at_ms = reported_ms + int(transport_s * SECOND_MS)
        for outage in self._outages:
            if outage.source == source and outage.start_ms <= at_ms < outage.end_ms:
                return outage.end_ms + self._rng.randrange(2 * MINUTE_MS)
        return at_ms

    def _report_delay_ms(self) -> int:
        if self._rng.random() < STRAGGLER_CHANCE:
            return self._rng.randint(*STRAGGLER_MIN) * MINUTE_MS
        minutes = self._rng.lognormvariate(math.log(REPORT_MEDIAN_MIN), REPORT_SIGMA)
        return int(min(minutes, REPORT_MAX_MIN) * MINUTE_MS)

    def _other_source(self, source: str) -> str:
        return self._rng.choice(other_sources(source))


def first_word(incident: SimulatedIncident, source: str, number: str, offset_min: int) -> dict[str, Any]:
    """A source's first word on an incident, under its number, without the event id and the time of the report."""
    place = station_place(incident.regency, incident.station)
    return {
        "event_id": "",
        "incident_id": number,
        "revision": 1,
        "regency": incident.regency,
        "village": place.village,
        "station": place.station,
        "category": incident.category,
        "severity": incident.severity,
        "status": "reported",
        "occurred_at": rfc3339(incident.occurred_ms // SECOND_MS * SECOND_MS, offset_min),
        "reported_at": "",
        "source": source,
        "is_exercise": False,
    }


def other_sources(source: str) -> list[str]:
    """The sources of the other authorities of its province."""
    authority, _, province = source.partition("-")
    return [f"{other}-{province}" for other in sorted(set(AUTHORITIES) - {authority})]


def _word_of_other(body: dict[str, Any], source: str) -> dict[str, Any]:
    """The first word of another source on the incident that `body` is about."""
    return body | {"origin": body.get("origin", body["source"]), "source": source, "revision": 1}


def draw_outages(rng: Random, province: str, start_ms: int) -> tuple[SourceOutage, ...]:
    """On every other day one authority's feed of a province stops for one to three hours."""
    if rng.random() >= 0.5:
        return ()
    begin = start_ms + rng.randint(7 * 60, 18 * 60) * MINUTE_MS
    end = begin + rng.randint(60, 180) * MINUTE_MS
    return (SourceOutage(f"{rng.choice(AUTHORITIES)}-{province}", begin, min(end, start_ms + 24 * HOUR_MS)),)
