"""How much of what agencies tell is held of one regency: a multiple of its polling stations for each agency. Agencies
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
    """How many words, or figures, are held of each agency. Only its methods change it.

    An agency of the sources file has its own room alone, so nothing but its count changes with one more of it.
    """

    __slots__ = ("by_agency", "_room", "_unknown", "_unknown_agencies")

    def __init__(self, room: Room = UNBOUNDED) -> None:
        self.by_agency: dict[str, int] = {}
        self._room = room
        self._unknown = 0  # held of agencies that the sources file does not name
        self._unknown_agencies = 0

    def take(self, agency: str) -> bool:
        """Count one more of an agency. False, and nothing changes, where there is no room."""
        held, room = self.by_agency, self._room
        count = held.get(agency, 0)
        if count >= room.each:
            return False
        if agency[0] == UNKNOWN_MARK:
            if self._unknown >= room.all or (not count and self._unknown_agencies >= room.agencies):
                return False
            self._unknown += 1
            self._unknown_agencies += not count
        held[agency] = count + 1
        return True

    def put_back(self, agency: str, count: int) -> None:
        """Restore so many of an agency."""
        if agency[0] == UNKNOWN_MARK:
            self._unknown += count
            self._unknown_agencies += agency not in self.by_agency
        self.by_agency[agency] = self.by_agency.get(agency, 0) + count

    def give(self, agency: str) -> None:
        """One less of an agency is held."""
        left = self.by_agency[agency] - 1
        if left:
            self.by_agency[agency] = left
        else:
            del self.by_agency[agency]
        if agency[0] == UNKNOWN_MARK:
            self._unknown -= 1
            self._unknown_agencies -= not left
