"""The province roll-up: the levels of its regencies in one row, and many raised regencies as one escalation.

Its members send it their level changes through the ledger, like neighbours. The same ladder as a regency's decides on
its level, from a score that adds points per member by level, so that many members cause one escalation of the province
and no flapping.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from schemas.ledger import COUNTS, NEIGHBOUR, TICK, Entry
from schemas.roster import Regency
from schemas.vocabulary import LEVELS, Change, Reason
from streams.province_pace import ProvincePace
from streams.risk.levels import Ladder
from streams.risk.words import MANY
from streams.rules import Rules

_MOST = 100


class ProvinceEscalation(NamedTuple):
    """One change to publish. Levels are 0 normal to 3 awas."""

    change: Change
    reason: Reason
    level: int
    previous_level: int
    is_unverified: bool


class ProvinceState:
    """What a province knows of its members: the regencies of its code in the roster. Only its methods change it."""

    def __init__(self, code: str, members: list[Regency], rules: Rules) -> None:
        self.code = code
        self.members = {member.code: member for member in members}
        self.rules = rules
        self.clock_ms = self.grid_ms = self.since_ms = 0
        self.offset = -1
        self.levels: dict[str, int] = {}  # of members above normal
        self.statuses: dict[str, str] = {}  # data status of members that sent one
        self.ladder = Ladder()
        self.episode = self.sequence = 0
        self.pace = ProvincePace(code, members, rules)
        self.paces: list[tuple[str, Entry]] = []  # to be sent, by member; the caller of `fold` takes them
        self._sole_agencies: dict[str, str] = {}  # of members above normal whose level rests on one agency
        # The last escalation:
        self._published_ms, self._is_published_unverified = 0, False
        self._is_confirmed_since = False  # an unverified member has since been verified at no lower level

    def fold(self, offset: int, entries: list[Entry]) -> Iterator[ProvinceEscalation]:
        """Fold one ledger frame; yield each escalation before the next entry is folded. Raises ValueError for an entry
        of another kind than a tick or a notice.
        """
        self.offset = offset
        for entry in entries:
            before_ms = self.grid_ms
            self._advance(entry[1])
            if entry[0] == NEIGHBOUR:
                self._take_notice(entry)
            elif entry[0] == COUNTS:
                self.pace.take(entry)
            elif entry[0] != TICK:
                raise ValueError(f"ledger entry of kind {entry[0]!r} is not for a province")
            if self.grid_ms != before_ms:
                self.paces += self.pace.due(self.grid_ms, self.clock_ms)
            yield from self._evaluate()

    def score(self) -> tuple[int, dict[int, int]]:
        """Sum of the members' points, at most 100, and the points by level. The cap trims the lowest level first.

        Levels that rest on the same agency alone have at most `one_agency_most` points together: what is too much is
        taken from these, from the lowest level first."""
        each, left = self.rules.member_points, _MOST
        points = dict.fromkeys((3, 2, 1), 0)
        for level in self.levels.values():
            points[level] += each[level]
        for agency in set(self._sole_agencies.values()) - {MANY}:
            own = [self.levels[code] for code, of in self._sole_agencies.items() if of == agency]
            excess = sum(each[level] for level in own) - self.rules.one_agency_most
            for level in sorted(own):
                less = min(each[level], max(0, excess))
                points[level] -= less
                excess -= less
        for level in points:
            points[level] = got = min(left, points[level])
            left -= got
        return _MOST - left, points

    def stored(self) -> dict[str, Any]:
        """The state record's fields."""
        return {
            "offset": self.offset,
            "clock": {"now_ms": self.clock_ms, "grid_ms": self.grid_ms},
            "ladder": self.ladder.stored(),
            "since_ms": self.since_ms,
            "levels": self.levels,
            "statuses": self.statuses,
            "sole_agencies": self._sole_agencies,
            "pace": self.pace.stored(),
            "published": {
                "episode": self.episode,
                "sequence": self.sequence,
                "at_ms": self._published_ms,
                "is_unverified": self._is_published_unverified,
                "is_confirmed_since": self._is_confirmed_since,
            },
        }

    def restore(self, stored: dict[str, Any]) -> None:
        """Take back what `stored` returned."""
        clock, published = stored["clock"], stored["published"]
        self.offset = stored["offset"]
        self.clock_ms, self.grid_ms = clock["now_ms"], clock["grid_ms"]
        self.ladder.restore(stored["ladder"])
        self.since_ms = stored["since_ms"]
        self.levels, self.statuses = stored["levels"], stored["statuses"]
        self._sole_agencies = stored["sole_agencies"]
        self.pace.restore(stored["pace"])
        self.episode, self.sequence = published["episode"], published["sequence"]
        self._published_ms, self._is_published_unverified = published["at_ms"], published["is_unverified"]
        self._is_confirmed_since = published["is_confirmed_since"]

    def known(self) -> set[str]:
        """The members of which anything is held."""
        return self.levels.keys() | self.statuses.keys() | self.pace.known()

    def _advance(self, at_ms: int) -> None:
        if not self.clock_ms:
            self.since_ms = at_ms
        if at_ms > self.clock_ms:
            self.clock_ms = at_ms
            self.grid_ms = self.rules.grid(at_ms)

    def _take_notice(self, entry: Entry) -> None:
        _, _, code, level_name, _, _, status, _, sole_agency = entry
        level = LEVELS.index(level_name)
        is_unverified = bool(sole_agency) and level > 0
        if code in self._sole_agencies and not is_unverified and level >= self.levels[code]:
            self._is_confirmed_since = True
        self.statuses[code] = status
        if level:
            self.levels[code] = level
        else:
            self.levels.pop(code, None)
        if is_unverified:
            self._sole_agencies[code] = sole_agency
        else:
            self._sole_agencies.pop(code, None)

    def _evaluate(self) -> Iterator[ProvinceEscalation]:
        """An escalation when the province's level changed, or when what was published unverified is confirmed now."""
        before = self.ladder.level
        score, _ = self.score()
        self.ladder.step(self.grid_ms, score, 0, self.rules.rungs, self.rules.keep_ms, False)
        after = self.ladder.level
        if after == before and not self._is_confirmation_due():
            return
        if after != before:
            self.since_ms = self.clock_ms
            self.episode += before == 0
        self.sequence += 1
        # A fall never makes the province unverified, as with a regency.
        is_unverified = self._is_unverified() and (after > before or self._is_published_unverified)
        self._published_ms, self._is_published_unverified = self.grid_ms, is_unverified
        self._is_confirmed_since = False
        yield ProvinceEscalation(*_change(before, after), after, before, is_unverified)

    def _is_unverified(self) -> bool:
        """Without the members whose own level rests on one agency the score would not carry the level."""
        level = self.ladder.level
        if not level or not self._sole_agencies:
            return False
        points = self.rules.member_points
        verified = sum(points[held] for code, held in self.levels.items() if code not in self._sole_agencies)
        return verified < min(self.score()[0], self.rules.rungs[level - 1].raise_at)

    def _is_confirmation_due(self) -> bool:
        """Whether what was published as unverified is to be amended. A member's fall to normal confirms nothing."""
        if not (self._is_published_unverified and self._is_confirmed_since):
            return False
        return self.grid_ms - self._published_ms >= self.rules.amend_ms and not self._is_unverified()


def _change(before: int, after: int) -> tuple[Change, Reason]:
    if after == before:
        return Change.AMENDED, Reason.CONFIRMATION
    if after > before:
        return Change.RAISED, Reason.MEMBERS
    return (Change.LOWERED if after else Change.CLEARED), Reason.CALM
