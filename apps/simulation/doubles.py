"""Doubles: severe incidents that other agencies report too, under numbers of their own and without naming the first.

What they note differs: the time at which they heard of it or were there, in whole minutes or in round ones, sometimes a
milder severity, sometimes the village alone. All of these are assumptions (docs/evaluation.md).
"""

import math
from dataclasses import replace
from random import Random
from typing import Any

from apps.simulation.background import SimulatedIncident
from apps.simulation.messages import SimulatedMessage
from apps.simulation.reporting import Reporter, other_sources
from apps.simulation.truth import OtherEvent
from schemas.vocabulary import MINUTE_MS

SEVERE = 3  # severity from which several agencies come to one incident
# Share of the reported severe incidents that is reported under two or three numbers. The laboratory sets 0.30.
DOUBLES = 0.05
THREE_NUMBERS = 1 / 3  # of these, under three
# Another agency notes a later time: log-normal, half within 8 min, one in seven above 20 min, 6 % above 30 min, 2 %
# above 45 min.
NOTED_MEDIAN_MIN, NOTED_SIGMA, NOTED_MAX_MIN = 8.0, 0.85, 90.0
ROUND_SHARE, ROUND_MIN = 0.5, 5  # half of the notes are rounded to five minutes
MILDER = 0.2  # another agency takes an incident of severity 3 for one of 2
VILLAGE_ONLY = 0.3  # another agency knows the village and not the station


class DoubleReporter:
    """Reports some of the incidents of one regency again, by other agencies.

    `rng` draws what is doubled and what is noted; `share` of the severe incidents is doubled; `reporter` writes the
    messages, with a random stream of its own.
    """

    def __init__(self, rng: Random, share: float, reporter: Reporter) -> None:
        self._rng, self._share, self._reporter = rng, share, reporter

    def report(
        self, incident: SimulatedIncident, first: SimulatedMessage
    ) -> tuple[list[SimulatedMessage], list[OtherEvent]]:
        """What other agencies report of an incident whose first report is `first`, and its entry in the truth."""
        if incident.severity < SEVERE:
            return [], []
        # Drawn for every severe incident: a greater share doubles the same incidents and others besides.
        rng = self._rng
        is_doubled, others = rng.random() < self._share, 2 if rng.random() < THREE_NUMBERS else 1
        sources = rng.sample(other_sources(first.body["source"]), others)
        notes = [(source, self._noted(incident), rng.random() < VILLAGE_ONLY) for source in sources]
        if not is_doubled:
            return [], []
        told = [self._told(*note) for note in notes]
        firsts = [first, *(messages[0] for messages in told)]
        names = ", ".join(f"{message.body['source']} {message.body['incident_id']}" for message in firsts)
        last_ms = max(incident.occurred_ms, *(noted.occurred_ms for _, noted, _ in notes))
        truth = OtherEvent("doubled", incident.regency, incident.occurred_ms, last_ms, names)
        return [message for messages in told for message in messages], [truth]

    def _told(self, source: str, noted: SimulatedIncident, is_village_only: bool) -> list[SimulatedMessage]:
        messages = self._reporter.report_by(noted, source)
        if not is_village_only:
            return messages
        return [message._replace(body=_without_station(message.body)) for message in messages]

    def _noted(self, incident: SimulatedIncident) -> SimulatedIncident:
        """The incident as another agency has it."""
        rng = self._rng
        later_min = min(rng.lognormvariate(math.log(NOTED_MEDIAN_MIN), NOTED_SIGMA), NOTED_MAX_MIN)
        occurred_ms = incident.occurred_ms + int(later_min * MINUTE_MS)
        occurred_ms -= occurred_ms % (ROUND_MIN * MINUTE_MS if rng.random() < ROUND_SHARE else MINUTE_MS)
        is_milder = rng.random() < MILDER and incident.severity == SEVERE
        return replace(incident, occurred_ms=occurred_ms, severity=SEVERE - 1 if is_milder else incident.severity)


def _without_station(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name != "station"}
