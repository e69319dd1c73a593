"""How many viewers fit into the process's file descriptors. Each takes one; page, health and metrics need some too."""

import resource

VIEWERS_MAX = 5000
VIEWERS_SHARE = 3, 4
"""The rest is for pages, health, metrics and the broker: a full board must still be able to answer."""


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
    return VIEWERS_MAX * 2 if soft == resource.RLIM_INFINITY else soft


def viewer_limit(descriptors: int) -> int:
    """How many viewers may connect with that many file descriptors."""
    part, whole = VIEWERS_SHARE
    return min(VIEWERS_MAX, descriptors * part // whole)
