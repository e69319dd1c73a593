"""What was published of a regency: the running episode and its last escalation about the level.

An escalation is amended when it no longer holds: an incident that it cites has another weight, corrections of what it
does not cite have moved the score, or words of a second agency on an incident that it cites stand now, or no longer.
"""

from collections.abc import Container
from typing import TypedDict

from streams.risk.record import Record, is_confirmed
from streams.rules import Rules


class StoredPublished(TypedDict):
    """What was published, as a state record holds it."""

    episode: int
    sequence: int
    at_ms: int
    cited: list[str]
    sole_agency: str
    support: int
    is_citation_changed: bool
    corrected_points: int
    is_confirmed_since: bool


class Published:
    """The running episode of one regency. Others read the attributes; only the methods change them."""

    __slots__ = (
        "episode", "sequence", "sole_agency", "support", "is_confirmed_since", "_rules", "_at_ms", "_cited",
        "_is_citation_changed", "_corrected_points",
    )  # fmt: skip

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self.episode = 0  # counts the episodes of the regency
        self.sequence = 0  # counts its escalations
        self.sole_agency = ""  # on which what was published rests alone
        self.support = 0  # points in the last escalation, without the prior's
        self.is_confirmed_since = False  # a second agency has since confirmed an incident that it cites
        self._at_ms = 0  # evaluation time of the last escalation about the level
        self._cited: list[str] = []  # incident ids
        self._is_citation_changed = False  # an incident that it cites has another weight now
        self._corrected_points = 0  # points that corrections of other incidents and of turnout have moved since

    @property
    def is_unverified(self) -> bool:
        """Whether what was published rests on one agency."""
        return bool(self.sole_agency)

    def change_level(self, before: int, after: int, sole_agency: str, grid_ms: int) -> None:
        """The level rose or fell. A rise from normal begins an episode."""
        self.episode += not before
        if after > before or not after:
            self.is_confirmed_since = False
        self._publish(sole_agency, grid_ms)

    def amend(self, sole_agency: str, grid_ms: int) -> None:
        """The last escalation was amended."""
        self._publish(sole_agency, grid_ms)

    def rest_on(self, sole_agency: str) -> None:
        """What was published rests on this agency now. When it rests on none alone any more, it is amended instead."""
        self.sole_agency = sole_agency or self.sole_agency

    def number_next(self) -> int:
        """The sequence number of the next escalation."""
        self.sequence += 1
        return self.sequence

    def cite(self, incident_ids: list[str], support: int) -> None:
        """The incidents that the last escalation cites, and its points without the prior's."""
        self._cited, self.support = incident_ids, support

    def is_cited(self, incident_id: str) -> bool:
        """Whether the last escalation cites an incident."""
        return incident_id in self._cited

    def revise_cited(self, old: Record, new: Record | None) -> None:
        """An incident that the last escalation cites was revised, or taken out of the table: then it confirms nothing.
        Joined to another one, it goes by that one's number.
        """
        if new is None:
            self._is_citation_changed = True
            if is_confirmed(old):
                self.is_confirmed_since = False
            return
        self._is_citation_changed |= new.incident != old.incident
        if is_confirmed(old) != is_confirmed(new):
            self.is_confirmed_since = is_confirmed(new)
            self._is_citation_changed |= is_confirmed(old)  # what was confirmed is not so any more
        self._is_citation_changed |= _weight(new) != _weight(old)

    def cite_only(self, held: Container[str]) -> None:
        """Some incidents were taken out of the table and these are left: the state does not name the others."""
        self._cited = [incident_id for incident_id in self._cited if incident_id in held]

    def move_points(self, points: int) -> bool:
        """A correction has moved the score by so many points. True when enough have moved for an amendment."""
        self._corrected_points += abs(points)
        return self._corrected_points >= self._rules.amend_points

    def needs_correction(self) -> bool:
        """Whether what the last escalation says of its incidents or of the score is no longer so."""
        return self._is_citation_changed or self._corrected_points >= self._rules.amend_points

    def may_amend(self, grid_ms: int) -> bool:
        """Whether `amend_every` has passed since the last escalation about the level."""
        return grid_ms - self._at_ms >= self._rules.amend_ms

    def stored(self) -> StoredPublished:
        """The fields of the state record."""
        return {
            "episode": self.episode,
            "sequence": self.sequence,
            "at_ms": self._at_ms,
            "cited": self._cited,
            "sole_agency": self.sole_agency,
            "support": self.support,
            "is_citation_changed": self._is_citation_changed,
            "corrected_points": self._corrected_points,
            "is_confirmed_since": self.is_confirmed_since,
        }

    def restore(self, stored: StoredPublished) -> None:
        """Take back what `stored` returned."""
        self.episode, self.sequence, self._at_ms = stored["episode"], stored["sequence"], stored["at_ms"]
        self._cited, self.sole_agency, self.support = stored["cited"], stored["sole_agency"], stored["support"]
        self._is_citation_changed = stored["is_citation_changed"]
        self._corrected_points = stored["corrected_points"]
        self.is_confirmed_since = stored["is_confirmed_since"]

    def _publish(self, sole_agency: str, grid_ms: int) -> None:
        self.sole_agency, self._at_ms = sole_agency, grid_ms
        self._is_citation_changed, self._corrected_points = False, 0


def _weight(record: Record) -> tuple[object, ...]:
    """What makes up how much an incident weighs."""
    return record.kind, record.kind.pressure_milli[record.status], record.occurred_ms
