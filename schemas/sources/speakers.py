"""Who may report on one input topic, by the sources file, ready for the hot path: a look-up for each record."""

from collections.abc import Mapping
from typing import NamedTuple

from schemas.rejected import Rejected
from schemas.vocabulary import RejectReason

#: The rank of a source that the sources file gives no turnout order: after all that have one.
UNRANKED = 1000
#: Sources whose speaker is kept to be found at once; publishers may invent any number of names.
REMEMBERED_MAX = 1000
#: Before the name of a source that the sources file does not name, that is its agency: `?pemantau`. No agency of the
#: file can begin so. It stays inside: whatever is shown has the name without it.
UNKNOWN_MARK = "?"


class Speaker(NamedTuple):
    """What the ledger keeps of a source beside its name: its agency, with UNKNOWN_MARK if the sources file does not
    name the source, and its rank in turnout, lowest first.
    """

    agency: str
    rank: int


_Allowed = tuple[Speaker, frozenset[str] | None]


class Speakers:
    """The sources of one input topic.

    `allowed`: speaker and regencies by source; None is every regency. `refused`: why a source of the file may not
    report here, by source. `other`: why a source that is in neither may not; None accepts it as an agency of its own.
    Reasons hold nothing of a message, for they go into the headers of a rejected record.

    `everywhere`: the speakers met so far that may report on every regency, for a look-up without a call.
    """

    __slots__ = ("everywhere", "_allowed", "_other", "_refused")

    def __init__(
        self,
        allowed: Mapping[str, _Allowed],
        refused: Mapping[str, str],
        other: str | None,
    ) -> None:
        self._allowed, self._refused, self._other = dict(allowed), dict(refused), other
        self.everywhere = {source: speaker for source, (speaker, regencies) in allowed.items() if regencies is None}

    def of(self, source: str, regency: str) -> Speaker:
        """The speaker whose name a message of this topic gives. Raises Rejected (source_not_allowed)."""
        if source not in self._allowed:
            return self._of_other(source)
        speaker, regencies = self._allowed[source]
        if regencies is not None and regency not in regencies:
            raise _refusal("may not report on this regency")
        return speaker

    def _of_other(self, source: str) -> Speaker:
        why = self._refused.get(source, self._other)
        if why is not None:
            raise _refusal(why)
        speaker = Speaker(UNKNOWN_MARK + source, UNRANKED)
        if len(self.everywhere) < REMEMBERED_MAX:
            self.everywhere[source] = speaker
        return speaker


def shown_agency(agency: str) -> str:
    """An agency of the ledger, as messages show it."""
    return agency.removeprefix(UNKNOWN_MARK)


def _refusal(why: str) -> Rejected:
    return Rejected(RejectReason.SOURCE_NOT_ALLOWED, f"source: {why}")
