"""Reports that do not count: drills, repeats, outdated revisions, and event ids that were used for another message.

An id that is not new belongs to a repeat when its body is what is held of its source, or older than that: then it
changes nothing, whatever its id. Of a report that was not applied, as a drill, nothing is held, so its body is noted.
"""

from schemas.ledger import INCIDENT, Entry
from streams.risk.event_ids import EventIds, identity_of, with_body_of
from streams.risk.incidents import Incidents
from streams.risk.record import word_of
from streams.risk.turnout import Turnout

DUPLICATE, EXERCISE, ID_REUSED, SURPLUS = "duplicate", "exercise", "id_reused", "surplus"


class Repeats:
    """Says of a regency's reports why they do not count."""

    __slots__ = ("_event_ids", "_incidents", "_turnout")

    def __init__(self, event_ids: EventIds, incidents: Incidents, turnout: Turnout) -> None:
        self._event_ids, self._incidents, self._turnout = event_ids, incidents, turnout

    def excluded(self, entry: Entry, is_drill: bool) -> str:
        """Of a report that is a drill, or whose id is not new. Of a drill the id is noted here."""
        if is_drill:
            if self._event_ids.is_new(identity_of(entry)):
                self._event_ids.is_new(with_body_of(entry))
                return EXERCISE
            is_held = False
        else:
            is_held = self._has_word(entry) if entry[0] == INCIDENT else self._has_figure(entry)
        return DUPLICATE if is_held or self._event_ids.is_known(with_body_of(entry)) else ID_REUSED

    def outdated(self, entry: Entry) -> str:
        """Of a report whose id is new, and whose source has reported the same revision or a later one."""
        self._event_ids.is_new(with_body_of(entry))
        return DUPLICATE

    def surplus(self, entry: Entry) -> str:
        """Of a report whose id is new, and for which there is no room."""
        self._event_ids.is_new(with_body_of(entry))
        return SURPLUS

    def _has_word(self, entry: Entry) -> bool:
        _, _, _, number, revision, place, category, severity, status, occurred_ms, reported_ms, source, *_ = entry
        word = word_of(self._incidents.records, number, source)
        if word is None or revision != word.revision:
            return word is not None and revision < word.revision
        said = (self._incidents.rules.kinds[category, severity], status, occurred_ms, reported_ms, place)
        return said == (word.kind, word.status, word.occurred_ms, word.reported_ms, word.place)

    def _has_figure(self, entry: Entry) -> bool:
        _, _, _, station, registered, voted, as_of_ms, revision, source, *_ = entry
        figure = self._turnout.figure_by(station, source)
        if figure is None or (as_of_ms, revision) != figure[:2]:
            return figure is not None and (as_of_ms, revision) < figure[:2]
        return (registered, voted) == (figure.registered, figure.voted)
