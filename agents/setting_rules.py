"""What the text of a setting must be: each rule returns the value in one form or raises a ValueError of one line."""

import re
from pathlib import Path
from typing import Any

from schemas.fields import SOURCE_PATTERN

_HOST = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?")
_HOST_PORT = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):(?P<port>[0-9]{1,5})")


def addresses(text: str) -> str:
    """`host:port[,host:port]`, an IPv6 host in brackets, without blanks."""
    addresses = [part.strip() for part in text.split(",")]
    for address in addresses:
        match = _HOST_PORT.fullmatch(address)
        if match is None or not 1 <= int(match["port"]) <= 65535:
            raise ValueError(f"{address!r} is not host:port (an IPv6 host goes in brackets: [::1]:9092)")
    return ",".join(addresses)


def sources(text: str) -> str:
    """`name[,name]` of publishing systems, without blanks."""
    names = [part.strip() for part in text.split(",")] if text else []
    for name in names:
        if not re.fullmatch(SOURCE_PATTERN, name):
            raise ValueError(f"{name!r} is no source: 1 to 32 of a-z, 0-9 and -")
    return ",".join(names)


def hosts(text: str) -> str:
    """`name[:port][,name...]` as a browser sends it in `Host`, in lower case, without blanks."""
    hosts = [part.strip().lower() for part in text.split(",") if part.strip()]
    for host in hosts:
        match = _HOST.fullmatch(host)
        if match is None or (match["port"] and not 1 <= int(match["port"]) <= 65535):
            raise ValueError(f"{host!r} is not name or name:port (an IPv6 address goes in brackets)")
    return ",".join(hosts)


def file(path: Path) -> Path:
    if not path.is_file():
        raise ValueError("no such file")
    return path


def upper(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


def lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value
