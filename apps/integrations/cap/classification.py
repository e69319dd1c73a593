"""The values of CAP's enumerations for an escalation. docs/integrations.md gives the reason for each choice."""

from typing import NamedTuple

from schemas.outward import Outward
from schemas.vocabulary import Category, Change, Level

_OF_LEVEL: dict[str, tuple[str, str, str]] = {  # urgency, severity, responseType
    Level.NORMAL: ("Past", "Minor", "AllClear"),
    Level.WASPADA: ("Future", "Minor", "Monitor"),
    Level.SIAGA: ("Expected", "Moderate", "Prepare"),
    Level.AWAS: ("Immediate", "Severe", "Prepare"),
}
_OF_INCIDENTS = {
    Category.CLASH: "Security",
    Category.FATALITY: "Security",
    Category.INTIMIDATION: "Security",
    Category.PROPERTY_ATTACK: "Security",
    Category.NATURAL_HAZARD: "Safety",
}
_OF_COMPONENTS = {"security": "Security", "neighbours": "Security"}
_ORDER = ("Security", "Safety", "Other")


class Classes(NamedTuple):
    """Values of CAP's enumerations, as the schema spells them."""

    categories: tuple[str, ...]
    responses: tuple[str, ...]
    urgency: str
    severity: str
    certainty: str


def classes(escalation: Outward) -> Classes:
    """Read an escalation in CAP's words."""
    urgency, severity, response = _OF_LEVEL[escalation.level]
    if escalation.change == Change.STALE:
        # The present state is unknown: a raised level keeps its last known severity, at normal none can be claimed.
        known = severity if escalation.level != Level.NORMAL else "Unknown"
        return Classes(categories(escalation), ("Assess",), "Unknown", known, "Observed")
    if escalation.change == Change.RECOVERED and escalation.level == Level.NORMAL:
        return Classes(categories(escalation), ("Monitor",), "Past", "Unknown", "Observed")
    responses = (response, "Assess") if escalation.unverified and response != "AllClear" else (response,)
    return Classes(categories(escalation), responses, urgency, severity, _certainty(escalation))


def categories(escalation: Outward) -> tuple[str, ...]:
    """By the incidents behind it; without any, by the components of the score."""
    found = {_OF_INCIDENTS.get(Category(item.category), "Other") for item in escalation.evidence}
    if not found:
        found = {_OF_COMPONENTS.get(name, "Other") for name, points in escalation.components.items() if points}
    return tuple(name for name in _ORDER if name in found) or ("Other",)


def _certainty(escalation: Outward) -> str:
    if escalation.unverified:
        return "Possible"
    is_vouched = any(item.status != "reported" for item in escalation.evidence)
    return "Observed" if is_vouched or escalation.reason == "grave_incident_confirmed" else "Likely"
