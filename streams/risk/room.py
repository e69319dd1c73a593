"""How much of what agencies report is held of one regency: a multiple of its polling stations for each agency. Agencies
that the sources file does not name have a bound together, too. One publisher cannot fill the memory of those who warn,
nor take the room of others, whatever names it invents.
"""

from typing import NamedTuple

from schemas.sources import UNKNOWN_MARK


class Room(NamedTuple):
    """The most words, or figures, of one agency; and of those that the sources file does not name the most of all
    together, and the most agencies.
    """

    each: int
    all: int
    agencies: int


UNBOUNDED = Room(2**63, 2**63, 2**63)


class Holdings:
    """How many words, or figures, are held of each agency. Only its methods change it, and who asked for `roomy`.

    An agency of the sources file has its own room alone."""

    __slots__ = ("by_agency", "_room", "_unknown")

    def __init__(self, room: Room = UNBOUNDED) -> None:
        self.by_agency: dict[str, int] = {}
        self._room = room
        self._unknown: set[str] = set()  # agencies that the sources file does not name

    def roomy(self, count: int) -> frozenset[str]:
        """Agencies with room for one more, whatever the next `count` are: until `give` is called, a loop over so many
        may add those of these agencies to `by_agency` itself.
        """
        most = self._room.each - count
        without = self._unknown if self._held_of_unknown() + count > self._room.all else ()
        return frozenset(agency for agency, held in self.by_agency.items() if held <= most and agency not in without)

    def take(self, agency: str) -> bool:
        """Count one more of an agency. False, and nothing changes, where there is no room."""
        held, room = self.by_agency, self._room
        count = held.get(agency, 0)
        if count >= room.each:
            return False
        if agency[0] == UNKNOWN_MARK:
            if self._held_of_unknown() >= room.all or (not count and len(self._unknown) >= room.agencies):
                return False
            self._unknown.add(agency)
        held[agency] = count + 1
        return True

    def put_back(self, agency: str, count: int) -> None:
        """Restore so many of an agency."""
        if agency[0] == UNKNOWN_MARK:
            self._unknown.add(agency)
        self.by_agency[agency] = self.by_agency.get(agency, 0) + count

    def give(self, agency: str) -> None:
        """One less of an agency is held."""
        self.by_agency[agency] -= 1
        if not self.by_agency[agency]:
            del self.by_agency[agency]
            self._unknown.discard(agency)

    def _held_of_unknown(self) -> int:
        return sum(map(self.by_agency.__getitem__, self._unknown))
