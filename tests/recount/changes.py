"""What must be published of a regency, and what its last escalation said."""

from dataclasses import dataclass, field
from typing import NamedTuple

from tests.recount.scoring import Score


class Change(NamedTuple):
    """A change that must be published. Levels are 0 normal to 3 awas; `groups`: those whose grave incidents decided."""

    kind: str
    reason: str
    level: int
    before: int
    episode: int
    score: Score
    unverified: bool
    groups: tuple[str, ...]
    #: Those on one of which alone the level rests, as far as it is unverified.
    alone: frozenset[str]


class Amendment(NamedTuple):
    """What a published amendment says."""

    reason: str
    unverified: bool


class Urgent(NamedTuple):
    """The level that grave incidents of the last hour require at once; `agencies`: whose they are that require it."""

    level: int = 0
    is_confirmed: bool = False
    groups: tuple[str, ...] = ()
    agencies: frozenset[str] = frozenset()


@dataclass
class LastEscalation:
    """What the last escalation said, and what corrections have done to it since."""

    at_ms: int = 0
    named: list[str] = field(default_factory=list)
    unverified: bool = False
    sole_agency: str = ""
    support: int = 0
    is_wrong: bool = False
    moved: int = 0
    unsure: int = 0
    is_confirmed_since: bool = False
