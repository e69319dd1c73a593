"""Points for what is odd about a regency's turnout, and how many of them rest on one agency alone."""

from collections.abc import Sequence
from math import floor
from statistics import median

from schemas.vocabulary import HOUR_MS
from streams.risk.station import NO_COUNTS, Counts
from streams.risk.turnout import Turnout
from streams.rules import Rules

NEIGHBOURS_LEAST = 3  # fewer neighbours make no median


def turnout_points(rules: Rules, turnout: Turnout, shares: dict[str, int], now_ms: int) -> int:
    """Points for what is odd about turnout.

    Over capacity, repeated corrections, agencies that contradict each other, stations that do not exist or should have
    reported, a share far from the neighbours'. Low turnout as such gives no points, nor does a regency without any
    figure.
    """
    counts = turnout.counts
    if not counts.reported and not counts.unlisted:
        return 0
    return _whole(rules, _of_stations(rules, turnout, NO_COUNTS) + _of_all(rules, turnout, shares, now_ms))


def turnout_alone(rules: Rules, turnout: Turnout, shares: dict[str, int], now_ms: int, points: int) -> dict[str, int]:
    """Of `points`, those that are there only because of one agency's stations, by agency.

    What all figures give together, stations that miss and a share far from others, rests on an agency of which more
    than half of the figures are.
    """
    together = _of_all(rules, turnout, shares, now_ms)
    alone = {}
    for agency, own in turnout.by_agency.items():
        left = 0.0 if 2 * own.reported > turnout.counts.reported or own == turnout.counts else together
        if less := points - _whole(rules, _of_stations(rules, turnout, own) + left):
            alone[agency] = less
    return alone


def _whole(rules: Rules, points: float) -> int:
    return min(rules.turnout_most, floor(points))


def _of_stations(rules: Rules, turnout: Turnout, less: Counts) -> float:
    """Points for single stations, with so many of them less."""
    rule, stations, counts = rules.turnout, turnout.expected, turnout.counts
    reported, unlisted = counts.reported - less.reported, counts.unlisted - less.unlisted
    return sum(
        max(0.0, count - free.value * stations) * points.value
        for count, free, points in (
            (counts.over_capacity - less.over_capacity, rule.over_capacity_free, rule.over_capacity_points),
            (counts.repeated - less.repeated, rule.corrected_free, rule.corrected_points),
            (counts.conflicting - less.conflicting, rule.conflicting_free, rule.conflicting_points),
            (unlisted + max(0, reported - stations), rule.unlisted_free, rule.unlisted_points),
        )
    )


def _of_all(rules: Rules, turnout: Turnout, shares: dict[str, int], now_ms: int) -> float:
    """Points for what all figures show together."""
    rule, stations, reported, got = rules.turnout, turnout.expected, turnout.shown_reported, 0.0
    if rules.local_ms(now_ms) >= rules.reports_due_ms and stations > reported > 0:
        missing = (stations - reported) / stations - rule.missing_free.value
        got += max(0.0, missing) / (1 - rule.missing_free.value or 1) * rule.missing_points.value
    if is_outlier(rules, turnout, shares):
        got += rule.outlier_points.value
    return got


def is_outlier(rules: Rules, turnout: Turnout, shares: dict[str, int]) -> bool:
    """Whether the share is far from every curve there is: that of at least three neighbours, and the election's own.

    Without neighbours' shares only more than the election's curve allows is odd: low turnout as such is nothing.
    """
    rule, curve = rules.turnout, rules.turnout.curve
    own = turnout.share_myriad(rules.curve_stations)
    if own is None:
        return False
    is_far, is_above = True, False  # from the election's own curve, where the ruleset has one
    if curve is not None:
        above = own - election_share(curve.shares, rules.local_ms(turnout.as_of_ms()))
        is_far, is_above = abs(above) > 10_000 * curve.gap.value, above > 10_000 * curve.gap.value
    if len(shares) < NEIGHBOURS_LEAST:
        return is_above
    return is_far and abs(own - median(shares.values())) > 10_000 * rule.outlier_gap.value


def election_share(shares: Sequence[float], local_ms: int) -> float:
    """The election's own curve at a time of the day, in ten-thousandths: linear between full hours, constant after the
    last. `shares`: of registered voters, by full hour.
    """
    hour, rest_ms = divmod(local_ms, HOUR_MS)
    here, there = shares[hour], shares[min(hour + 1, len(shares) - 1)]
    return 10_000 * (here + (there - here) * rest_ms / HOUR_MS)
