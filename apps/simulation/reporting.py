"""From incidents to messages: who reports an incident, when, how often, and how the report is revised.

The noise is intended: reports come late and out of order, some twice, some are retracted, revised or confirmed by a
second source; a source stops delivering and then delivers its backlog at once. Shares and delays are assumptions
(docs/evaluation.md)."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from apps.simulation.background import SimulatedIncident
from apps.simulation.messages import SimulatedMessage, date_in_ids, station_id
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
SECOND_REPORT_CHANCE = 0.05  # a second source reports the same incident under its own id, severity 3 and up

_AUTHORITIES = ("bawaslu", "polri", "pemantau", "kpu")
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


class Reporter:
    """Turns the incidents of one regency into messages.

    `rng` is the regency's own random stream, so regencies are independent. Ids carry the date of `start_ms`.
    `first_number` is where the numbers of events and incidents begin: two reporters of one regency must not share ids.
    """

    def __init__(
        self,
        rng: Random,
        regency: str,
        start_ms: int,
        offset_min: int,
        outages: tuple[SourceOutage, ...] = (),
        first_number: int = 0,
    ) -> None:
        self._rng = rng
        self._regency = regency
        self._date = date_in_ids(start_ms, offset_min)
        self._offset_min = offset_min
        self._outages = outages
        self._events = first_number
        self._incidents = first_number

    def report(self, incident: SimulatedIncident) -> Iterator[SimulatedMessage]:
        """All messages about an incident: report, duplicate, revisions, retraction. None if nobody reports it."""
        if not incident.is_reported:
            return
        source = source_of(self._rng, incident.category, self._regency[:2])
        yield from self._report_and_revise(incident, source)
        if incident.severity >= 3 and self._rng.random() < SECOND_REPORT_CHANCE:
            yield from self._report_and_revise(incident, self._other_source(source))

    def report_hoax(self, incident: SimulatedIncident, source: str, retract_at_ms: int) -> Iterator[SimulatedMessage]:
        """A hoax's report from its one source, and its retraction."""
        body = self._body(incident, source)
        yield self._message(body, incident.occurred_ms + self._report_delay_ms())
        yield self._revision(body, 2, retract_at_ms + self._rng.randrange(10 * MINUTE_MS), status="retracted")

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
            yield self._revision(first.body, 2, first.at_ms + rng.randint(20, 180) * MINUTE_MS, status="retracted")
            return
        revision, known_ms = 1, first.at_ms
        if rng.random() < REGRADE_CHANCE and body["severity"] <= 3:
            revision, known_ms = revision + 1, known_ms + rng.randint(5, 45) * MINUTE_MS
            severity = body["severity"] + rng.choice((-1, 1))
            body = body | {"severity": min(3, max(1, severity))}
            yield self._revision(body, revision, known_ms)
        if rng.random() < CONFIRM_CHANCE[body["severity"]]:
            revision, known_ms = revision + 1, known_ms + rng.randint(*CONFIRM_AFTER_MIN) * MINUTE_MS
            confirmer = self._other_source(source) if rng.random() < CONFIRM_BY_OTHER_CHANCE else source
            yield self._revision(body, revision, known_ms, status="verified", source=confirmer)
            if rng.random() < RESOLVE_CHANCE:
                known_ms += rng.randint(*RESOLVE_AFTER_MIN) * MINUTE_MS
                yield self._revision(body, revision + 1, known_ms, status="resolved", source=confirmer)

    def _body(self, incident: SimulatedIncident, source: str) -> dict[str, Any]:
        self._incidents += 1
        return {
            "event_id": "",
            "incident_id": f"{source}-{self._regency.replace('.', '')}-{self._date}-{self._incidents:04d}",
            "revision": 1,
            "regency": self._regency,
            "station": station_id(self._regency, incident.station),
            "category": incident.category,
            "severity": incident.severity,
            "status": "reported",
            "occurred_at": rfc3339(incident.occurred_ms // SECOND_MS * SECOND_MS, self._offset_min),
            "reported_at": "",
            "source": source,
            "is_exercise": False,
        }

    def _message(self, body: dict[str, Any], reported_ms: int) -> SimulatedMessage:
        """The body with the next event id and its report time, as a message."""
        self._events += 1
        reported_ms = reported_ms // SECOND_MS * SECOND_MS + SECOND_MS
        event = {
            "event_id": f"{body['source']}:{self._regency}:{self._date}:{self._events}",
            "reported_at": rfc3339(reported_ms, self._offset_min),
        }
        return SimulatedMessage(self._arrival_ms(body["source"], reported_ms), "incidents", body | event)

    def _revision(self, body: dict[str, Any], revision: int, reported_ms: int, **changes: str) -> SimulatedMessage:
        return self._message(body | {"revision": revision} | changes, reported_ms)

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
        authority, _, province = source.partition("-")
        return f"{self._rng.choice(sorted(set(_AUTHORITIES) - {authority}))}-{province}"


def draw_outages(rng: Random, province: str, start_ms: int) -> tuple[SourceOutage, ...]:
    """On every other day one authority's feed of a province stops for one to three hours."""
    if rng.random() >= 0.5:
        return ()
    begin = start_ms + rng.randint(7 * 60, 18 * 60) * MINUTE_MS
    end = begin + rng.randint(60, 180) * MINUTE_MS
    return (SourceOutage(f"{rng.choice(_AUTHORITIES)}-{province}", begin, min(end, start_ms + 24 * HOUR_MS)),)
