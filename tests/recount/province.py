"""A province folded along its ledger entries and compared with its rows and escalations."""

from collections import Counter
from collections.abc import Iterator

from tests.recount.comparison import Comparison, differences
from tests.recount.contract import ms
from tests.recount.known import MANY
from tests.recount.ladder import Ladder
from tests.recount.ledger import Entry
from tests.recount.pace import Members
from tests.recount.policy import LEVELS, Policy


class ProvinceComparison(Comparison):
    """All of it is whole numbers: nothing may differ."""

    def __init__(
        self, code: str, members: dict[str, int], partition: int, policy: Policy, rows: dict, escalations: list
    ) -> None:
        """`members`: how many stations each has."""
        super().__init__(code, partition, policy, rows, escalations)
        self.ladder, self.members = Ladder(policy), Members(members, policy)
        #: The agency on which a member's level rests alone, empty where it does not.
        self.soles = dict.fromkeys(members, "")
        self.published_ms, self.published_unverified, self.is_confirmed_since = 0, False, False
        self.levels, self.statuses = dict.fromkeys(members, "normal"), dict.fromkeys(members, "silent")
        self.since_ms = self.episode = 0

    def frame(self, frame: list[Entry], published: list[dict]) -> Iterator[tuple[str, str]]:
        for entry in frame:
            f, before = entry.fields, self.ladder.level
            self.since_ms = self.since_ms or f[1]
            self.clock_ms = max(self.clock_ms, f[1])
            passed_ms, self.grid_ms = self.grid_ms, self.policy.grid(self.clock_ms)
            if f[0] == "n":
                self._notice(f)
            elif f[0] == "c":
                self.members.take(f)
            if self.grid_ms != passed_ms:
                self.told += self.members.due(self.code, self.clock_ms, self.grid_ms).items()
            self.ladder.look(self.grid_ms, sum(self.points().values()), 0, True)
            if self.ladder.level == before and not self._is_amendment_due():
                continue
            if self.ladder.level != before:
                self.since_ms = self.clock_ms
                self.episode += before == 0
            if not published:
                yield "B", f"missing: {LEVELS[before]} to {LEVELS[self.ladder.level]}"
                return
            yield from (("B", fault) for fault in self._escalation_faults(published.pop(0), before, frame[0].offset))
        for escalation in published:
            yield "B", f"spurious: {escalation['change']} to {escalation['level']}"

    def _notice(self, f: list) -> None:
        """A member's level, data status and the agency on which the level rests alone."""
        member, level, status, sole = f[2], f[3], f[6], f[8]
        is_lower = LEVELS.index(level) < LEVELS.index(self.levels[member])
        self.is_confirmed_since |= bool(self.soles[member]) and not sole and not is_lower
        self.levels[member], self.statuses[member], self.soles[member] = level, status, sole

    def points(self) -> dict[str, int]:
        """Points of the members at each level, the highest level first, limited to 100 together."""
        points, left, cut = {}, 100, self._cut()
        for level in reversed(LEVELS[1:]):
            got = min(left, sum(self._points_of(level).values()) - cut[level])
            points[f"members_{level}"], left = got, left - got
        return points

    def _points_of(self, level: str) -> Counter[str]:
        """What the members at a level give, by the agency on which their levels rest alone."""
        each: int = self.policy.rules["province"][f"member_{level}"]
        found: Counter[str] = Counter()
        for member, at in self.levels.items():
            found[self.soles[member]] += each * (at == level)
        return found

    def _cut(self) -> Counter[str]:
        """Points cut at each level, the lowest first, because one agency gives no more than `one_agency_most`."""
        most, levels = self.policy.rules["province"]["one_agency_most"], LEVELS[1:]
        of, cut = {level: self._points_of(level) for level in levels}, Counter[str]()
        for agency in {*self.soles.values()} - {"", MANY}:
            excess = sum(of[level][agency] for level in levels) - most
            for level in levels:
                less = min(of[level][agency], max(0, excess))
                cut[level], excess = cut[level] + less, excess - less
        return cut

    def _is_unverified(self) -> bool:
        """Whether the points of members whose own level is verified would not reach the level."""
        if not self.ladder.level:
            return False
        sure = sum(self._points_of(level)[""] for level in LEVELS[1:])
        return sure < min(sum(self.points().values()), self.ladder.rungs[self.ladder.level - 1]["raise_at"])

    def _is_amendment_due(self) -> bool:
        has_paused = self.grid_ms - self.published_ms >= self.policy.rules["ladder"]["amend_every"] * 60_000
        is_confirmed = self.published_unverified and self.is_confirmed_since and not self._is_unverified()
        return is_confirmed and has_paused

    def _escalation_faults(self, e: dict, before: int, offset: int) -> Iterator[str]:
        level, points = self.ladder.level, self.points()
        rung, is_fall = self.ladder.rungs[max(level, before) - 1], level < before
        change = "raised" if level > before else "amended" if level == before else "lowered" if level else "cleared"
        unverified = self._is_unverified() and (not is_fall or self.published_unverified)
        self.published_ms, self.published_unverified, self.is_confirmed_since = self.grid_ms, unverified, False
        want = {
            "schema": "siaga.escalation/2",
            "regency": self.code,
            "name": f"Province {self.code}",
            "episode": self.episode,
            "change": change,
            "level": LEVELS[level],
            "previous_level": LEVELS[before],
            "score": sum(points.values()),
            "threshold": rung["lower_below"] if is_fall else rung["raise_at"],
            "reason": {"raised": "members", "amended": "confirmation"}.get(change, "calm"),
            "components": points,
            "evidence": [],
            "routes": self.policy.rules["province"]["routes"],
            "unverified": unverified,
            "event_time": self.clock_ms,
            "ruleset": self.policy.name,
            "ledger": {"partition": self.partition, "offset": offset},
            "odds": None,
        }
        return differences(e | {"event_time": ms(e["event_time"])}, want, "escalation_id")

    def row_faults(self, row: dict, offset: int) -> Iterator[str]:
        levels, points = list(self.levels.values()), self.points()
        want = {
            "schema": "siaga.province/2",
            "province": self.code,
            "level": LEVELS[self.ladder.level],
            "score": sum(points.values()),
            "since": self.since_ms,
            "as_of": self.clock_ms,
            "regencies": {level: levels.count(level) for level in LEVELS},
            "elevated": [
                {"regency": code, "level": level}
                for code, level in sorted(self.levels.items(), key=lambda item: (-LEVELS.index(item[1]), item[0]))
                if level != "normal"
            ],
            "not_live": sorted(code for code, status in self.statuses.items() if status != "live"),
            "components": points,
            "ruleset": self.policy.name,
            "ledger": {"partition": self.partition, "offset": offset},
        }
        return differences(row | {"since": ms(row["since"]), "as_of": ms(row["as_of"])}, want)
