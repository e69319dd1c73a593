"""Words: what each source says of an incident, and what the incident is by them. Everything about it is in this file.

A word is one source's latest message about an incident under one number; its revisions count within it. What a message
does to the word that is held is a table, `EFFECTS`. The incident's facts are those of its gravest standing word, so
they follow from the set of words and not from the order in which they came: nobody lowers, takes back or confirms what
another source says.
"""

from collections.abc import Iterable
from enum import Enum
from typing import NamedTuple

from schemas.ledger import parts_of
from schemas.vocabulary import DAY_MS, Status
from streams.risk.evidence import Kind

MANY = "*"  # in place of an agency: words of more than one stand; no agency can have this name
RETRACTED = Status.RETRACTED.value
GRAVE = 4  # severity from which an incident raises at once


class Word(NamedTuple):
    """What one source says. `number`: the incident key it was reported under; `place`: its station key or
    None. `since_ms`: the regency's clock when its source first reported it at least as severe as now; 0 if taken back.
    """

    number: str
    source: str
    agency: str
    revision: int
    kind: Kind
    status: str
    occurred_ms: int
    reported_ms: int
    place: str | None
    since_ms: int = 0

    @property
    def stands(self) -> bool:
        """Whether it has not been taken back."""
        return self.status != RETRACTED


class Held(Enum):
    """What is held of a source when it sends another message about an incident."""

    NOTHING = 0
    STANDING = 1
    TAKEN_BACK = 2


class Effect(Enum):
    """What a message does to the word of its source."""

    ADDED = "added"
    NOTED = "noted"  # taken back before it was reported: an earlier revision that comes later changes nothing
    REPLACED = "replaced"
    TAKEN_BACK = "taken_back"
    RESTORED = "restored"
    DUPLICATE = "duplicate"


#: By what is held, whether the message has a higher revision, and whether it stands.
EFFECTS: dict[tuple[Held, bool, bool], Effect] = {
    (Held.NOTHING, True, True): Effect.ADDED,
    (Held.NOTHING, True, False): Effect.NOTED,
    (Held.STANDING, True, True): Effect.REPLACED,
    (Held.STANDING, True, False): Effect.TAKEN_BACK,
    (Held.STANDING, False, True): Effect.DUPLICATE,
    (Held.STANDING, False, False): Effect.DUPLICATE,
    (Held.TAKEN_BACK, True, True): Effect.RESTORED,
    (Held.TAKEN_BACK, True, False): Effect.NOTED,
    (Held.TAKEN_BACK, False, True): Effect.DUPLICATE,
    (Held.TAKEN_BACK, False, False): Effect.DUPLICATE,
}


def effect_of(held: Word | None, word: Word) -> Effect:
    """What `word` does, given what is `held` of its source under its number."""
    if held is None:
        return EFFECTS[Held.NOTHING, True, word.stands]
    state = Held.STANDING if held.stands else Held.TAKEN_BACK
    return EFFECTS[state, word.revision > held.revision, word.stands]


class WordChange(NamedTuple):
    """What a message did: its effect, the word of its source before it, and all words after it."""

    effect: Effect
    held: Word | None
    words: tuple[Word, ...]


def apply_word(words: Iterable[Word], word: Word, clock_ms: int) -> WordChange:
    """Put a word among those on its incident, at a time of the regency's clock."""
    others, held = [], None
    for other in words:
        if other.source == word.source and other.number == word.number:
            held = other
        else:
            others.append(other)
    effect = effect_of(held, word)
    if effect is Effect.DUPLICATE:
        assert held is not None, "only what is held can be a duplicate"
        return WordChange(effect, held, (*others, held))
    since_ms = severe_since(held, word.kind, word.status, clock_ms)
    return WordChange(effect, held, (*others, word._replace(since_ms=since_ms)))


def severe_since(held: Word | None, kind: Kind, status: str, clock_ms: int) -> int:
    """When a source first reported an incident at least as severe as now, by the regency's clock; 0 when it takes it
    back.

    A grave incident raises for an hour from then on, not from when it occurred: a death reported two hours later is
    urgent then.
    """
    if status == RETRACTED:
        return 0
    return held.since_ms if held is not None and held.since_ms and held.kind.severity >= kind.severity else clock_ms


def ends_silence(change: WordChange, word: Word) -> bool:
    """Whether a message counts as a report: it is a first word, or changes what stands. Taking back, restoring and
    repeating do not: a loop in a publisher could do them for ever.
    """
    held = change.held
    if change.effect is Effect.REPLACED and held is not None:
        facts = (held.kind, held.status, held.occurred_ms, held.place)
        return facts != (word.kind, word.status, word.occurred_ms, word.place)
    return change.effect is Effect.ADDED


def gravest(words: Iterable[Word]) -> Word:
    """The word whose facts are the incident's: the gravest standing one; of equals the origin's, then the one reported
    last, then by source and number. Where none stands, the same order over all.

    What cannot score is never the gravest, nor is what occurred more than a day before it was reported: nobody
    takes the weight of an incident away by words about something else.
    """
    return max(words, key=_gravity)


def supporting(words: Iterable[Word], facts: Word) -> list[Word]:
    """The standing words that support these facts: of the same group, and not much milder. A trifle that an agency
    reports under its own number does not confirm a death that another one reports under that number.
    """
    least = min(facts.kind.severity - 1, GRAVE - 1)
    group = facts.kind.group
    return [word for word in words if word.stands and word.kind.group == group and word.kind.severity >= least]


def standing_agency(words: Iterable[Word]) -> str:
    """The only agency whose word supports the facts, or MANY; where none stands, that of the gravest."""
    words = tuple(words)
    facts = gravest(words)
    agencies = {word.agency for word in supporting(words, facts)}
    return MANY if len(agencies) > 1 else facts.agency


def severe_from(words: Iterable[Word]) -> int:
    """Since when an incident is as severe as it is: the regency's clock when its origin first reported it so, or
    anybody where its origin does not; 0 when no word stands. Nobody uses up the hour of another's report.
    """
    words = tuple(words)
    facts = gravest(words)
    alike = [word for word in supporting(words, facts) if word.kind.severity == facts.kind.severity]
    own = [word for word in alike if _is_origin(word)]
    return min((word.since_ms for word in own or alike), default=0)


def _is_origin(word: Word) -> bool:
    return parts_of(word.number)[0] == word.source


def _gravity(word: Word) -> tuple[bool, bool, bool, int, bool, int, str, str]:
    scores = bool(word.kind.pressure_milli[Status.REPORTED])
    is_timely = word.since_ms - word.occurred_ms <= DAY_MS
    return (
        word.stands,
        scores,
        is_timely,
        word.kind.severity,
        _is_origin(word),
        word.reported_ms,
        word.source,
        word.number,
    )
