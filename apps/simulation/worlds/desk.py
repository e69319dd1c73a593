"""How the worlds beside `bawaslu` report: sources, delays, revisions, doubles and outages.

Names of sources, delays and missing places are each world's own (`Reporting`). How often sources repeat, retract,
regrade or confirm is drawn for the campaign from common bounds (`Habits`); all of them are assumptions.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any, Self

from apps.simulation.background import SimulatedIncident
from apps.simulation.doubles import DOUBLES
from apps.simulation.messages import SimulatedMessage
from apps.simulation.plan import Plan
from apps.simulation.random_streams import random_stream
from apps.simulation.reporting import Numbers, SourceOutage, first_word
from apps.simulation.truth import OtherEvent, rfc3339
from apps.simulation.worlds.nature import whole_seconds
from schemas.vocabulary import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS

SOURCES = (3, 9)
ONE_VOICE, ONE_VOICE_SHARE = 0.2, 0.8  # so many regencies have one source that brings so much
SEVERE = 3  # severity from which several agencies come to one incident
THREE_NUMBERS = 0.25  # of the doubled, under three numbers
VILLAGE_ONLY, MILDER = 0.3, 0.2  # another agency does not know the station, or takes severity 3 for 2
TRANSPORT_S = (1, 20)
LATE_MIN = (60, 480)  # a phone without signal


@dataclass(frozen=True)
class Reporting:
    """What a world says of its sources. `report_ms`: from a source and the time that something occurred, when it
    reports it, milliseconds. `placeless`: share of the reports with neither village nor station."""

    sources: Sequence[str]
    report_ms: Callable[[Random, str, int], int]
    placeless: float = 0.0


@dataclass(frozen=True)
class Habits:
    """Shares of a campaign. `doubles`: severe incidents under several numbers, `noted_min`: how much later others note
    them on average; `confirm` is of severity 1 and grows with severity."""

    repeat: float
    retract: float
    regrade: float
    late: float
    confirm: float
    by_other: float
    doubles: float
    noted_min: float

    @classmethod
    def draw(cls, plan: Plan, world: str) -> Self:
        """The habits of a campaign."""
        rng = random_stream(plan.lasting_seed, world, "habits")
        bounds = ((0, 0.06), (0.01, 0.05), (0.02, 0.1), (0, 0.04), (0.05, 0.25), (0.4, 0.9), (0.1, 0.4), (4, 15))
        drawn = cls(*(rng.uniform(*pair) for pair in bounds))
        return drawn if plan.doubles == DOUBLES else replace(drawn, doubles=plan.doubles)


def sources_of_day(seed: int, world: str, names: Sequence[str]) -> list[str]:
    """The sources of a campaign, each an agency of its own."""
    rng = random_stream(seed, world, "sources")
    return rng.sample(names, rng.randint(*SOURCES))


def draw_outage(plan: Plan, world: str, sources: Sequence[str]) -> list[SourceOutage]:
    """On one day of three a source delivers nothing for half an hour to four hours."""
    rng = random_stream(plan.seed, world, "silence")
    if rng.random() >= 1 / 3:
        return []
    begin_ms = plan.start_ms + rng.randrange(DAY_MS - HOUR_MS)
    end_ms = min(begin_ms + rng.randint(30, 240) * MINUTE_MS, plan.start_ms + DAY_MS)
    return [SourceOutage(rng.choice(sources), begin_ms, end_ms)]


class Desk:
    """Turns incidents of one regency into messages. `name` names its random streams and `after` its numbers, so that
    desks of a regency share neither."""

    def __init__(
        self,
        plan: Plan,
        world: str,
        regency: str,
        name: str,
        after: int,
        reporting: Reporting,
        habits: Habits,
        outages: Sequence[SourceOutage] = (),
    ) -> None:
        self._regency, self._offset_min, self._reporting, self._habits = regency, plan.offset_min, reporting, habits
        self._rng = random_stream(plan.seed, world, name, regency)
        self._numbers = Numbers(plan.start_ms, plan.offset_min, after)
        self._outages = outages
        # Who reports what is a fact of the regency: all of its desks draw the same weights, on every day of a campaign.
        rng = random_stream(plan.lasting_seed, world, "voices", regency)
        self._loudest = rng.choice(reporting.sources) if rng.random() < ONE_VOICE else None
        self._voices = {source: rng.gammavariate(1.5, 1) for source in reporting.sources}

    def source(self) -> str:
        """Who reports an incident."""
        if self._loudest is not None and self._rng.random() < ONE_VOICE_SHARE:
            return self._loudest
        others = [source for source in self._voices if source != self._loudest]
        return self._rng.choices(others, [self._voices[source] for source in others])[0]

    def others(self, source: str) -> list[str]:
        """All sources but one."""
        return [other for other in self._reporting.sources if other != source]

    def report(self, incident: SimulatedIncident, source: str | None = None) -> list[SimulatedMessage]:
        """All messages about an incident under one number, the first report first."""
        rng, habits = self._rng, self._habits
        source = source or self.source()
        body = self._body(incident, source)
        noticed_ms = incident.occurred_ms
        if rng.random() < habits.late:
            noticed_ms += rng.randint(*LATE_MIN) * MINUTE_MS
        known_ms = self._reporting.report_ms(rng, source, noticed_ms)
        messages = [self._message(body, known_ms)]
        if rng.random() < habits.repeat:
            messages.append(messages[0]._replace(at_ms=messages[0].at_ms + rng.randrange(1, 20 * MINUTE_MS)))
        if rng.random() < habits.retract:
            return [*messages, self.revision(messages[0].body, known_ms + rng.randint(15, 200) * MINUTE_MS)]
        if rng.random() < habits.regrade and body["severity"] <= SEVERE:
            known_ms += rng.randint(5, 60) * MINUTE_MS
            graded = min(SEVERE, max(1, body["severity"] + rng.choice((-1, 1))))
            body = body | {"revision": 2, "severity": graded}
            messages.append(self._message(body, known_ms))
        if rng.random() < habits.confirm * (1 + body["severity"]) / 2:
            known_ms += rng.randint(8, 90) * MINUTE_MS
            if rng.random() < habits.by_other:
                word = {"origin": source, "source": rng.choice(self.others(source)), "revision": 1}
                messages.append(self._message(body | word | {"status": "verified"}, known_ms))
            else:
                messages.append(self.revision(body, known_ms, "verified"))
        return messages

    def report_once(self, incident: SimulatedIncident, source: str) -> SimulatedMessage:
        """A report that nobody revises."""
        known_ms = self._reporting.report_ms(self._rng, source, incident.occurred_ms)
        return self._message(self._body(incident, source), known_ms)

    def double(
        self, incident: SimulatedIncident, first: SimulatedMessage
    ) -> tuple[list[SimulatedMessage], list[OtherEvent]]:
        """What other agencies report of a severe incident under numbers of their own, and its entry in the truth."""
        rng, habits = self._rng, self._habits
        if incident.severity < SEVERE or rng.random() >= habits.doubles:
            return [], []
        messages, names = [], [f"{first.body['source']} {first.body['incident_id']}"]
        last_ms = incident.occurred_ms
        for source in rng.sample(self.others(first.body["source"]), 2 if rng.random() < THREE_NUMBERS else 1):
            at_ms = whole_seconds(incident.occurred_ms + rng.expovariate(1 / habits.noted_min) * MINUTE_MS)
            is_milder = incident.severity == SEVERE and rng.random() < MILDER
            noted = replace(incident, occurred_ms=at_ms, severity=incident.severity - is_milder)
            reports = self.report(noted, source)
            if rng.random() < VILLAGE_ONLY:
                reports = [message._replace(body=_without(message.body, "station")) for message in reports]
            messages += reports
            names.append(f"{source} {reports[0].body['incident_id']}")
            last_ms = max(last_ms, at_ms)
        return messages, [OtherEvent("doubled", self._regency, incident.occurred_ms, last_ms, ", ".join(names))]

    def revision(self, body: dict[str, Any], reported_ms: int, status: str = "retracted") -> SimulatedMessage:
        """The next revision of a source's word."""
        return self._message(body | {"revision": body["revision"] + 1, "status": status}, reported_ms)

    def _body(self, incident: SimulatedIncident, source: str) -> dict[str, Any]:
        body = first_word(incident, source, self._numbers.incident(source), self._offset_min)
        return _without(body, "village", "station") if self._rng.random() < self._reporting.placeless else body

    def _message(self, body: dict[str, Any], reported_ms: int) -> SimulatedMessage:
        reported_ms = whole_seconds(reported_ms) + SECOND_MS
        event = {
            "event_id": self._numbers.event(body["source"], self._regency),
            "reported_at": rfc3339(reported_ms, self._offset_min),
        }
        at_ms = reported_ms + int(self._rng.uniform(*TRANSPORT_S) * SECOND_MS)
        for outage in self._outages:
            if outage.source == body["source"] and outage.start_ms <= at_ms < outage.end_ms:
                at_ms = outage.end_ms + self._rng.randrange(2 * MINUTE_MS)
        return SimulatedMessage(at_ms, "incidents", body | event)


def _without(body: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in names}
