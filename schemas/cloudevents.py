"""CloudEvents 1.0 in structured mode (JSON event format): the message is the envelope's `data`.

Of the envelope are checked the attributes that the format requires, and `datacontenttype`. Its `id` and `source` are
the transport's and not the message's. Extension attributes are not read. Errors of the message name `data.<field>`.
"""

import base64
import binascii
import re
from collections.abc import Callable
from typing import Any, TypeVar

from schemas.encoding import is_plain_json
from schemas.rejected import ERROR_MAX_CHARS, Rejected
from schemas.strict_json import members, printable
from schemas.vocabulary import RejectReason

CONTENT_TYPE = b"application/cloudevents+json; charset=utf-8"

Message = TypeVar("Message")

_REQUIRED = ("id", "type", "source")
_NAMES_FIELD = re.compile(r"[a-z_]+: ")


def read_data(value: bytes, read: Callable[[bytes], Message]) -> Message:
    """What `read` makes of the message in an envelope. Raises Rejected, as `read` does."""
    name, message = _data(value)
    try:
        return read(message)
    except Rejected as rejected:
        joint = "." if _NAMES_FIELD.match(rejected.error) else ": "
        raise Rejected(rejected.reason, f"{name}{joint}{rejected.error}"[:ERROR_MAX_CHARS]) from None


def is_envelope(value: bytes | None) -> bool:
    """Whether the value is a CloudEvent in structured mode rather than a message: no message has `specversion`."""
    try:
        return value is not None and any(name == "specversion" for name, _, _ in members(value))
    except Rejected:
        return False


def _data(value: bytes) -> tuple[str, bytes]:
    """The name of the member that holds the message, and the message. Raises Rejected."""
    contents: dict[str, Any] = {}
    raw: dict[str, bytes] = {}
    for name, content, text in members(value):
        if content is None and name != "data":
            continue  # as absent
        if name != "data" and isinstance(content, (dict, list)):
            raise _wrong(f"{printable(name)}: an attribute must not be an object or an array")
        contents[name], raw[name] = content, text
    _check_attributes(contents)
    if ("data" in raw) == ("data_base64" in raw):
        raise _wrong("data: is missing" if "data" not in raw else "data_base64: send it or data, not both")
    return ("data", raw["data"]) if "data" in raw else ("data_base64", _decoded(contents["data_base64"]))


def _check_attributes(contents: dict[str, Any]) -> None:
    if contents.get("specversion", "1.0") != "1.0":
        raise _wrong("specversion: must be 1.0")
    for name in ("specversion", *_REQUIRED):
        if name not in contents:
            raise _wrong(f"{name}: is missing")
        if not contents[name] or not isinstance(contents[name], str):
            raise _wrong(f"{name}: must be a text that is not empty")
    media = contents.get("datacontenttype", "application/json")
    if not isinstance(media, str) or not is_plain_json(media):
        raise Rejected(RejectReason.UNSUPPORTED_ENCODING, "datacontenttype: only application/json is read, in UTF-8")


def _decoded(content: Any) -> bytes:
    try:
        return base64.b64decode(content, validate=True)
    except (TypeError, ValueError, binascii.Error):
        raise _wrong("data_base64: is not base64") from None


def _wrong(error: str) -> Rejected:
    return Rejected(RejectReason.SCHEMA, error)
