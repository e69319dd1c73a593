"""Play messages at a multiple of real time: sleep until the next is due, stop at once when told to."""

import threading
import time
from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar


class Timed(Protocol):
    """Anything that is due at a moment, milliseconds since the epoch."""

    @property
    def at_ms(self) -> int: ...


Due = TypeVar("Due", bound=Timed)
STRIDE_S = 0.1  # the longest sleep between two looks at what is due; also the pace of `heartbeat`


def play(
    messages: Iterable[Due],
    start_ms: int,
    speed: float,
    send: Callable[[Due], None],
    stop: threading.Event,
    heartbeat: Callable[[int], None] = lambda _at_ms: None,
) -> bool:
    """Send each message when it is due; False when `stop` was set before the last.

    `start_ms` is the simulated moment at which playing begins; what arrived before it is sent at once. `speed` is
    simulated seconds per real second, 0 for as fast as possible. `heartbeat` hears the simulated time about every
    STRIDE_S."""
    began, beat = time.monotonic(), 0.0
    for message in messages:
        while not stop.is_set():
            now = time.monotonic()
            clock_ms = start_ms + (now - began) * speed * 1000 if speed else message.at_ms
            if now - beat >= STRIDE_S:
                heartbeat(int(clock_ms))
                beat = now
            if message.at_ms <= clock_ms:
                break
            stop.wait(min((message.at_ms - clock_ms) / speed / 1000, STRIDE_S))
        if stop.is_set():
            return False
        send(message)
    return True
