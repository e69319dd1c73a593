"""What a word on an incident that is already held changes, and whether there is room for it."""

from typing import NamedTuple

from schemas.ledger import Entry
from streams.risk.evidence import Kind
from streams.risk.incidents import Incidents
from streams.risk.record import Record, record_under, words_of
from streams.risk.repeats import Repeats
from streams.risk.words import Effect, Word, apply_word, ends_silence


class Revision(NamedTuple):
    """The record that a word changes, all words with it, and whether it ends a silence."""

    old: Record
    words: tuple[Word, ...]
    ends_silence: bool


class WordChanges:
    """Takes words on the incidents of one regency."""

    __slots__ = ("_incidents", "_repeats")

    def __init__(self, incidents: Incidents, repeats: Repeats) -> None:
        self._incidents, self._repeats = incidents, repeats

    def take(self, entry: Entry, kind: Kind, source: str, agency: str, status: str, clock_ms: int) -> Revision | str:
        """Take the word of a report on an incident that is held, at a time of the regency's clock; return what became
        of it when it does not count. `source`, `agency` and `status` are the entry's, as the incidents hold them.
        """
        _, _, _, number, revision, place, _, _, _, occurred_ms, reported_ms, *_ = entry
        word = Word(number, source, agency, revision, kind, status, occurred_ms, reported_ms, place)
        incidents = self._incidents
        old = record_under(incidents.records, word.number)
        change = apply_word(words_of(old), word, clock_ms)
        if change.effect is Effect.DUPLICATE:
            return self._repeats.outdated(entry)
        held = change.held
        if held is None or held.agency != word.agency:
            if not incidents.words.take(word.agency):
                return self._repeats.surplus(entry)
            if held is not None:
                incidents.words.give(held.agency)
        return Revision(old, change.words, ends_silence(change, word))
