"""Joining: people say that two numbers are one incident, or take that back, as one entry of the ledger."""

from dataclasses import dataclass

from apps.history.deciding import CannotDecide, shown
from apps.history.present_state import incident_of
from schemas.ledger import JOIN, Entry
from schemas.vocabulary import JoinReason
from streams.risk.regency import RegencyState


@dataclass(frozen=True)
class Join:
    """A decision about two incidents of one regency, given by their incident keys; `role` of schemas.vocabulary.ROLES.

    `is_undone`: the second number is an incident of its own again; else both are one, under the first one's number.
    """

    first: str
    second: str
    is_undone: bool
    role: str
    reason: JoinReason

    def __post_init__(self) -> None:
        if self.first == self.second:
            raise CannotDecide(f"{shown(self.first)} is given twice")
        if self.reason is JoinReason.JOINED_BY_MISTAKE and not self.is_undone:
            raise CannotDecide(f"{self.reason} is a reason to undo a join, not to make one")

    def entry(self, at_ms: int) -> Entry:
        """The entry of the ledger, written at a time (ms since the epoch)."""
        return [JOIN, at_ms, self.first, self.second, self.is_undone, self.role, self.reason.value]


def check_state(state: RegencyState | None, join: Join) -> None:
    """Raises CannotDecide when a number is unknown, or when the two are already as the decision wants them."""
    numbers = join.first, join.second
    incidents = [incident_of(state, number) if state else None for number in numbers]
    if unknown := [shown(number) for number, found in zip(numbers, incidents, strict=True) if found is None]:
        raise CannotDecide(f"{' and '.join(unknown)}: no incident of this number is held; see `siaga explain`")
    if (incidents[0] == incidents[1]) is not join.is_undone:
        raise CannotDecide("they are two incidents already" if join.is_undone else "they are one incident already")


def is_done(state: RegencyState | None, join: Join) -> bool:
    """Whether the two are as the decision wants them."""
    if state is None:
        return False
    return (incident_of(state, join.first) == incident_of(state, join.second)) is not join.is_undone
