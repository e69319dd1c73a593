"""What a record's headers say about its encoding: plain JSON is accepted, a claim of anything else is rejected.

CloudEvents in binary mode (Kafka protocol binding 1.0.2) carry `ce_*` headers and the data's `content-type`; the value
is the plain message. In structured mode the content type says that the value is an envelope around the message.
"""

from collections.abc import Iterable
from functools import lru_cache

from schemas.rejected import Rejected
from schemas.vocabulary import RejectReason

Headers = Iterable[tuple[str, bytes | None]]

_DECLARING = frozenset({"content-type", "contenttype", "content_type", "content-encoding", "contentencoding"})
_CLOUDEVENT = "application/cloudevents+json"
_JSON_TYPES = frozenset({"application/json", "text/json"})
_NEUTRAL_TYPES = frozenset({"", "application/json", "text/json", "text/plain", "application/octet-stream"})
_NEUTRAL_CHARSETS = frozenset({"utf-8", "utf8", "us-ascii"})
_NEUTRAL_ENCODINGS = frozenset({"", "identity", "utf-8", "utf8"})


def check_headers(headers: Headers) -> bool:
    """Whether the value is a CloudEvent in structured mode. Raises Rejected(unsupported_encoding) when a header
    declares the value to be other than UTF-8 JSON.
    """
    is_cloudevent = False
    for name, content in headers:
        if content and name.lower() in _DECLARING:
            is_envelope, error = _declared("encoding" in name.lower(), bytes(content[:128]))
            if error:
                raise Rejected(RejectReason.UNSUPPORTED_ENCODING, error)
            is_cloudevent |= is_envelope
    return is_cloudevent


def is_plain_json(content_type: str) -> bool:
    """Whether this content type is JSON in UTF-8."""
    media, _, parameters = content_type.lower().partition(";")
    return media.strip() in _JSON_TYPES and _is_utf8(parameters)


@lru_cache(maxsize=256)
def _declared(is_encoding: bool, content: bytes) -> tuple[bool, str | None]:
    """Whether the header declares an envelope, and what is wrong with it."""
    declared = content.decode("latin-1").strip().strip('"').lower()
    if is_encoding:
        is_read = declared in _NEUTRAL_ENCODINGS
        return False, None if is_read else "header content-encoding: only an unencoded value is read"
    media, _, parameters = declared.partition(";")
    media = media.strip()
    if media == "application/cloudevents-batch+json":
        return False, "header content-type: batches of CloudEvents are not read, send each event as its own record"
    if media.startswith("application/cloudevents") and media != _CLOUDEVENT:
        return False, f"header content-type: of structured CloudEvents only {_CLOUDEVENT} is read"
    if media not in _NEUTRAL_TYPES and not media.endswith("+json"):
        return False, "header content-type: only application/json is read"
    return media == _CLOUDEVENT, None if _is_utf8(parameters) else "header content-type: only charset utf-8 is read"


def _is_utf8(parameters: str) -> bool:
    for parameter in parameters.split(";"):
        key, _, setting = parameter.partition("=")
        if key.strip() == "charset" and setting.strip().strip('"') not in _NEUTRAL_CHARSETS:
            return False
    return True
