"""The input of the baselines: distinct, live, real incidents per regency and time step, as known at each step's end.

They come from the same messages as Siaga's fold: admitted by the same gate, deduplicated by event id and incident,
without exercises; a retracted incident is subtracted from the time of its retraction on."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from schemas.ledger import INCIDENT, Entry

# An incident reported later than this counts in the step in which it occurred. If the backlog of a silent source
# counted on arrival, every count detector would alarm on the source instead of the regency.
LATE_MS = 60 * 60_000


@dataclass(slots=True)
class CountedIncident:
    """When an incident was first reported, occurred, and was retracted (None while it holds). Milliseconds."""

    reported_ms: int
    occurred_ms: int
    retracted_ms: int | None = None


class IncidentCounter:
    """Reduces the ledger entries of one regency, in order, to counted incidents.

    An incident holds while a word of any source on it stands."""

    def __init__(self) -> None:
        self._event_ids: set[tuple[str, str]] = set()  # source, event id
        self._words: dict[
            str, dict[str, tuple[int, bool]]
        ] = {}  # incident key -> source -> revision, whether it stands
        self._incidents: dict[str, CountedIncident] = {}

    def add(self, entry: Entry) -> None:
        """Take one ledger entry; anything but a new revision of a word on a real incident changes nothing."""
        if entry[0] != INCIDENT:
            return
        _, at_ms, event_id, incident, revision, _, _, _, status, occurred_ms, _, source, is_exercise, _ = entry
        if is_exercise or (source, event_id) in self._event_ids:
            return
        self._event_ids.add((source, event_id))
        words = self._words.setdefault(incident, {})
        if source in words and revision <= words[source][0]:
            return
        words[source] = revision, status != "retracted"
        counted = self._incidents.setdefault(incident, CountedIncident(at_ms, occurred_ms))
        is_standing = any(stands for _, stands in words.values())
        counted.retracted_ms = None if is_standing else counted.retracted_ms or at_ms

    def incidents(self) -> list[CountedIncident]:
        """All incidents reported so far, retracted ones included."""
        return list(self._incidents.values())


def counts_by_step(
    incidents: Iterable[CountedIncident], start_ms: int, step_ms: int, steps: int
) -> Iterator[list[int]]:
    """At the end of each of `steps` steps: the counts of all steps so far, as known then.

    Yields the same list every time, one element longer."""
    changes = []
    for incident in incidents:
        is_late = incident.reported_ms - incident.occurred_ms > LATE_MS
        index = max(0, ((incident.occurred_ms if is_late else incident.reported_ms) - start_ms) // step_ms)
        changes.append((incident.reported_ms, 1, index))
        if incident.retracted_ms is not None:
            changes.append((incident.retracted_ms, -1, index))
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
