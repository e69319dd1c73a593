"""What CAP 1.2 allows by its text (sections 3.2.1 to 3.2.4), checked without a schema processor or code of Siaga.

Holds rules that the schema lacks: characters forbidden in names, what a restricted scope requires, references."""

import re
import xml.etree.ElementTree as ET

NS = "{urn:oasis:names:tc:emergency:cap:1.2}"
ALERT = [
    "identifier", "sender", "sent", "status", "msgType", "source", "scope", "restriction", "addresses", "code",
    "note", "references", "incidents", "info",
]  # fmt: skip
INFO = [
    "language", "category", "event", "responseType", "urgency", "severity", "certainty", "audience",
    "eventCode", "effective", "onset", "expires", "senderName", "headline", "description", "instruction", "web",
    "contact", "parameter", "resource", "area",
]  # fmt: skip
AREA = ["areaDesc", "polygon", "circle", "geocode", "altitude", "ceiling"]
PAIR = ["valueName", "value"]
REQUIRED = {
    "alert": {"identifier", "sender", "sent", "status", "msgType", "scope"},
    "info": {"category", "event", "urgency", "severity", "certainty"},
    "area": {"areaDesc"},
}
REPEATABLE = {
    "code", "info", "category", "responseType", "eventCode", "parameter", "resource", "area", "polygon",
    "circle", "geocode",
}  # fmt: skip
WORDS = {
    "status": {"Actual", "Exercise", "System", "Test", "Draft"},
    "msgType": {"Alert", "Update", "Cancel", "Ack", "Error"},
    "scope": {"Public", "Restricted", "Private"},
    "category": {
        "Geo", "Met", "Safety", "Security", "Rescue", "Fire", "Health", "Env", "Transport", "Infra", "CBRNE",
        "Other",
    },
    "responseType": {"Shelter", "Evacuate", "Prepare", "Execute", "Avoid", "Monitor", "Assess", "AllClear", "None"},
    "urgency": {"Immediate", "Expected", "Future", "Past", "Unknown"},
    "severity": {"Extreme", "Severe", "Moderate", "Minor", "Unknown"},
    "certainty": {"Observed", "Likely", "Possible", "Unlikely", "Unknown"},
}  # fmt: skip
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[-+]\d\d:\d\d")
NAME = re.compile(r"[^\s,<&]+")


def faults(document: bytes) -> list[str]:
    """Every violation in a document; empty for a valid one."""
    alert = ET.fromstring(document)
    if alert.tag != NS + "alert":
        return [f"root {alert.tag}"]
    found = _sequence(alert, "alert", ALERT)
    for info in alert.iter(NS + "info"):
        found += _sequence(info, "info", INFO)
        for area in info.iter(NS + "area"):
            found += _sequence(area, "area", AREA)
    for name in ("eventCode", "parameter", "geocode"):
        found += [f"{name} is not a pair" for pair in alert.iter(NS + name) if [_bare(child) for child in pair] != PAIR]
    found += [f"{_bare(e)}: {e.text}" for e in alert.iter() if e.text not in WORDS.get(_bare(e), {e.text})]
    found += [f"time {e.text}" for n in ("sent", "effective") for e in alert.iter(NS + n) if not TIME.fullmatch(e.text)]
    return found + _text_rules(alert)


def text(document: bytes, path: str) -> str | None:
    """The text of the first element at a path of bare names, `info/headline`; None when there is none."""
    return ET.fromstring(document).findtext("/".join(NS + name for name in path.split("/")))


def texts(document: bytes, path: str) -> list[str]:
    return [
        element.text or "" for element in ET.fromstring(document).findall("/".join(NS + n for n in path.split("/")))
    ]


def references(document: bytes) -> list[tuple[str, str, str]]:
    """Sender, identifier and time sent of each message referenced."""
    return [tuple(one.split(",")) for one in (text(document, "references") or "").split()]


def _sequence(element: ET.Element, kind: str, order: list[str]) -> list[str]:
    names = [_bare(child) for child in element]
    found = [f"{kind}: {name} is not allowed" for name in names if name not in order]
    if not found and names != sorted(names, key=order.index):
        found.append(f"{kind}: out of order: {names}")
    found += [f"{kind}: {name} is missing" for name in REQUIRED[kind] - set(names)]
    return found + [f"{kind}: {name} twice" for name in set(names) - REPEATABLE if names.count(name) > 1]


def _text_rules(alert: ET.Element) -> list[str]:
    value = {_bare(child): child.text or "" for child in alert}
    found = [f"{name} is not a name" for name in ("identifier", "sender") if not NAME.fullmatch(value.get(name, ""))]
    if value.get("scope") == "Restricted" and not value.get("restriction"):
        found.append("restricted without a restriction")
    if value.get("msgType") in ("Update", "Cancel") and not value.get("references"):
        found.append(f"{value['msgType']} references nothing")
    for reference in value.get("references", "").split():
        parts = reference.split(",")
        if len(parts) != 3 or not TIME.fullmatch(parts[2]):
            found.append(f"reference {reference!r}")
    return found


def _bare(element: ET.Element) -> str:
    return element.tag.removeprefix(NS)
