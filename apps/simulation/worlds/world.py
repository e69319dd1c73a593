"""What a world is: a family of days, drawn by its own means from a seed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from apps.simulation.background import SimulatedIncident
from apps.simulation.messages import SimulatedMessage
from apps.simulation.plan import Plan
from apps.simulation.truth import FlareUp, OtherEvent
from apps.simulation.turnout import turnout
from schemas.roster import Roster


class Drawn(NamedTuple):
    """A day as its world draws it: messages in no particular order, and the truth behind them."""

    messages: list[SimulatedMessage]
    flareups: list[FlareUp]
    others: list[OtherEvent]


@dataclass(frozen=True)
class World:
    """A family of days. `split`: `training`, `validation` or `test`; on days of the last nobody chooses anything.

    `draw` is a pure function of the roster and the plan."""

    name: str
    split: str
    about: str
    draw: Callable[[Roster, Plan], Drawn]


def roster_turnout(
    roster: Roster, plan: Plan, flareups: Sequence[FlareUp], staged: Sequence[SimulatedIncident]
) -> list[SimulatedMessage]:
    """Turnout of the whole roster. `staged`: the incidents of the flare-ups, which silence their stations."""
    if not plan.turnout_every_min or plan.is_campaign:
        return []
    ends = {truth.id: truth.end_ms for truth in flareups}
    blackouts: dict[str, dict[int, tuple[int, int]]] = {}
    for item in staged:
        if item.severity >= 3:  # officials at a grave incident report no turnout until it is over
            blackouts.setdefault(item.regency, {})[item.station] = (item.occurred_ms, ends[item.cause])
    every_min = plan.turnout_every_min
    return [
        message
        for code, regency in roster.items()
        if regency.stations
        for message in turnout(plan.seed, plan.start_ms, regency, plan.offset_min, every_min, blackouts.get(code))
    ]
