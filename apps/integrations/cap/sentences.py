"""An escalation in plain words: headline, description and instruction of a CAP message, in one language.

A word that the lists do not hold (a ruleset may name other authorities and components) is shown as it is.
"""

from apps.language.outward_words import Words
from schemas.escalation import Escalation

EVIDENCE_IN_WORDS = 5


def is_silence(escalation: Escalation) -> bool:
    """The escalation tells of reports that stopped or came back while nothing was wrong."""
    return escalation.change in ("stale", "recovered") and escalation.level == "normal"


def event(words: Words, escalation: Escalation) -> str:
    return words.silence_event if is_silence(escalation) else words.event


def place(words: Words, escalation: Escalation) -> str:
    """Name of the regency; a province has none in the roster and goes by its code."""
    if "." in escalation.regency:
        return escalation.name
    return words.phrases["province"].format(code=escalation.regency)


def headline(words: Words, escalation: Escalation, status: str) -> str:
    """One line that says first when it is no actual alert."""
    level = words.levels[escalation.level]
    text = words.changes[escalation.change].format(name=place(words, escalation), level=level)
    if escalation.unverified:
        text += f" ({words.phrases['unverified']})"
    drill = words.drill.get(status)
    return f"{drill}. {text}" if drill else text


def description(words: Words, escalation: Escalation) -> str:
    """Why, from what score and parts, on which evidence, by which rules and for whom."""
    phrases, previous = words.phrases, words.levels[escalation.previous_level]
    sentences = [
        words.reasons[escalation.reason] + ".",
        phrases["unverified_long"] if escalation.unverified else "",
        phrases["score"].format(score=escalation.score, threshold=escalation.threshold, previous=previous),
        _parts(words, escalation),
        _evidence(words, escalation),
        phrases["made"].format(ruleset=escalation.ruleset, routes=audience(words, escalation)),
    ]
    return " ".join(sentence for sentence in sentences if sentence)


def instruction(words: Words, escalation: Escalation) -> str:
    return words.instructions["silent" if escalation.change == "stale" else escalation.level]


def audience(words: Words, escalation: Escalation) -> str:
    """The authorities that must know."""
    return ", ".join(words.routes.get(route, route) for route in escalation.routes)


def _parts(words: Words, escalation: Escalation) -> str:
    heaviest = sorted(escalation.components.items(), key=lambda part: (-part[1], part[0]))
    parts = ", ".join(f"{words.parts.get(name, name)} {points}" for name, points in heaviest if points)
    return words.phrases["parts"].format(parts=parts) if parts else ""


def _evidence(words: Words, escalation: Escalation) -> str:
    items = [
        words.phrases["item"].format(
            category=words.categories[item.category], severity=item.severity, status=words.statuses[item.status]
        )
        for item in escalation.evidence[:EVIDENCE_IN_WORDS]
    ]
    if more := len(escalation.evidence) - len(items):
        items.append(words.phrases["more"].format(count=more))
    return words.phrases["evidence"].format(evidence=", ".join(items)) if items else ""
