"""One election day of a roster: the messages of its world in order of arrival, and the truth behind them."""

from dataclasses import dataclass

from apps.simulation.messages import SimulatedMessage
from apps.simulation.plan import DEFAULT_DATE, DEFAULT_OFFSET_MIN, Plan
from apps.simulation.truth import Truth
from apps.simulation.worlds import WORLDS
from schemas.roster import Roster

__all__ = ["DEFAULT_DATE", "DEFAULT_OFFSET_MIN", "Day", "Plan", "simulate_day"]


@dataclass(frozen=True)
class Day:
    """Messages in order of arrival, and the truth behind them."""

    plan: Plan
    messages: list[SimulatedMessage]
    truth: Truth


def simulate_day(roster: Roster, plan: Plan) -> Day:
    """A day of every regency of the roster. Regencies without stations have no incidents and no turnout.

    Raises ValueError when no regency has stations, and for an unknown world."""
    if not any(regency.stations for regency in roster.values()):
        raise ValueError("roster, stations: no regency has any, so there is nothing to simulate")
    if plan.world not in WORLDS:
        raise ValueError(f"world: {plan.world!r} is none of {', '.join(WORLDS)}")
    messages, flareups, others = WORLDS[plan.world].draw(roster, plan)
    messages.sort(key=lambda message: (message.at_ms, message.topic, message.body["source"], message.body["event_id"]))
    truth = Truth(plan.seed, plan.start_ms, tuple(roster), tuple(flareups), tuple(others))
    return Day(plan, messages, truth)
