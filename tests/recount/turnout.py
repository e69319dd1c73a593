"""What is odd about the turnout of a regency, in points, and what of it rests on one agency."""

import math

from tests.recount.known import Known
from tests.recount.policy import Policy


def turnout(known: Known, without: str = "") -> float:
    """Points. `without`: an agency, as if it had told nothing; empty: none."""
    held, t, expected = known.held, known.policy.rules["turnout"], known.place.stations
    if not held.stations and not held.unlisted:
        return 0.0
    stations = [station for station in held.stations.values() if station.figure.agency != without]
    odd = {
        "over_capacity": sum(station.figure.is_over for station in stations),
        "corrected": sum(station.repeats > 1 for station in stations),
        "conflicting": sum(
            bool(station.disputed) and not any(without in pair for pair in station.disputed)
            for station in held.stations.values()
        ),
        "unlisted": sum(station.figure.agency != without for station in held.unlisted.values())
        + max(0, len(stations) - expected),
    }
    points = sum(max(0.0, n - t[f"{name}_free"] * expected) * t[f"{name}_points"] for name, n in odd.items())
    if held.stations and 2 * len(stations) >= len(held.stations):
        points += _missing(known) + (t["outlier_points"] if _leaves_every_curve(known) else 0)
    return min(t["most"], points)


def _missing(known: Known) -> float:
    t, expected, policy = known.policy.rules["turnout"], known.place.stations, known.policy
    if policy.local_hours(known.grid_ms) < policy.rules["election"]["reports_due"]:
        return 0.0
    missing = max(0.0, (expected - len(known.held.stations)) / expected - t["missing_free"]) / (1 - t["missing_free"])
    points: float = missing * t["missing_points"]
    return points


def _leaves_every_curve(known: Known) -> bool:
    share, t = known.share(), known.policy.rules["turnout"]
    if share is None:
        return False
    stations = known.of_one_vote()
    figures_ms = sum(s.registered * s.as_of_ms for s in stations) / sum(s.registered for s in stations)
    above = share / 10_000 - _curve(known.policy, figures_ms)
    others = sorted(share / 10_000 for share in known.shares.values())
    if len(others) < 3:
        return above > t["curve"]["gap"]
    middle = (others[(len(others) - 1) // 2] + others[len(others) // 2]) / 2
    return abs(share / 10_000 - middle) > t["outlier_gap"] and abs(above) > t["curve"]["gap"]


def _curve(policy: Policy, at_ms: float) -> float:
    """The expected share at a moment: that of each full local hour, linear in between."""
    shares, hours = policy.rules["turnout"]["curve"]["shares"], policy.local_hours(at_ms)
    before = math.floor(hours)
    return shares[before] + (shares[min(before + 1, 23)] - shares[before]) * (hours - before)
