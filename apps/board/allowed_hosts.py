"""Which hosts the board answers to. A page of another site whose name is made to resolve to the board's address (DNS
rebinding) would otherwise read the table in a viewer's browser: it has the name of that site as `Host`.

Loopback names and the address at which the connection arrived are always the board's own, since no site can have them
as its name. Further names, a proxy's for one, are set.
"""

import ipaddress
import re
from typing import NamedTuple

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from apps.board.refusals import Refusal, Refusals

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
SHOWN_CHARS = 80

_AUTHORITY = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253}?)\.?(?::(?P<port>[0-9]{1,5}))?")
_DEFAULT_PORTS = {"http": 80, "https": 443}


class _Authority(NamedTuple):
    """`name[:port]` in the form that is compared: lower case, addresses as `ipaddress` writes them."""

    name: str
    port: int | None


class AllowedHosts:
    """The names in `named` (`name[:port],...`; without a port at any), loopback, and where a connection arrived."""

    def __init__(self, named: str, bound: str) -> None:
        self._own = LOOPBACK | {_name(bound)}
        self._named = frozenset(found for text in named.split(",") if (found := _parse(text)))

    def admits(self, authority: str, arrived_at: tuple[str, int], default_port: int = 80) -> bool:
        """Whether `authority`, the value of a `Host`, is the board's. `arrived_at`: the connection's address here."""
        asked = _parse(authority)
        if asked is None:
            return False
        if asked in self._named or _Authority(asked.name, None) in self._named:
            return True
        address, port = arrived_at
        return (asked.port or default_port) == port and asked.name in self._own | {_name(address)}

    def admits_origin(self, origin: str, arrived_at: tuple[str, int]) -> bool:
        """Whether `origin`, the value of an `Origin`, is a page of the board's; `null` is not."""
        scheme, _, authority = origin.partition("://")
        return scheme in _DEFAULT_PORTS and self.admits(authority, arrived_at, _DEFAULT_PORTS[scheme])


class HostCheck:
    """Answers requests for another host 421, those of another site's page 403: one line that says what to set."""

    def __init__(self, hosts: AllowedHosts, refusals: Refusals) -> None:
        self._hosts, self._refusals = hosts, refusals

    def middleware(self) -> Middleware:
        """For `web.Application`: it is before every route and before the answer to an unknown path."""

        @web.middleware
        async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
            return self._refused(request) or await handler(request)

        return check

    def _refused(self, request: web.Request) -> web.Response | None:
        arrived_at = request.get_extra_info("sockname", ("", 0))[:2]
        hosts = request.headers.getall("Host", [])
        if len(hosts) != 1 or not self._hosts.admits(hosts[0], arrived_at):
            return self._answer(421, Refusal.HOST, f"the host {_shown(hosts)}")
        origins = request.headers.getall("Origin", [])
        if not all(self._hosts.admits_origin(origin, arrived_at) for origin in origins):
            return self._answer(403, Refusal.ORIGIN, f"pages of {_shown(origins)}")
        return None

    def _answer(self, status: int, reason: Refusal, asked: str) -> web.Response:
        advice = "set SIAGA_BOARD_HOSTS or --board-hosts if that name is this board's"
        self._refusals.add(reason, f"a request for another {reason} was refused: {advice}")
        refused = web.Response(status=status, text=f"this board does not answer {asked}: {advice}\n")
        refused.force_close()
        return refused


def _shown(values: list[str]) -> str:
    return repr(", ".join(values))[:SHOWN_CHARS] if values else "of no name"


def _parse(text: str) -> _Authority | None:
    found = _AUTHORITY.fullmatch(text.strip())
    if found is None:
        return None
    return _Authority(_name(found["name"]), int(found["port"]) if found["port"] else None)


def _name(text: str) -> str:
    """Lower case; an address as `ipaddress` writes it, without brackets and zone."""
    name = text.strip("[]").partition("%")[0].lower()
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        return name
