"""How many viewers fit: each holds a file descriptor, and whoever asks for the page, health or metrics needs one too."""

import resource

VIEWERS_MAX = 5000
SHARE_OF_VIEWERS = 3, 4
"""The rest is for pages, health, metrics and the broker: a board that is full must still say so."""


def raise_limit() -> int:
    """Take as many descriptors as the system lets this process have; how many that are.

    The usual soft limit is 1024, kept low for programs that use select(); the hard one is what the administrator means.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            soft = hard
        except (ValueError, OSError):  # some systems have a hard limit that cannot be had
            pass
    return VIEWERS_MAX * 2 if soft == resource.RLIM_INFINITY else soft


def most_viewers(descriptors: int) -> int:
    """Viewers that leave room for everybody else."""
    part, whole = SHARE_OF_VIEWERS
    return min(VIEWERS_MAX, descriptors * part // whole)
