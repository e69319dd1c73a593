"""CloudEvents 1.0 in structured mode: the message that an envelope holds."""

import base64
import binascii
from typing import Any

TEXTS = ("specversion", "id", "type", "source")
JSON_TYPES = ("application/json", "text/json")
CHARSETS = ("utf-8", "utf8", "us-ascii")


def message_of(envelope: Any) -> tuple[Any, bytes | None, str]:
    """What the envelope holds: decoded, or as bytes, or the reason for which it must be rejected."""
    if not isinstance(envelope, dict):
        return None, None, "schema"
    told = {name: content for name, content in envelope.items() if content is not None or name == "data"}
    if any(isinstance(content, dict | list) for name, content in told.items() if name != "data"):
        return None, None, "schema"
    if told.get("specversion") != "1.0" or not all(isinstance(told.get(name), str) and told[name] for name in TEXTS):
        return None, None, "schema"
    media = told.get("datacontenttype", "application/json")
    if not isinstance(media, str) or not is_json(media):
        return None, None, "unsupported_encoding"
    if ("data" in told) == ("data_base64" in told):
        return None, None, "schema"
    if "data" in told:
        return told["data"], None, ""
    try:
        return None, base64.b64decode(told["data_base64"], validate=True), ""
    except (TypeError, ValueError, binascii.Error):
        return None, None, "schema"


def is_json(media: str) -> bool:
    """Whether a content type is JSON in UTF-8."""
    kind, *parameters = media.lower().split(";")
    settings = [parameter.partition("=") for parameter in parameters]
    charsets = [value.strip().strip('"') for name, _, value in settings if name.strip() == "charset"]
    return kind.strip() in JSON_TYPES and all(charset in CHARSETS for charset in charsets)
