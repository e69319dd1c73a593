"""Trying again: how long to wait after failures, and starting a Kafka client while the broker may be away."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Hashable
from contextlib import suppress

from aiokafka.errors import KafkaError

log = logging.getLogger(__name__)

START_WITHIN_S = 60.0
START_AGAIN_S = 0.5


class Backoff:
    """Pauses between retries, in seconds, kept for each thing: doubled by each failure in a row, reset by a success."""

    def __init__(self, first_s: float, longest_s: float, now: Callable[[], float] = time.monotonic) -> None:
        self._first_s, self._longest_s, self._now = first_s, longest_s, now
        self._next_s: dict[Hashable, float] = {}
        self._until: dict[Hashable, float] = {}

    def after_failure(self, thing: Hashable) -> float:
        """The pause that begins now."""
        pause_s = self._next_s.get(thing, self._first_s)
        self._next_s[thing] = min(2 * pause_s, self._longest_s)
        self._until[thing] = self._now() + pause_s
        return pause_s

    def is_over(self, thing: Hashable) -> bool:
        """Whether a thing may be tried (again)."""
        return self._now() >= self._until.get(thing, 0.0)

    def after_success(self, thing: Hashable) -> None:
        """The next failure counts as a first one."""
        self._next_s.pop(thing, None)
        self._until.pop(thing, None)


async def start_with_retry(
    start: Callable[[], Awaitable[object]], close: Callable[[], Awaitable[object]], within_s: float = START_WITHIN_S
) -> None:
    """Await `start()`; where the broker does not answer, `close()` what is half started and retry, for `within_s`.

    A broker that goes away in the second in which a worker starts must not end the worker. Raises what the last attempt
    raised; an error that no retry can help (a wrong password) at once.
    """
    deadline = time.monotonic() + within_s
    while True:
        try:
            await start()
            return
        except KafkaError as error:
            with suppress(Exception):
                await close()
            if not error.retriable or time.monotonic() >= deadline:
                raise
            log.warning("the broker does not answer; trying again in %.1f s: %r", START_AGAIN_S, error)
            await asyncio.sleep(START_AGAIN_S)
