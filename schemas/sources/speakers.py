"""Who may report on one input topic, by the sources file, ready for the hot path: a look-up for each record."""

from collections.abc import Mapping
from typing import NamedTuple

from schemas.rejected import Rejected
from schemas.vocabulary import RejectReason

#: The rank of a source that the sources file gives no turnout order: after all that have one.
UNRANKED = 1000


class Speaker(NamedTuple):
    """What the ledger keeps of a source beside its name: its agency, and its rank in turnout, lowest first."""

    agency: str
    rank: int


class Speakers:
    """The sources of one input topic.

    `allowed`: speaker and regencies by source; None is every regency. `refused`: why a source of the file may not
    report here, by source. `other`: why a source that is in neither may not; None accepts it as an agency of its own.
    Reasons hold nothing of a message, for they go into the headers of a rejected record.
    """

    __slots__ = ("_allowed", "_other", "_refused")

    def __init__(
        self,
        allowed: Mapping[str, tuple[Speaker, frozenset[str] | None]],
        refused: Mapping[str, str],
        other: str | None,
    ) -> None:
        self._allowed, self._refused, self._other = dict(allowed), dict(refused), other

    def of(self, source: str, regency: str) -> Speaker:
        """The speaker whose name a message of this topic gives. Raises Rejected (source_not_allowed)."""
        known = self._allowed.get(source)
        if known is None:
            return self._of_other(source)
        speaker, regencies = known
        if regencies is not None and regency not in regencies:
            raise _refusal("may not report on this regency")
        return speaker

    def _of_other(self, source: str) -> Speaker:
        why = self._refused.get(source, self._other)
        if why is not None:
            raise _refusal(why)
        return Speaker(source, UNRANKED)


def _refusal(why: str) -> Rejected:
    return Rejected(RejectReason.SOURCE_NOT_ALLOWED, f"source: {why}")
