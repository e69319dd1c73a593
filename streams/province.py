"""The province roll-up: the levels of its regencies in one row, and a storm of them as one escalation.

Its members tell it their level changes through the ledger, like neighbours. The same ladder as a regency's decides on
its level, from a score that adds points per member by level, so that many members cause one escalation of the province
and no flapping.
"""

import orjson

from schemas.ledger import NEIGHBOUR, TICK, Entry
from schemas.roster import Regency
from schemas.vocabulary import LEVELS, Change, Reason
from streams.messages import ESCALATION_SCHEMA, escalation_id
from streams.moments import rfc3339
from streams.risk.levels import Ladder, Phase
from streams.rules import Rules

SCHEMA = "siaga.province/1"
_MOST = 100


class ProvinceState:
    """What a province knows of its members. `members` are the regencies of its code in the roster."""

    def __init__(self, code: str, members: list[Regency], rules: Rules) -> None:
        self.code = code
        self.members = {member.code: member for member in members}
        self.rules = rules
        self.clock_ms = self.grid_ms = self.since_ms = 0
        self.offset = -1
        self.levels: dict[str, int] = {}  # members above normal
        self.doubted: set[str] = set()  # those of them whose level no second source bears out
        self.statuses: dict[str, str] = {}  # data status of members that told one
        self.ladder = Ladder()
        self.episode = self.sequence = 0
        self.told_ms, self.told_unverified = 0, False  # what the last escalation said, and when
        self.is_borne_out = False  # a second source has since borne out a doubted member at no lower level

    def step(self, entry: Entry, partition: int, offset: int) -> dict | None:
        """Take one entry; an escalation when the province's level changed, or what was told of it is borne out now."""
        self._advance(entry[1])
        if entry[0] == NEIGHBOUR:
            self._told(entry)
        elif entry[0] != TICK:
            raise ValueError(f"ledger entry of kind {entry[0]!r} is not for a province")
        before = self.ladder.level
        score, _ = self.score()
        self.ladder.step(self.grid_ms, score, 0, self.rules.rungs, self.rules.keep_ms, False)
        after = self.ladder.level
        if after == before and not self._is_confirmed_since():
            return None
        if after != before:
            self.since_ms = self.clock_ms
            self.episode += before == 0
        self.sequence += 1
        return self._escalation(before, after, partition, offset)

    def score(self) -> tuple[int, dict[str, int]]:
        """Sum of the members' points, at most 100, and the points by level of member; the gravest count first."""
        points, left = {}, _MOST
        for level in (3, 2, 1):
            count = sum(1 for held in self.levels.values() if held == level)
            points["members_" + LEVELS[level]] = got = min(left, count * self.rules.member_points[level])
            left -= got
        return _MOST - left, points

    def row(self, partition: int) -> dict:
        """The roll-up row as of the province's clock."""
        score, components = self.score()
        counts = dict.fromkeys(LEVELS, 0)
        for code in self.members:
            counts[LEVELS[self.levels.get(code, 0)]] += 1
        return {
            "schema": SCHEMA,
            "province": self.code,
            "level": LEVELS[self.ladder.level],
            "score": score,
            "since": rfc3339(self.since_ms),
            "as_of": rfc3339(self.clock_ms),
            "regencies": counts,
            "elevated": [{"regency": code, "level": LEVELS[level]} for code, level in self._gravest_first()],
            "not_live": sorted(code for code in self.members if self.statuses.get(code, "silent") != "live"),
            "components": components,
            "ruleset": self.rules.id,
            "ledger": {"partition": partition, "offset": self.offset},
        }

    def store(self) -> bytes:
        ladder = self.ladder
        return orjson.dumps(
            {
                "clock": [self.clock_ms, self.grid_ms, self.since_ms],
                "offset": self.offset,
                "levels": self.levels,
                "doubted": sorted(self.doubted),
                "statuses": self.statuses,
                "ladder": [ladder.phases, ladder.since_ms, ladder.changed_ms],
                "counts": [self.episode, self.sequence],
                "told": [self.told_ms, self.told_unverified, self.is_borne_out],
            }
        )

    def restore(self, value: bytes) -> None:
        stored = orjson.loads(value)
        self.clock_ms, self.grid_ms, self.since_ms = stored["clock"]
        self.offset = stored["offset"]
        self.levels, self.statuses = stored["levels"], stored["statuses"]
        # States of earlier builds know nothing of doubt.
        self.doubted = set(stored.get("doubted", ()))
        self.told_ms, self.told_unverified, self.is_borne_out = stored.get("told", (0, False, False))
        phases, self.ladder.since_ms, self.ladder.changed_ms = stored["ladder"]
        self.ladder.phases = [Phase(phase) for phase in phases]
        self.episode, self.sequence = stored["counts"]

    def _advance(self, at_ms: int) -> None:
        if not self.clock_ms:
            self.since_ms = at_ms
        if at_ms > self.clock_ms:
            self.clock_ms = at_ms
            self.grid_ms = self.rules.grid(at_ms)

    def _told(self, entry: Entry) -> None:
        code, level = entry[2], LEVELS.index(entry[3])
        is_doubted = level > 0 and len(entry) > 8 and entry[8]  # ledgers of earlier builds say less
        if code in self.doubted and not is_doubted and level >= self.levels[code]:
            self.is_borne_out = True
        if level:
            self.levels[code] = level
        else:
            self.levels.pop(code, None)
        if len(entry) > 6:
            self.statuses[code] = entry[6]
        if is_doubted:
            self.doubted.add(code)
        else:
            self.doubted.discard(code)

    def _is_unverified(self) -> bool:
        """Without the members whose own level rests on one source the score would not carry the level."""
        level = self.ladder.level
        if not level or not self.doubted:
            return False
        sure = sum(self.rules.member_points[held] for code, held in self.levels.items() if code not in self.doubted)
        return sure < min(self.score()[0], self.rules.rungs[level - 1].raise_at)

    def _is_confirmed_since(self) -> bool:
        """Doubt that ends because the doubted calm down is no confirmation."""
        if not (self.told_unverified and self.is_borne_out) or self.grid_ms - self.told_ms < self.rules.amend_ms:
            return False
        return not self._is_unverified()

    def _gravest_first(self) -> list[tuple[str, int]]:
        return sorted(self.levels.items(), key=lambda item: (-item[1], item[0]))

    def _escalation(self, before: int, after: int, partition: int, offset: int) -> dict:
        score, components = self.score()
        change, reason = _change(before, after)
        is_fall = after < before
        rung = self.rules.rungs[max(before, after) - 1]
        # A fall takes no doubt up that was not told, as with a regency.
        unverified = self._is_unverified() and (after > before or self.told_unverified)
        self.told_ms, self.told_unverified, self.is_borne_out = self.grid_ms, unverified, False
        return {
            "schema": ESCALATION_SCHEMA,
            "escalation_id": escalation_id(self.code, self.episode, self.sequence, partition, offset),
            "regency": self.code,
            "name": f"Province {self.code}",
            "episode": self.episode,
            "change": change.value,
            "level": LEVELS[after],
            "previous_level": LEVELS[before],
            "score": score,
            "threshold": rung.lower_below if is_fall else rung.raise_at,
            "reason": reason.value,
            "components": components,
            "evidence": [],
            "routes": list(self.rules.province_routes),
            "unverified": unverified,
            "event_time": rfc3339(self.clock_ms),
            "ruleset": self.rules.id,
            "ledger": {"partition": partition, "offset": offset},
        }


def _change(before: int, after: int) -> tuple[Change, Reason]:
    if after == before:
        return Change.AMENDED, Reason.CONFIRMATION
    if after > before:
        return Change.RAISED, Reason.MEMBERS
    return (Change.LOWERED if after else Change.CLEARED), Reason.CALM
