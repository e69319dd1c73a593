"""What a province sends its regencies each quarter hour: what all others of them hold (streams/risk/pace.py).

A minute after the quarter hour, when the members' counts have come. What one member holds counts up to a multiple of
what the upper quartile of the members holds, by its stations, so a flare-up or a flood in less than a quarter of them
is no pace. What one agency reported anywhere counts up to what is expected of all, or what all other agencies reported.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from math import floor
from typing import Any

from schemas.ledger import PACE, Entry
from schemas.roster import Regency
from schemas.vocabulary import MINUTE_MS
from streams.risk.evidence import MILLI
from streams.risk.history import counted
from streams.risk.pace import Counts
from streams.rules import SCORED, SLOT_MS, Rules

_AFTER_MS = MINUTE_MS
#: By category: by member and agency what counts, and by agency of all members.
_Limited = dict[str, tuple[dict[str, dict[str, int]], Counter[str]]]


class ProvincePace:
    """The counts of the members of a province. Only its methods change it."""

    __slots__ = ("_code", "_stations", "_rules", "_counts", "_sent_quarter", "_is_new")

    def __init__(self, code: str, members: Sequence[Regency], rules: Rules) -> None:
        self._code, self._rules = code, rules
        self._stations = {member.code: member.stations for member in members if member.stations}
        self._counts: dict[str, tuple[int, Counts]] = {}  # of each member the last, with its time
        self._sent_quarter = 0  # Unix time
        self._is_new = False  # counts came since the last sending

    def take(self, entry: Entry) -> None:
        """Take a member's counts."""
        _, at_ms, member, recent, past = entry
        if member in self._stations:
            self._counts[member] = at_ms, Counts(recent, past)
            self._is_new = True

    def due(self, grid_ms: int, clock_ms: int) -> Iterator[tuple[str, Entry]]:
        """(member, entry) of each that is to be sent at this evaluation time; it is sent then."""
        quarter = grid_ms // SLOT_MS
        begins_ms = quarter * SLOT_MS
        if not self._is_new or quarter == self._sent_quarter or grid_ms - begins_ms < _AFTER_MS:
            return
        if all(at_ms < begins_ms for at_ms, _ in self._counts.values()):
            return
        self._sent_quarter, self._is_new = quarter, False
        held = {code: counts for code, (at_ms, counts) in self._counts.items() if at_ms >= begins_ms - SLOT_MS}
        limited, slot = self._limited(held), self._rules.local_ms(grid_ms) // SLOT_MS
        for member in self._stations:
            if others := [code for code in held if code != member]:
                past = [sum(held[code].past[group] for code in others) for group in range(SCORED)]
                stations = sum(self._stations[code] for code in others)
                recent = self._counted(limited, member, stations, slot)
                yield member, [PACE, clock_ms, self._code, stations, recent, past]

    def stored(self) -> dict[str, Any]:
        """The fields of the state record."""
        counts = {code: [at_ms, *counts] for code, (at_ms, counts) in self._counts.items()}
        return {"counts": counts, "sent_quarter": self._sent_quarter, "is_new": self._is_new}

    def restore(self, stored: dict[str, Any]) -> None:
        """Take back what `stored` returned."""
        self._counts = {code: (at_ms, Counts(*counts)) for code, (at_ms, *counts) in stored["counts"].items()}
        self._sent_quarter, self._is_new = stored["sent_quarter"], stored["is_new"]

    def known(self) -> set[str]:
        """The members that have sent counts."""
        return set(self._counts)

    def _limited(self, held: Mapping[str, Counts]) -> _Limited:
        """What counts of the members, categories in the ruleset's order."""
        rules, limited = self._rules, _Limited()
        free = round(MILLI * rules.pace_free)
        for category in rules.categories:
            counts = {code: of.recent.get(category, {}) for code, of in held.items()}
            totals = {code: sum(by_agency.values()) for code, by_agency in counts.items()}
            if not any(totals.values()):
                continue
            rates = sorted(total / self._stations[code] for code, total in totals.items())
            most = rules.pace_member_most * rates[3 * (len(rates) - 1) // 4]
            for code, total in totals.items():
                if total > (limit := floor(most * self._stations[code]) + free):
                    counts[code] = {agency: count * limit // total for agency, count in counts[code].items()}
            in_all = Counter[str]()
            for by_agency in counts.values():
                in_all.update(by_agency)
            limited[category] = counts, in_all
        return limited

    def _counted(self, limited: _Limited, member: str, stations: int, slot: int) -> dict[str, int]:
        """By category what counts of all but this member, who have so many stations."""
        rules, found = self._rules, {}
        for category, (counts, in_all) in limited.items():
            own = counts.get(member, {})
            others = {agency: count - own.get(agency, 0) for agency, count in in_all.items()}
            expected = rules.reports_per_station(category, slot) * stations
            if count := counted(others, round(MILLI * (expected + rules.pace_free))):
                found[category] = count
        return found
