"""Where a webhook goes: the one URL that was given, checked before anything is sent."""

import hashlib
import ipaddress
from typing import NamedTuple
from urllib.parse import urlsplit


class TargetError(ValueError):
    """The URL is no good. One line without what it may hold of secrets."""


class Target(NamedTuple):
    """`url` as given; `shown` for logs, without path and query, which often hold a token; `name` of its own by default."""

    url: str
    shown: str
    name: str


def target_of(url: str, plain_http: bool) -> Target:
    """Check a URL: http or https, a host, no user and password, no fragment; https beyond loopback. Raises TargetError."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise TargetError(f"--url: {error}") from None
    if parts.scheme not in ("http", "https"):
        raise TargetError("--url: only http and https")
    if not parts.hostname or any(character.isspace() or not character.isprintable() for character in url):
        raise TargetError("--url: no host, or blanks in it")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise TargetError("--url: no user, password or fragment; the signature says who sends")
    if parts.scheme == "http" and not plain_http and not _is_loopback(parts.hostname):
        raise TargetError("--url: http beyond this machine shows alerts to whoever listens; use https, or --plain-http")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    shown = f"{parts.scheme}://{host}" + (f":{port}" if port else "")
    return Target(url, shown, hashlib.sha256(url.encode()).hexdigest()[:12])


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
