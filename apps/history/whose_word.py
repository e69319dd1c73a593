"""Whose word stands about which thing, in plain words, from the state of a regency: what a row has no room for.

Each incident that the row or its last escalation names, with every source's word on it; what people have joined; and
the figures of each source where two agencies contradict each other.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from apps.history.deciding import shown
from apps.history.explain import EVIDENCE_SHOWN, local_time
from apps.history.present_state import incident_of
from apps.language.catalogue import Words, words_in
from schemas.ledger import incident_key
from schemas.sources import shown_agency
from streams.messages import rfc3339
from streams.risk.record import Record, agencies_of, words_of
from streams.risk.regency import RegencyState
from streams.risk.station import Figure, Station, figure_of
from streams.risk.words import Word

INCIDENTS_SHOWN = 15
STATIONS_SHOWN = 10

Message = dict[str, Any]


def whose_word(
    state: RegencyState, row: Message, history: Sequence[Message], language: str, offset_min: int = 0
) -> list[str]:
    """Lines for `explain_row`. `history`: the regency's escalations up to the row, oldest first; `offset_min`: local
    time minus UTC.
    """
    words = words_in(language)
    records = list(_named(state, row, history))[:INCIDENTS_SHOWN]
    lines = [line for record in records for line in _incident(record, words)]
    joined = sorted((held.joined_to, number) for number, held in state.incidents.records.items() if held.joined_to)
    joins = [words.text("whose_word", "joined", number=shown(one), incident=shown(to)) for to, one in joined]
    return [
        *([words.text("whose_word", "words"), *lines] if lines else []),
        *([words.text("whose_word", "joins"), *(f"  - {line}" for line in joins[-INCIDENTS_SHOWN:])] if joins else []),
        *_conflicts(state, words, offset_min),
    ]


def _named(state: RegencyState, row: Message, history: Sequence[Message]) -> Iterator[Record]:
    """The incidents that the last escalation with evidence, the pairs, and joins name, each once."""
    cited: list[Message] = next((item["evidence"] for item in reversed(history) if item["evidence"]), [])[
        :EVIDENCE_SHOWN
    ]
    pairs = [pair[place] for pair in row["candidate_pairs"] for place in ("first", "second")]
    numbers = [incident_key(item["origin"], item["incident_id"]) for item in (*cited, *pairs)]
    numbers += [record.joined_to for record in state.incidents.records.values() if record.joined_to]
    for incident in dict.fromkeys(incident_of(state, number) for number in numbers):
        if incident is not None:
            yield state.incidents.records[incident]


def _incident(record: Record, words: Words) -> Iterator[str]:
    agencies = agencies_of(record) if record.stands else set()
    verdict = "confirmed" if len(agencies) > 1 else "alone" if agencies else "taken_back"
    name, named = shown(record.incident), ", ".join(sorted(set(map(shown_agency, agencies))))
    yield "  - " + words.text("whose_word", verdict, incident=name, agencies=named)
    yield from (f"      {_word(word, record, words)}" for word in words_of(record))


def _word(word: Word, record: Record, words: Words) -> str:
    text = words.text(
        "whose_word",
        "word",
        source=word.source,
        agency=shown_agency(word.agency),
        revision=word.revision,
        category=words.text("category", word.kind.category),
        severity=word.kind.severity,
        status=words.text("status", word.status),
    )
    if word.number == record.incident:
        return text
    return text + words.text("whose_word", "under", number=shown(word.number))


def _conflicts(state: RegencyState, words: Words, offset_min: int) -> Iterator[str]:
    """Stations of which two agencies report different counts, with every source's figure, that in force first."""
    if not state.turnout.counts.conflicting:
        return
    found = ((name, station) for name in state.turnout.stations if (station := state.turnout.held(name)) is not None)
    conflicting: Iterable[tuple[str, Station]] = (item for item in sorted(found) if item[1].conflicts)
    yield words.text("whose_word", "conflicts")
    for number, (name, station) in enumerate(conflicting):
        if number == STATIONS_SHOWN:
            yield "  - …"
            return
        yield f"  - {name.strip()}"
        yield from (f"      {_figure(one, words, offset_min)}" for one in (figure_of(station), *station.others))


def _figure(figure: Figure, words: Words, offset_min: int) -> str:
    return words.text(
        "whose_word",
        "figure",
        source=figure.source,
        agency=shown_agency(figure.agency),
        voted=figure.voted,
        registered=figure.registered,
        as_of=local_time(rfc3339(figure.as_of_ms), offset_min),
        revision=figure.revision,
    )
