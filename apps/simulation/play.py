"""Plays messages at a multiple of real time: sleeps until the next one is due, and stops at once when asked to."""

import threading
import time
from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar


class Timed(Protocol):
    """Anything that is due at a moment, milliseconds since the epoch."""

    @property
    def at_ms(self) -> int: ...


Due = TypeVar("Due", bound=Timed)
STRIDE_S = 0.1  # the longest sleep, and the interval of `heartbeat`


def play(
    messages: Iterable[Due],
    start_ms: int,
    speed: float,
    send: Callable[[Due], None],
    stop: threading.Event,
    heartbeat: Callable[[int], None] = lambda _at_ms: None,
) -> bool:
    """Send each message when it is due; False when `stop` was set before the last.

    `start_ms` is the simulated time at which playing begins; earlier messages are sent at once. `speed` is simulated
    seconds per real second, 0 for as fast as possible. `heartbeat` is called with the simulated time about every
    STRIDE_S."""
    began, last_heartbeat = time.monotonic(), 0.0
    for message in messages:
        while not stop.is_set():
            now = time.monotonic()
            clock_ms = start_ms + (now - began) * speed * 1000 if speed else message.at_ms
            if now - last_heartbeat >= STRIDE_S:
                heartbeat(int(clock_ms))
                last_heartbeat = now
            if message.at_ms <= clock_ms:
                break
            stop.wait(min((message.at_ms - clock_ms) / speed / 1000, STRIDE_S))
        if stop.is_set():
            return False
        send(message)
    return True
