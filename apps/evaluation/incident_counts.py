"""What the baselines see: distinct, live, real incidents per regency, counted per step as known at each step's end.

The same messages that Siaga's fold is given: admitted by the same gate, deduplicated by event id and incident,
exercises left out, retracted ones taken back at the moment of their retraction."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from schemas.ledger import INCIDENT, Entry

# An incident told later than this is counted where it occurred: it corrects the past and raises nothing now. Counting a
# silent source's backlog as of its arrival would make every count detector alarm on the source, not on the regency.
LATE_MS = 60 * 60_000


@dataclass(slots=True)
class CountedIncident:
    """One incident: first heard of, occurred, and retracted (None while it stands). Milliseconds."""

    heard_ms: int
    occurred_ms: int
    retracted_ms: int | None = None


class IncidentCounter:
    """Ledger entries of one regency, in order, reduced to sightings."""

    def __init__(self) -> None:
        self._events: set[str] = set()
        self._incidents: dict[str, tuple[int, CountedIncident]] = {}

    def note(self, entry: Entry) -> None:
        """Take one ledger entry; anything but a real incident's new revision changes nothing."""
        if entry[0] != INCIDENT:
            return
        _, at_ms, event_id, incident_id, revision, _, _, _, status, occurred_ms, _, _, is_exercise = entry
        if is_exercise or event_id in self._events:
            return
        self._events.add(event_id)
        known = self._incidents.get(incident_id)
        if known is not None and revision <= known[0]:
            return
        sighting = known[1] if known else CountedIncident(at_ms, occurred_ms)
        retracted = status == "retracted"
        sighting.retracted_ms = (sighting.retracted_ms or at_ms) if retracted else None
        self._incidents[incident_id] = (revision, sighting)

    def sightings(self) -> list[CountedIncident]:
        """All incidents ever heard of."""
        return [sighting for _, sighting in self._incidents.values()]


def histories(sightings: Iterable[CountedIncident], start_ms: int, step_ms: int, steps: int) -> Iterator[list[int]]:
    """After each of `steps` steps: the counts of the steps so far, as known then. The list is one and the same,
    growing.
    """
    changes = []
    for sighting in sightings:
        late = sighting.heard_ms - sighting.occurred_ms > LATE_MS
        index = max(0, ((sighting.occurred_ms if late else sighting.heard_ms) - start_ms) // step_ms)
        changes.append((sighting.heard_ms, 1, index))
        if sighting.retracted_ms is not None:
            changes.append((sighting.retracted_ms, -1, index))
    changes.sort(key=lambda change: change[0])
    counts: list[int] = []
    position = 0
    for step in range(steps):
        counts.append(0)
        end_ms = start_ms + (step + 1) * step_ms
        while position < len(changes) and changes[position][0] < end_ms:
            _, sign, index = changes[position]
            counts[min(index, step)] += sign
            position += 1
        yield counts
