"""Which CAP message an escalation becomes (Alert, Update or Cancel), and which earlier messages it references.

An episode of a regency is one chain: one Alert, then Updates, then a Cancel. A silence while the level is normal is a
chain of its own, since it belongs to no episode: `stale` begins it, `recovered` ends it. Chains follow from the topic
alone, so nothing is stored: reading the topic from its beginning rebuilds them."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from schemas.outward import Outward


class MessageType(StrEnum):
    """CAP's `msgType`."""

    ALERT = "Alert"
    UPDATE = "Update"
    CANCEL = "Cancel"


class ChainPosition(NamedTuple):
    """A message's type, the earlier escalations of its chain, and the incident name that the chain shares.

    `is_cut` is true when the beginning of the chain is no longer on the topic."""

    kind: MessageType
    earlier: tuple[Outward, ...]
    incident: str
    is_cut: bool


@dataclass
class _MessageChain:
    incident: str
    escalations: list[Outward] = field(default_factory=list)

    def append(self, escalation: Outward, later: MessageType, is_start: bool) -> ChainPosition:
        """Add an escalation as a message of type `later`.

        The first message of a chain is its Alert, whatever it says: there is nothing to update or cancel."""
        earlier = tuple(self.escalations)
        self.escalations.append(escalation)
        kind = later if earlier else MessageType.ALERT
        return ChainPosition(kind, earlier, self.incident, is_cut=not earlier and not is_start)


class MessageChains:
    """The open chains of all regencies. Append every escalation of a regency in the topic's order."""

    def __init__(self) -> None:
        self._episodes: dict[str, tuple[int, _MessageChain]] = {}
        self._silences: dict[str, _MessageChain] = {}

    def append(self, escalation: Outward) -> ChainPosition:
        """Add the next escalation of its regency to its chain."""
        regency, change = escalation.regency, escalation.change
        if change == "stale" and escalation.level == "normal":
            return self._start_silence(escalation)
        if change == "recovered" and (regency in self._silences or escalation.level == "normal"):
            return self._end_silence(escalation)
        return self._append_to_episode(escalation)

    def _start_silence(self, escalation: Outward) -> ChainPosition:
        chain = self._silences.setdefault(escalation.regency, _MessageChain(_silence_name(escalation)))
        return chain.append(escalation, MessageType.UPDATE, is_start=True)

    def _end_silence(self, escalation: Outward) -> ChainPosition:
        chain = self._silences.pop(escalation.regency, None) or _MessageChain(_silence_name(escalation))
        return chain.append(escalation, MessageType.CANCEL, is_start=False)

    def _append_to_episode(self, escalation: Outward) -> ChainPosition:
        regency, is_start = escalation.regency, escalation.change == "raised" and escalation.previous_level == "normal"
        number, chain = self._episodes.get(regency, (None, None))
        if chain is None or number != escalation.episode:
            chain = _MessageChain(f"{regency}/{escalation.episode}")
        if escalation.change == "cleared":
            self._episodes.pop(regency, None)
            return chain.append(escalation, MessageType.CANCEL, is_start)
        self._episodes[regency] = (escalation.episode, chain)
        return chain.append(escalation, MessageType.UPDATE, is_start)


def _silence_name(escalation: Outward) -> str:
    return f"{escalation.regency}/silence/{escalation.escalation_id[:8]}"
