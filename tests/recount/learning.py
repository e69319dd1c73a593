"""How much more or less a regency reports than ordinary days bring, by what it itself told before."""

from collections import Counter

from tests.recount.known import MANY, Known
from tests.recount.policy import GROUPS, HOUR_MS


def learn(known: Known) -> dict[str, float]:
    """What each group's expectation is scaled by: the live incidents that were told 24 to 6 full hours before the hour
    of the evaluation, against ordinary days.
    """
    s, hour = known.policy.surprise, known.grid_ms // HOUR_MS
    start, end = max((hour - 24) * HOUR_MS, known.began_ms), (hour - 6) * HOUR_MS
    if end <= start:
        return dict.fromkeys(GROUPS, 1.0)
    told: dict[str, Counter[str]] = {group: Counter() for group in GROUPS}
    for incident in known.live.values():
        if incident.group in told and 6 < hour - incident.since_ms // HOUR_MS <= 24:
            told[incident.group][MANY if incident.is_confirmed else next(iter(incident.behind))] += 1
    factors = {}
    for group, shares in told.items():
        ordinary = known.policy.ordinary_reports(known.place.stations, (group,), start, end)
        seen = sum(
            count if agency == MANY else min(count, max(ordinary, shares.total() - count))
            for agency, count in shares.items()
        )
        factor = (s["learning"] + seen) / (s["learning"] + ordinary)
        factors[group] = min(s["learned_most"], max(s["learned_least"], factor))
    return factors
