"""Evicting and erasing: people take a source's words, or an incident, out of the table by entries of the ledger."""

import re
from dataclasses import dataclass

from apps.history.deciding import CannotDecide
from schemas.fields import SOURCE_PATTERN
from schemas.ledger import ERASE, EVICT, Entry, incident_digest
from schemas.vocabulary import EraseReason, EvictReason
from streams.risk.record import words_of
from streams.risk.regency import RegencyState
from streams.risk.removal import Removal, Said


@dataclass(frozen=True)
class Eviction:
    """A decision to take out what a source said from one time to another (ms since the epoch, both included)."""

    source: str
    from_ms: int
    to_ms: int
    role: str
    reason: EvictReason

    def __post_init__(self) -> None:
        if not re.fullmatch(SOURCE_PATTERN, self.source):
            raise CannotDecide(f"SOURCE: {self.source!r}: not 1 to 32 of a-z, 0-9 and -")
        if self.to_ms < self.from_ms:
            raise CannotDecide("--to: is before --from")

    def entry(self, at_ms: int) -> Entry:
        """The entry of the ledger, written at a time (ms since the epoch)."""
        return [EVICT, at_ms, self.source, self.from_ms, self.to_ms, self.role, self.reason.value]

    def found(self, state: RegencyState) -> Said:
        """What it would take out of a regency."""
        return removal_of(state).said(self.source, self.from_ms, self.to_ms)


@dataclass(frozen=True)
class Erasure:
    """A decision to erase the incident of this key."""

    incident: str
    role: str
    reason: EraseReason

    def entry(self, at_ms: int) -> Entry:
        """The entry of the ledger, written at a time (ms since the epoch). It does not hold the incident's number."""
        return [ERASE, at_ms, incident_digest(self.incident), self.role, self.reason.value]

    def is_held(self, state: RegencyState | None) -> bool:
        """Whether a regency's state has the incident."""
        return state is not None and self.incident in state.incidents.records

    def joined(self, state: RegencyState) -> list[str]:
        """The other numbers that people have joined with it: their words stay."""
        record = state.incidents.records[self.incident]
        root = state.incidents.records[record.joined_to or self.incident]
        return sorted({word.number for word in words_of(root)} - {self.incident})


def removal_of(state: RegencyState) -> Removal:
    """What counts, in a state that was read, what a decision would take out."""
    return Removal(state.incidents, state.incident_records, state.turnout, state.station_records)
