"""An escalation in plain words: headline, description and instruction of a CAP message, in one language."""

from apps.language.catalogue import Words, capitalized
from schemas.outward import Outward
from schemas.vocabulary import Change, Level

EVIDENCE_IN_WORDS = 5
#: By CAP's status: what a headline begins with when the message is no actual alert.
_DRILLS = {"Exercise": "exercise", "Test": "test"}


def is_silence(escalation: Outward) -> bool:
    """Whether the escalation says that reports stopped or came back while the level was normal."""
    return escalation.change in (Change.STALE, Change.RECOVERED) and escalation.level == Level.NORMAL


def event(words: Words, escalation: Outward) -> str:
    """What happened, in CAP's `event`."""
    return words.text("cap", "silence_event" if is_silence(escalation) else "event")


def place(words: Words, escalation: Outward) -> str:
    """Name of the regency; a province has none in the roster and goes by its code."""
    if "." in escalation.regency:
        return escalation.name
    return words.text("place", "province", code=escalation.regency)


def headline(words: Words, escalation: Outward, status: str) -> str:
    """One line, which begins with CAP's status when the message is no actual alert."""
    level = _level(words, escalation.level)
    text = words.text("change_clause", escalation.change, name=place(words, escalation), level=level)
    if escalation.unverified:
        text += f" ({words.text('cap', 'unverified')})"
    return f"{words.text('cap', _DRILLS[status])}. {text}" if status in _DRILLS else text


def description(words: Words, escalation: Outward) -> str:
    """The reason, the odds, the score and its parts, the evidence, the ruleset, and who is notified."""
    previous = _level(words, escalation.previous_level)
    sentences = [
        capitalized(words.text("reason", escalation.reason)) + ".",
        words.text("cap", "unverified_sentence") if escalation.unverified else "",
        words.text("cap", "odds", odds=words.decimal(escalation.odds)) if escalation.odds is not None else "",
        words.text("cap", "score", score=escalation.score, threshold=escalation.threshold, previous=previous),
        _parts(words, escalation),
        _evidence(words, escalation),
        words.text("cap", "made", ruleset=escalation.ruleset, routes=audience(words, escalation)),
    ]
    return " ".join(sentence for sentence in sentences if sentence)


def instruction(words: Words, escalation: Outward) -> str:
    """What the message asks of its readers."""
    return words.text("cap_instruction", "silence" if escalation.change == Change.STALE else escalation.level)


def audience(words: Words, escalation: Outward) -> str:
    """The authorities to notify."""
    return ", ".join(capitalized(words.word("authority_in_full", route)) for route in escalation.routes)


def _level(words: Words, level: str) -> str:
    return words.level(level).replace(level, level.upper(), 1)


def _parts(words: Words, escalation: Outward) -> str:
    heaviest = sorted(escalation.components.items(), key=lambda part: (-part[1], part[0]))
    parts = ", ".join(f"{words.word('component', name)} {points}" for name, points in heaviest if points)
    return words.text("cap", "parts", parts=parts) if parts else ""


def _evidence(words: Words, escalation: Outward) -> str:
    items = [
        words.text(
            "cap",
            "incident",
            category=words.text("category", item.category),
            severity=item.severity,
            status=words.text("status", item.status),
        )
        for item in escalation.evidence[:EVIDENCE_IN_WORDS]
    ]
    if more := len(escalation.evidence) - len(items):
        items.append(words.text("cap", "more", count=more))
    return words.text("cap", "evidence", evidence=", ".join(items)) if items else ""
