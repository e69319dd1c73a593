"""Which cluster answers on this port? One Metadata request, without the retries and logs of a client library."""

import socket
import struct

from apps.embedded.ports import LOOPBACK

_METADATA_KEY, _METADATA_VERSION = 3, 4
_CORRELATION = 7
_CLIENT = b"siaga-probe"


def cluster_id(port: int, timeout_s: float = 2.0) -> str | None:
    """The cluster id of the broker on this loopback port; None while no broker answers or it is not registered."""
    header = struct.pack(">hhih", _METADATA_KEY, _METADATA_VERSION, _CORRELATION, len(_CLIENT)) + _CLIENT
    body = struct.pack(">i?", 0, False)  # no topics, and create none
    request = header + body
    try:
        with socket.create_connection((LOOPBACK, port), timeout=timeout_s) as connection:
            connection.sendall(struct.pack(">i", len(request)) + request)
            (size,) = struct.unpack(">i", _exactly(connection, 4))
            return _parse(_exactly(connection, size)) if 0 < size < 1 << 16 else None
    except (OSError, EOFError, struct.error, ValueError):
        return None


def _exactly(connection: socket.socket, size: int) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        part = connection.recv(size - len(parts))
        if not part:
            raise EOFError
        parts += part
    return bytes(parts)


def _parse(answer: bytes) -> str | None:
    """Metadata response v4: throttle time, brokers, cluster id, ... (Kafka protocol guide). None without a broker."""
    correlation, _throttle_ms, brokers = struct.unpack_from(">iii", answer)
    if correlation != _CORRELATION or brokers < 1:
        return None
    at = 12
    for _ in range(brokers):
        (host,) = struct.unpack_from(">h", answer, at + 4)
        at += 4 + 2 + host + 4
        (rack,) = struct.unpack_from(">h", answer, at)
        at += 2 + max(rack, 0)
    (length,) = struct.unpack_from(">h", answer, at)
    return answer[at + 2 : at + 2 + length].decode("ascii") if length > 0 else None
