"""The state of a regency that its score is computed of, as plain lists."""

from dataclasses import dataclass, field

from tests.recount.candidates import doubles, share_of_double
from tests.recount.outcomes import Outcomes
from tests.recount.policy import DAY_MS, GROUPS, Place, Policy
from tests.recount.polls import Figure
from tests.recount.words import Incident

#: Instead of an agency's name, for incidents that more than one agency reports.
MANY = "*"


def teller(incident: Incident) -> str:
    """The agency that alone reports an incident; MANY when several do."""
    return MANY if incident.is_confirmed else next(iter(incident.behind))


@dataclass
class Known:
    """The state of a regency as of `grid_ms`, the last time at which scores are evaluated."""

    place: Place
    policy: Policy
    held: Outcomes
    clock_ms: int = 0
    grid_ms: int = 0
    began_ms: int = 0
    incidents: dict[str, Incident] = field(default_factory=dict)
    #: Those of the last 24 h that stand.
    live: dict[str, Incident] = field(default_factory=dict)
    #: Local days on which a station voted again, each later than those before.
    revote_days: list[int] = field(default_factory=list)
    #: Of neighbours: their levels, and the agency on which a level rests alone, empty where it does not.
    levels: dict[str, str] = field(default_factory=dict)
    soles: dict[str, str] = field(default_factory=dict)
    shares: dict[str, int] = field(default_factory=dict)
    learned: dict[str, float] = field(default_factory=lambda: dict.fromkeys(GROUPS, 1.0))
    #: Of the province's pace, where it is known: its steps by category, and by group the factor of the hours before.
    steps: dict[str, int] = field(default_factory=dict)
    past: dict[str, float] = field(default_factory=dict)

    def put(self, incident: Incident) -> None:
        """Hold an incident as it is told now."""
        i = incident
        i.group = self.policy.group_of[i.word.category]
        i.digits = self._digits(i)
        self._weigh(i)
        self.drop(i.id)
        self.incidents[i.id] = i
        if i.stands and i.word.occurred_ms > self.grid_ms - DAY_MS:
            self.live[i.id] = i

    def set_pace(self, steps: dict[str, int], past: dict[str, float]) -> None:
        """Another pace is in force: all that counts is weighed again."""
        self.steps, self.past = steps, past
        for incident in self.live.values():
            self._weigh(incident)

    def _digits(self, i: Incident, step: int = 0) -> float:
        policy, word = self.policy, i.word
        if not policy.factor(word.category, word.status):
            return 0.0
        hour = int(policy.local_hours(word.occurred_ms))
        return policy.report_weight(self.place.stations, word.category, word.status, word.severity, hour, step)

    def _weigh(self, i: Incident) -> None:
        """By the pace in force."""
        age = self.policy.steps(i.word.occurred_ms) - self.policy.steps(self.began_ms)
        i.evidence = self._digits(i, self.steps.get(i.word.category, 0)) * 2 ** (age / 256)

    def drop(self, number: str) -> None:
        """Forget an incident, for it goes by another number now."""
        self.incidents.pop(number, None)
        self.live.pop(number, None)

    def note_vote(self, figure: Figure) -> None:
        """A station has voted again."""
        day = self.policy.local_day(figure.as_of_ms)
        if day > max(self.revote_days, default=0):
            self.revote_days.append(day)

    def figures(self) -> list[Figure]:
        """Of each station the one in force."""
        return [station.figure for station in self.held.stations.values()]

    def of_one_vote(self) -> list[Figure]:
        """The stations that make up the share: those with figures from the last day of a new vote on, or the others if
        these are more. With several such days the others have figures of several votes and make none."""
        if not self.revote_days:
            return self.figures()
        parts: dict[bool, list[Figure]] = {True: [], False: []}
        for figure in self.figures():
            parts[self.policy.local_day(figure.as_of_ms) >= self.revote_days[-1]].append(figure)
        if len(parts[True]) >= len(parts[False]):
            return parts[True]
        return parts[False] if len(self.revote_days) == 1 else []

    def pass_to(self, grid_ms: int) -> None:
        self.grid_ms = grid_ms
        self.live = {i.id: i for i in self.live.values() if i.word.occurred_ms > grid_ms - DAY_MS}

    def scoring(self) -> list[Incident]:
        return [i for i in self.live.values() if i.evidence]

    def weighing(self) -> dict[str, float]:
        """The evidence of each incident that can score: of a double, the part that counts until people decide."""
        in_part, share = self.doubles(), share_of_double(self.policy) / 1000
        return {i.id: i.evidence * (share if i.id in in_part else 1) for i in self.scoring()}

    def doubles(self) -> set[str]:
        """The incidents that count in part."""
        return doubles(self.live.values(), self.policy)

    def decay(self) -> float:
        """What a digit of the first entry's time is worth now. Age is counted in whole steps."""
        return 2 ** ((self.policy.steps(self.began_ms) - self.policy.steps(self.grid_ms)) / 256)

    def share(self) -> int | None:
        """Turnout share in ten-thousandths; None while fewer stations than make a curve have reported."""
        stations = self.of_one_vote()
        if len(stations) < self.policy.rules["turnout"]["outlier_stations_least"]:
            return None
        return 10_000 * sum(s.voted for s in stations) // sum(s.registered for s in stations)
