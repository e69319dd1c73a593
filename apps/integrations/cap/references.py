"""Which CAP message an escalation becomes, and which earlier ones it speaks of.

An episode of a regency is one chain: one Alert, then Updates, then a Cancel. Silence while the level is normal is a
chain of its own, for it belongs to no episode: stale begins it, recovered ends it. The chains follow from the topic
alone, so nothing is stored: read the topic from its beginning and they are there."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from schemas.escalation import Escalation


class MessageType(StrEnum):
    ALERT = "Alert"
    UPDATE = "Update"
    CANCEL = "Cancel"


class Link(NamedTuple):
    """Where a message stands: its type, the identifiers and times of the earlier ones, the incident they share.

    `is_cut` is true when the chain's beginning is no longer on the topic.
    """

    kind: MessageType
    earlier: tuple[Escalation, ...]
    incident: str
    is_cut: bool


@dataclass
class _Chain:
    incident: str
    messages: list[Escalation] = field(default_factory=list)


class Chains:
    """The open chains of all regencies. Feed it every escalation of a regency in the topic's order."""

    def __init__(self) -> None:
        self._episodes: dict[str, tuple[int, _Chain]] = {}
        self._silences: dict[str, _Chain] = {}

    def link(self, escalation: Escalation) -> Link:
        """Place the next escalation of its regency."""
        regency, change = escalation.regency, escalation.change
        if change == "stale" and escalation.level == "normal":
            return self._silence(escalation)
        if change == "recovered" and (regency in self._silences or escalation.level == "normal"):
            return self._silence_ends(escalation)
        return self._episode(escalation)

    def _silence(self, escalation: Escalation) -> Link:
        name = f"{escalation.regency}/silence/{escalation.escalation_id[:8]}"
        chain = self._silences.setdefault(escalation.regency, _Chain(name))
        return _append(chain, escalation, MessageType.UPDATE, is_start=True)

    def _silence_ends(self, escalation: Escalation) -> Link:
        name = f"{escalation.regency}/silence/{escalation.escalation_id[:8]}"
        chain = self._silences.pop(escalation.regency, None) or _Chain(name)
        return _append(chain, escalation, MessageType.CANCEL, is_start=False)

    def _episode(self, escalation: Escalation) -> Link:
        regency, is_start = escalation.regency, escalation.change == "raised" and escalation.previous_level == "normal"
        number, chain = self._episodes.get(regency, (None, None))
        if chain is None or number != escalation.episode:
            chain = _Chain(f"{regency}/{escalation.episode}")
        if escalation.change == "cleared":
            self._episodes.pop(regency, None)
            return _append(chain, escalation, MessageType.CANCEL, is_start)
        self._episodes[regency] = (escalation.episode, chain)
        return _append(chain, escalation, MessageType.UPDATE, is_start)


def _append(chain: _Chain, escalation: Escalation, later: MessageType, is_start: bool) -> Link:
    """The first message of a chain is its Alert, whatever it says: there is nothing to update or cancel."""
    earlier = tuple(chain.messages)
    chain.messages.append(escalation)
    return Link(later if earlier else MessageType.ALERT, earlier, chain.incident, not earlier and not is_start)
