"""An escalation as a document of the Common Alerting Protocol 1.2 (OASIS Standard, 1 July 2010), UTF-8, on one line.

The bytes depend on the escalation, its chain and the profile only, on no clock or counter. Elements come in the
schema's order. Times are event time, to the second, with a numeric offset (the standard forbids `Z`).
"""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta, timezone
from enum import StrEnum

from apps.integrations.cap import sentences
from apps.integrations.cap.classification import classes
from apps.integrations.cap.references import ChainPosition
from apps.language.catalogue import words_in
from schemas.outward import Outward

NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"
#: Languages of a message by their RFC 3066 tag, in order.
LANGUAGE_TAGS = {"id-ID": "id", "en-US": "en"}
GEOCODE_NAME = "KEMENDAGRI"
#: RFC 2606 reserves `.invalid`: nobody can own this name. For exercises, never for actual alerts.
PLACEHOLDER_SENDER = "siaga.invalid"
# Section 3.2.1: no spaces, commas, < or & in identifier and sender.
_FORBIDDEN_IN_NAMES = re.compile(r"[\s,<&]")
# Characters that XML 1.0 (section 2.2) cannot represent, and line breaks: a document is one line.
_NOT_XML = re.compile("[^\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_OFFSET = re.compile(r"([+-])([01][0-9]|2[0-3]):([0-5][0-9])")


class AlertStatus(StrEnum):
    """CAP's `status`, as far as Siaga uses it."""

    EXERCISE = "Exercise"
    TEST = "Test"
    ACTUAL = "Actual"


class ProfileError(ValueError):
    """A setting that CAP forbids. One line."""


@dataclass(frozen=True)
class CapProfile:
    """What the escalation lacks: sender, status, and the UTC offset in which times are written."""

    status: AlertStatus = AlertStatus.EXERCISE
    sender: str = PLACEHOLDER_SENDER
    sender_name: str = "Siaga"
    utc_offset: str = "+07:00"

    def __post_init__(self) -> None:
        if not self.sender or _FORBIDDEN_IN_NAMES.search(self.sender) or _NOT_XML.search(self.sender):
            raise ProfileError(f"sender {self.sender!r}: no spaces, commas, < or & (CAP 1.2, section 3.2.1)")
        if _OFFSET.fullmatch(self.utc_offset) is None:
            raise ProfileError(f"UTC offset {self.utc_offset!r} is not like +07:00")
        if self.status is AlertStatus.ACTUAL and self.sender == PLACEHOLDER_SENDER:
            raise ProfileError("an actual alert needs a sender that you own, such as an internet domain")

    @property
    def zone(self) -> timezone:
        """`utc_offset` as a time zone."""
        hours, minutes = self.utc_offset[1:].split(":")
        span = timedelta(hours=int(hours), minutes=int(minutes))
        return timezone(-span if self.utc_offset.startswith("-") else span)


def identifier(escalation: Outward, profile: CapProfile) -> str:
    """Includes the status, so that an exercise and an actual alert from one topic never share an identifier."""
    return f"siaga-{profile.status.lower()}-{escalation.escalation_id}"


def sent(escalation: Outward, profile: CapProfile) -> str:
    """The event time of the decision, `2024-11-27T08:14:00+07:00`."""
    # The configured offset, not Python's own: CAP prefers -00:00 for UTC.
    return escalation.event_time.astimezone(profile.zone).strftime("%Y-%m-%dT%H:%M:%S") + profile.utc_offset


def document(escalation: Outward, position: ChainPosition, profile: CapProfile) -> bytes:
    """The alert as XML without a line break."""
    alert = ET.Element(_tag("alert"))
    _texts(alert, _head(escalation, position, profile))
    for language in LANGUAGE_TAGS:
        _info(alert, escalation, profile, language)
    body = ET.tostring(alert, encoding="unicode", default_namespace=NAMESPACE)
    return b'<?xml version="1.0" encoding="UTF-8"?>' + body.encode()


def _head(escalation: Outward, position: ChainPosition, profile: CapProfile) -> Iterable[tuple[str, str]]:
    yield "identifier", identifier(escalation, profile)
    yield "sender", profile.sender
    yield "sent", sent(escalation, profile)
    yield "status", profile.status.value
    yield "msgType", position.kind.value
    yield "source", f"Siaga, automatic, ruleset {escalation.ruleset}"
    yield "scope", "Restricted"
    yield "restriction", f"Only for {', '.join(escalation.routes) or 'the authorities'}. Not for the public."
    if note := _note(escalation, position, profile):
        yield "note", note
    if position.earlier:
        yield (
            "references",
            " ".join(f"{profile.sender},{identifier(one, profile)},{sent(one, profile)}" for one in position.earlier),
        )
    yield "incidents", position.incident


def _note(escalation: Outward, position: ChainPosition, profile: CapProfile) -> str:
    notes = []
    if profile.status is AlertStatus.EXERCISE:
        notes.append(f"Exercise on ruleset {escalation.ruleset}: no actual alert.")
    elif profile.status is AlertStatus.TEST:
        notes.append("Technical test: disregard.")
    if position.is_cut:
        notes.append("Earlier messages of this incident are no longer kept, so none is referenced.")
    return " ".join(notes)


def _info(alert: ET.Element, escalation: Outward, profile: CapProfile, language: str) -> None:
    words, found = words_in(LANGUAGE_TAGS[language]), classes(escalation)
    info = ET.SubElement(alert, _tag("info"))
    _texts(info, [("language", language)])
    _texts(info, [("category", category) for category in found.categories])
    _texts(info, [("event", sentences.event(words, escalation))])
    _texts(info, [("responseType", response) for response in found.responses])
    _texts(info, [("urgency", found.urgency), ("severity", found.severity), ("certainty", found.certainty)])
    _texts(info, [("audience", sentences.audience(words, escalation))])
    _pair(info, "eventCode", "siaga.reason", escalation.reason)
    _texts(info, [("effective", sent(escalation, profile)), ("senderName", profile.sender_name)])
    _texts(info, [("headline", sentences.headline(words, escalation, profile.status.value))])
    _texts(info, [("description", sentences.description(words, escalation))])
    _texts(info, [("instruction", sentences.instruction(words, escalation))])
    for name, value in _parameters(escalation):
        _pair(info, "parameter", name, value)
    area = ET.SubElement(info, _tag("area"))
    _texts(area, [("areaDesc", sentences.place(words, escalation))])
    _pair(area, "geocode", GEOCODE_NAME, escalation.regency)


def _parameters(escalation: Outward) -> Iterable[tuple[str, str]]:
    yield "siaga.escalation_id", escalation.escalation_id
    yield "siaga.episode", str(escalation.episode)
    yield "siaga.change", escalation.change
    yield "siaga.level", escalation.level
    yield "siaga.previous_level", escalation.previous_level
    yield "siaga.score", str(escalation.score)
    yield "siaga.threshold", str(escalation.threshold)
    for name, points in escalation.components.items():
        yield f"siaga.component.{name}", str(points)
    yield "siaga.unverified", str(escalation.unverified).lower()
    if escalation.odds is not None:
        yield "siaga.odds", f"{escalation.odds:.2f}"
    for item in escalation.evidence:
        told = [item.category, str(item.severity), item.status, f"{item.weight:g}", str(item.agency_count)]
        told += [f"{item.origin}/{item.incident_id}"] if item.incident_id else []
        told += [",".join(item.agencies)] if item.agencies else []
        yield "siaga.evidence", " ".join(told)
    yield "siaga.ruleset", escalation.ruleset
    yield "siaga.ledger", f"{escalation.ledger.partition}/{escalation.ledger.offset}"


def _texts(parent: ET.Element, items: Iterable[tuple[str, str]]) -> None:
    for name, text in items:
        ET.SubElement(parent, _tag(name)).text = _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)


def _pair(parent: ET.Element, name: str, value_name: str, value: str) -> None:
    _texts(ET.SubElement(parent, _tag(name)), [("valueName", value_name), ("value", value)])


def _tag(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"
