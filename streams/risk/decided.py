"""What people decide about a regency, as entries of the ledger: joins, and what is taken out of the table."""

from schemas.ledger import EVICT, JOIN, Entry
from streams.risk.incidents import Incidents
from streams.risk.joins import Changed, Joins
from streams.risk.removal import Removal
from streams.risk.turnout import Turnout
from streams.storage.incident_records import IncidentRecords
from streams.storage.station_records import StationRecords


class Decided:
    """Applies the decisions about one regency."""

    __slots__ = ("_joins", "_removal")

    def __init__(
        self,
        incidents: Incidents,
        incident_records: IncidentRecords,
        turnout: Turnout,
        station_records: StationRecords,
    ) -> None:
        self._joins = Joins(incidents, incident_records)
        self._removal = Removal(incidents, incident_records, turnout, station_records)

    def take(self, entry: Entry, clock_ms: int) -> Changed:
        """Apply an entry of a kind of DECISIONS: what became of it, and the records of incidents that it replaced."""
        kind, _, *rest = entry
        if kind == JOIN:
            first, second, is_undone, *_ = rest
            return (self._joins.split if is_undone else self._joins.join)(first, second, clock_ms)
        if kind == EVICT:
            source, from_ms, to_ms, *_ = rest
            return self._removal.evict(source, from_ms, to_ms, clock_ms)
        return self._removal.erase(rest[0], clock_ms)
