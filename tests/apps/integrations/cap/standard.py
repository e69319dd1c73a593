"""Rules of CAP 1.2 that its schema lacks and its text holds (sections 3.2.1 to 3.2.4), and readers of documents.

Names must not contain some characters, a restricted scope needs a restriction, updates and cancels reference earlier
messages. What the schema holds is tested with the schema (oasis_schema.py)."""

import re
import xml.etree.ElementTree as ET

NS = "{urn:oasis:names:tc:emergency:cap:1.2}"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[-+]\d\d:\d\d")
NAME = re.compile(r"[^\s,<&]+")


def faults(document: bytes) -> list[str]:
    """Every violation of the text's rules in a document; empty when there is none."""
    alert = ET.fromstring(document)
    if alert.tag != NS + "alert":
        return [f"root {alert.tag}"]
    value = {child.tag.removeprefix(NS): child.text or "" for child in alert}
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
