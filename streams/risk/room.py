"""How much of what agencies tell is held of one regency: a multiple of its polling stations for each agency, and so
many times that for all of them. One publisher cannot fill the memory of those who warn, nor take the room of others.
"""

from typing import NamedTuple


class Room(NamedTuple):
    """The most words, or figures, of one agency and of all together, and the most agencies."""

    each: int
    all: int
    agencies: int


UNBOUNDED = Room(2**63, 2**63, 2**63)


class Holdings:
    """How many words, or figures, are held of each agency. Only its methods change it."""

    __slots__ = ("by_agency", "_all", "_room")

    def __init__(self, room: Room = UNBOUNDED) -> None:
        self.by_agency: dict[str, int] = {}
        self._all = 0
        self._room = room

    def take(self, agency: str) -> bool:
        """Count one more of an agency. False, and nothing changes, where there is no room."""
        held, room = self.by_agency, self._room
        count = held.get(agency, 0)
        if count >= room.each or self._all >= room.all or (not count and len(held) >= room.agencies):
            return False
        held[agency] = count + 1
        self._all += 1
        return True

    def put_back(self, agency: str, count: int) -> None:
        """Restore so many of an agency."""
        self.by_agency[agency] = self.by_agency.get(agency, 0) + count
        self._all += count

    def give(self, agency: str) -> None:
        """One less of an agency is held."""
        self._all -= 1
        self.by_agency[agency] -= 1
        if not self.by_agency[agency]:
            del self.by_agency[agency]
