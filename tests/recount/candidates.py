"""Which incidents may be the same under two numbers, and what the lesser of the two weighs meanwhile."""

from collections import defaultdict
from collections.abc import Iterable
from itertools import combinations

from tests.recount.policy import Policy
from tests.recount.words import Incident

MINUTE_MS = 60_000


def rank(incident: Incident) -> tuple[float, int, str]:
    """The order in which the first of two is the one that counts: more evidence at its hour and at pace 1, earlier, by
    number."""
    return -round(incident.digits, 6), incident.word.occurred_ms, incident.id


def pairs(counted: Iterable[Incident], policy: Policy) -> list[tuple[Incident, Incident]]:
    """Pairs of one group at one place that no agency reports both of, near in time: the one that counts first, and of
    pairs the newest.

    None at a place with more incidents of a group than a ruleset looks through.
    """
    rules, places = policy.rules["joining"], defaultdict(list)
    for incident in counted:
        if incident.place:
            places[incident.group, incident.place].append(incident)
    found = [
        (first, second)
        for there in places.values()
        if len(there) <= rules["most"]
        for first, second in combinations(sorted(there, key=rank), 2)
        if not first.agencies & second.agencies
        and abs(first.word.occurred_ms - second.word.occurred_ms) <= rules["within"] * MINUTE_MS
    ]
    return sorted(found, key=_newest_first)


def _newest_first(pair: tuple[Incident, Incident]) -> tuple[int, str, str]:
    first, second = pair
    return -max(first.word.occurred_ms, second.word.occurred_ms), first.id, second.id


def doubles(counted: Iterable[Incident], policy: Policy) -> set[str]:
    """The incidents that count in part until people decide: from the heaviest on, one that is none has as doubles the
    nearest in time of each other agency.
    """
    found: set[str] = set()
    lesser = defaultdict(list)
    for first, second in pairs(counted, policy):
        if len({first.station, second.station} - {""}) < 2:  # another station: another incident, until people decide
            lesser[first.id].append((first, second))
    for first in sorted({of[0][0].id: of[0][0] for of in lesser.values()}.values(), key=rank):
        if first.id in found:
            continue
        nearest: dict[frozenset[str], Incident] = {}
        for _, second in sorted(lesser[first.id], key=lambda pair: rank(pair[1])):
            if second.id not in found:
                held = nearest.setdefault(second.agencies, second)
                if gap(first, second) < gap(first, held):
                    nearest[second.agencies] = second
        found |= {incident.id for incident in nearest.values()}
    return found


def gap(one: Incident, other: Incident) -> int:
    return abs(one.word.occurred_ms - other.word.occurred_ms)


def share_of_double(policy: Policy) -> int:
    """Of its evidence, in whole thousandths."""
    return round(1000 * policy.rules["joining"]["double_weight"])
