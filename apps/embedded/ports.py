"""Ports on loopback for servers that restart on the same port.

Below the ephemeral range of outgoing connections (Linux: net.ipv4.ip_local_port_range starts at 32768): a client that
retries against a stopped broker on an ephemeral port can connect to itself and occupy the port."""

import errno
import random
import socket

LOOPBACK = "127.0.0.1"
_LOWEST, _HIGHEST = 20_000, 32_000


def is_free(port: int) -> bool:
    """True when a server could listen on this loopback port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: a port with connections in TIME_WAIT is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                return False
            raise
    return True


def free_port() -> int:
    """A loopback port that is free now. Random, so that parallel test runs rarely choose the same."""
    for port in random.sample(range(_LOWEST, _HIGHEST), 200):
        if is_free(port):
            return port
    raise OSError(errno.EADDRINUSE, f"no free port between {_LOWEST} and {_HIGHEST}")
