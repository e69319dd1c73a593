"""Ports on loopback for servers that are restarted on the port they had.

Chosen below the range from which the kernel serves outgoing connections (Linux: net.ipv4.ip_local_port_range starts at
32768): a client that retries against a stopped broker inside that range can end up connected to itself and hold the
port."""

import errno
import random
import socket

LOOPBACK = "127.0.0.1"
_LOWEST, _HIGHEST = 20_000, 32_000


def is_free(port: int) -> bool:
    """True when a server could listen on this loopback port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: a port whose last connections still linger in TIME_WAIT is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                return False
            raise
    return True


def free_port() -> int:
    """A loopback port free now. Random, so that two test runs on one machine rarely ask for the same."""
    for port in random.sample(range(_LOWEST, _HIGHEST), 200):
        if is_free(port):
            return port
    raise OSError(errno.EADDRINUSE, f"no free port between {_LOWEST} and {_HIGHEST}")
