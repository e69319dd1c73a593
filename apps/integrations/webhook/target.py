"""The URL that a webhook posts to, checked before anything is sent.

Path and query of such URLs often hold a token, so the URL is handled like a secret: no error or log contains it.
"""

import hashlib
import ipaddress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from agents.settings import Settings

URL_FLAG = "--url"
URL_FILE_VARIABLE = "SIAGA_WEBHOOK_URL_FILE"
URL_VARIABLE = "SIAGA_WEBHOOK_URL"


class TargetError(ValueError):
    """The URL is missing or invalid. One line that contains nothing of the URL."""


class Target(NamedTuple):
    """`url` as given; `shown` for logs, without path and query; `name`: the default name, a hash of the URL."""

    url: str
    shown: str
    name: str

    def __repr__(self) -> str:
        return f"Target({self.shown})"


def load_target(flag: str | None, settings: Settings, plain_http: bool) -> Target:
    """The target from the flag, else from the file or the variable. Raises TargetError, which names the wrong one."""
    if flag is not None:
        return parse_target(flag, plain_http, URL_FLAG)
    path, url = settings.webhook_url_file, settings.webhook_url
    if path is not None and url is None:
        return parse_target(_read_file(path), plain_http, URL_FILE_VARIABLE)
    if url is not None and path is None:
        return parse_target(url.get_secret_value(), plain_http, URL_VARIABLE)
    raise TargetError(f"{URL_FILE_VARIABLE} or {URL_VARIABLE}: exactly one is needed, where {URL_FLAG} is not given")


def parse_target(url: str, plain_http: bool, given_as: str = URL_FLAG) -> Target:
    """Check a URL: http or https, a host, no user, password or fragment; https unless loopback or `plain_http`.

    `given_as` names the source of the URL in errors. Raises TargetError."""
    parts, port = _split(url, given_as)
    if parts.scheme not in ("http", "https"):
        raise TargetError(f"{given_as}: only http and https")
    if not parts.hostname or any(character.isspace() or not character.isprintable() for character in url):
        raise TargetError(f"{given_as}: no host, or blanks in it")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise TargetError(f"{given_as}: no user, password or fragment; the signature says who sends")
    if parts.scheme == "http" and not plain_http and not _is_loopback(parts.hostname):
        use = "use https, or --plain-http"
        raise TargetError(f"{given_as}: http beyond this machine shows alerts to anyone on the network path; {use}")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    shown = f"{parts.scheme}://{host}" + (f":{port}" if port else "")
    return Target(url, shown, hashlib.sha256(url.encode()).hexdigest()[:12])


def _split(url: str, given_as: str) -> tuple[SplitResult, int | None]:
    # Python's own error messages quote the URL.
    try:
        parts = urlsplit(url)
    except ValueError:
        raise TargetError(f"{given_as}: not a URL: its host is invalid") from None
    try:
        return parts, parts.port
    except ValueError:
        raise TargetError(f"{given_as}: its port is not a number up to 65535") from None


def _read_file(path: Path) -> str:
    try:
        lines = path.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise TargetError(f"{URL_FILE_VARIABLE}: {path}: {reason}") from None
    if len(lines) != 1:
        raise TargetError(f"{URL_FILE_VARIABLE}: {path}: {'more than one URL' if lines else 'empty'}")
    return lines[0]


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
