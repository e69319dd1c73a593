"""How many connections and viewers fit into the process's file descriptors. Each takes one."""

import resource
from typing import NamedTuple

VIEWERS_MAX = 5000
CONNECTIONS_MAX = 6000
"""The viewers, and a thousand for pages, health and metrics."""
RESERVED = 32
"""For the connections to the brokers (a reader and its administration, two for each broker), the listening sockets,
the event loop and the log: no client can take these."""
VIEWERS_SHARE = 3, 4
"""The rest of the connections is for pages, health and metrics: a full board must still be able to answer."""


class Capacity(NamedTuple):
    """How many connections a board may have, and how many of them may be viewers."""

    connections: int = CONNECTIONS_MAX
    viewers: int = VIEWERS_MAX

    @classmethod
    def of(cls, descriptors: int) -> "Capacity":
        """With that many file descriptors."""
        connections = min(CONNECTIONS_MAX, max(descriptors - RESERVED, descriptors // 2))
        part, whole = VIEWERS_SHARE
        return cls(connections, min(VIEWERS_MAX, connections * part // whole))


LARGEST = Capacity()


def raise_descriptor_limit() -> int:
    """Raise the soft limit of open files to the hard limit; returns the limit that then holds.

    The usual soft limit is 1024, kept low for programs that use select(); the hard limit is the administrator's."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            soft = hard
        except (ValueError, OSError):  # some systems refuse their own hard limit
            pass
    return 2 * CONNECTIONS_MAX if soft == resource.RLIM_INFINITY else soft
