"""Doubles that nobody has decided on: incidents that may be one under two numbers count as the ruleset says.

As the fold's candidates (streams/risk/candidates.py): of one group and one village, of agencies that have none in
common, within `joining.within` of each other; of such the graver counts in full and takes one of each other agency.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator

from apps.calibration.reports import Incident
from schemas.ruleset import Ruleset
from schemas.stations import station_of, village_of
from schemas.vocabulary import MINUTE_MS


def weighed(incidents: Iterable[Incident], ruleset: Ruleset) -> Iterator[tuple[Incident, float]]:
    """Each incident with how much of it counts."""
    rule = ruleset.joining
    by_place: defaultdict[tuple[str, str, str], list[Incident]] = defaultdict(list)
    for incident in incidents:
        village = village_of(incident.place or "")
        if not village:
            yield incident, 1.0
            continue
        by_place[incident.regency, ruleset.categories[incident.category].group, village].append(incident)
    for found in by_place.values():
        doubles = _doubles(found, rule.within.value * MINUTE_MS, int(rule.most.value))
        for incident in found:
            yield incident, rule.double_weight.value if incident.number in doubles else 1.0


def _doubles(found: list[Incident], within_ms: float, most: int) -> set[str]:
    """The numbers that count for less, of one place."""
    by_time = sorted(found, key=lambda item: item.occurred_ms)
    times = [item.occurred_ms for item in by_time]
    doubles: set[str] = set()
    for first in sorted(found, key=_rank):
        begin, end = (
            bisect_left(times, first.occurred_ms - within_ms),
            bisect_right(times, first.occurred_ms + within_ms),
        )
        if first.number in doubles or end - begin > most:  # so many at one place are no matter of pairs
            continue
        nearest: dict[frozenset[str], Incident] = {}
        for other in by_time[begin:end]:
            if other.number not in doubles and _rank(other) > _rank(first) and _may_be_one(first, other):
                held = nearest.setdefault(other.agencies, other)
                if abs(other.occurred_ms - first.occurred_ms) < abs(held.occurred_ms - first.occurred_ms):
                    nearest[other.agencies] = other
        doubles.update(other.number for other in nearest.values())
    return doubles


def _rank(incident: Incident) -> tuple[int, int, str]:
    """The graver first, of equals the earlier."""
    return -incident.severity, incident.occurred_ms, incident.number


def _may_be_one(first: Incident, other: Incident) -> bool:
    stations = {station_of(incident.place or "") for incident in (first, other)} - {""}
    return len(stations) < 2 and first.agencies.isdisjoint(other.agencies)
