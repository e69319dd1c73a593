"""The record of an incident: the facts of its gravest standing word, who stands behind it, and its other words."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import NamedTuple

from schemas.vocabulary import Status
from streams.risk.evidence import Kind
from streams.risk.words import MANY, Word, gravest, severe_from, standing_agency

#: In place of a status: people have joined the incident to another one, which has its words.
JOINED = "joined"
#: Statuses of an incident that does not count.
UNCOUNTED = frozenset({JOINED, Status.RETRACTED.value})


class Record(NamedTuple):
    """An incident. From `revision` to `place` the fields are those of its gravest standing word.

    `sole_agency`: the only agency whose word stands, or MANY. `since_ms`: the regency's clock when it was first
    reported as severe as it is now; 0 if no word stands. `segment`: the number of the state segment that holds it.
    `words`: all words, empty while there is only the one whose facts these are. `joined_to`: the incident that has its
    words, or "".
    """

    incident: str
    revision: int
    kind: Kind
    status: str
    occurred_ms: int
    source: str
    segment: int
    sole_agency: str
    since_ms: int
    reported_ms: int
    place: str | None
    words: tuple[Word, ...]
    joined_to: str

    @property
    def stands(self) -> bool:
        """Whether any word on it stands and it is not joined to another incident."""
        return self.status not in UNCOUNTED


#: The fields of a Record.
Report = tuple[
    str, int, Kind, str, int, str, int, str, int, int, str | None, tuple[Word, ...], str
]  # fmt: skip
#: Makes a Record of a tuple of its fields. Its own constructor is a Python function: one more call for each report.
new_record: Callable[[Report], Record] = partial(tuple.__new__, Record)


def words_of(record: Record) -> tuple[Word, ...]:
    """All words on an incident."""
    return record.words or (
        Word(
            record.incident, record.source, record.sole_agency, record.revision, record.kind, record.status,
            record.occurred_ms, record.reported_ms, record.place, record.since_ms,
        ),
    )  # fmt: skip


def standing_of(record: Record) -> list[Word]:
    """The words on an incident that stand."""
    return [word for word in words_of(record) if word.stands]


def word_of(records: dict[str, Record], number: str, source: str) -> Word | None:
    """What a source said of an incident under a number."""
    words = words_of(record_under(records, number)) if number in records else ()
    return next((word for word in words if (word.number, word.source) == (number, source)), None)


def agencies_of(record: Record) -> set[str]:
    """Whose words stand."""
    return {word.agency for word in record.words if word.stands} if record.words else {record.sole_agency}


def report_of(incident: str, words: Iterable[Word], segment: int) -> Report:
    """The fields of the record that these words make."""
    words = tuple(sorted(words, key=_by_name))
    facts = gravest(words)
    is_alone = len(words) == 1 and facts.number == incident
    return (
        incident, facts.revision, facts.kind, facts.status, facts.occurred_ms, facts.source, segment,
        standing_agency(words), severe_from(words), facts.reported_ms, facts.place, () if is_alone else words, "",
    )  # fmt: skip


def record_under(records: dict[str, Record], number: str) -> Record:
    """The record that has the words under a number that is held."""
    record = records[number]
    return records[record.joined_to] if record.joined_to else record


def joined_report(own: Report, to: str) -> Report:
    """The fields of the record of a number whose words another incident has; `own`: those that they make alone."""
    return new_record(own)._replace(status=JOINED, since_ms=0, words=(), joined_to=to)


def is_confirmed(record: Record) -> bool:
    """Whether words of two agencies stand."""
    return record.sole_agency == MANY


def _by_name(word: Word) -> tuple[str, str]:
    return word.number, word.source
