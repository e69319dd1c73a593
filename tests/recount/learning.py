"""How much more or less a regency reports than ordinary days bring, by what it itself told before."""

from collections import Counter

from tests.recount.known import MANY, Known, teller
from tests.recount.policy import GROUPS, HOUR_MS

#: Full hours before the hour of an evaluation; the last three are left out, of whatever flare-up runs now.
FROM_HOURS, UNTIL_HOURS = 24, 3


def learn(known: Known) -> dict[str, float]:
    """What each group's expectation is scaled by: the live incidents that were told 24 to 3 full hours before the hour
    of the evaluation, against ordinary days at the pace that the province had then.
    """
    s, (start, end) = known.policy.surprise, hours(known, known.grid_ms)
    if end <= start:
        return dict.fromkeys(GROUPS, 1.0)
    factors = {}
    for group, of_rates in ordinary_before(known).items():
        ordinary = of_rates * known.past.get(group, 1.0)
        factor = (s["learning"] + counted(known, group, ordinary) / 1000) / (s["learning"] + ordinary)
        factors[group] = min(s["learned_most"], max(s["learned_least"], factor))
    return factors


def ordinary_before(known: Known) -> dict[str, float]:
    """How many reports of each group ordinary days bring in these hours."""
    when = hours(known, known.grid_ms)
    return {group: known.policy.ordinary_reports(known.place.stations, (group,), *when) for group in GROUPS}


def counted(known: Known, group: str, ordinary: float) -> int:
    """How many incidents of these hours count, in thousandths: of one agency no more than are ordinary, or than all
    others have."""
    hour, told = known.grid_ms // HOUR_MS, Counter[str]()
    for incident in known.live.values():
        if incident.group == group and UNTIL_HOURS < hour - incident.since_ms // HOUR_MS <= FROM_HOURS:
            told[teller(incident)] += 1000
    return of_agencies(told, round(1000 * ordinary))


def of_agencies(told: Counter[str], free: int) -> int:
    """How much counts of what agencies told: of one that alone tells it what is free, or as much as all others have."""
    total = told.total()
    return sum(count if agency == MANY else min(count, max(free, total - count)) for agency, count in told.items())


def hours(known: Known, at_ms: int) -> tuple[int, int]:
    """When they begin and end; the end is not later where there are none yet."""
    hour = at_ms // HOUR_MS
    return max((hour - FROM_HOURS) * HOUR_MS, known.began_ms), (hour - UNTIL_HOURS) * HOUR_MS
