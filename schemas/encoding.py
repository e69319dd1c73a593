"""What a record's headers say about its encoding: plain JSON is accepted, a claim of anything else is rejected.

CloudEvents in binary mode (Kafka protocol binding 1.0.2) carry `ce_*` headers and the data's `content-type`; the value
is the plain message, so they are accepted. In structured mode the value is an envelope, which is rejected.
"""

from collections.abc import Iterable
from functools import lru_cache

from schemas.rejected import Rejected
from schemas.vocabulary import RejectReason

Headers = Iterable[tuple[str, bytes | None]]

_DECLARING = frozenset({"content-type", "contenttype", "content_type", "content-encoding", "contentencoding"})
_NEUTRAL_TYPES = frozenset({"", "application/json", "text/json", "text/plain", "application/octet-stream"})
_NEUTRAL_CHARSETS = frozenset({"utf-8", "utf8", "us-ascii"})
_NEUTRAL_ENCODINGS = frozenset({"", "identity", "utf-8", "utf8"})


def check_headers(headers: Headers) -> None:
    """Raises Rejected(unsupported_encoding) when a header declares the value to be other than plain UTF-8 JSON."""
    for name, content in headers:
        if content and name.lower() in _DECLARING:
            error = _error("encoding" in name.lower(), bytes(content[:128]))
            if error:
                raise Rejected(RejectReason.UNSUPPORTED_ENCODING, error)


@lru_cache(maxsize=256)
def _error(is_encoding: bool, content: bytes) -> str | None:
    declared = content.decode("latin-1").strip().strip('"').lower()
    if is_encoding:
        return None if declared in _NEUTRAL_ENCODINGS else "header content-encoding: only an unencoded value is read"
    media, _, parameters = declared.partition(";")
    media = media.strip()
    if media.startswith("application/cloudevents"):
        return "header content-type: structured CloudEvents are not read, send them in binary mode"
    if media not in _NEUTRAL_TYPES and not media.endswith("+json"):
        return "header content-type: only application/json is read"
    for parameter in parameters.split(";"):
        key, _, setting = parameter.partition("=")
        if key.strip() == "charset" and setting.strip().strip('"') not in _NEUTRAL_CHARSETS:
            return "header content-type: only charset utf-8 is read"
    return None
