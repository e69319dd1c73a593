"""Starting a Kafka client while the broker may be away."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from time import monotonic

from aiokafka.errors import KafkaError

log = logging.getLogger(__name__)

PATIENCE_S = 60.0
AGAIN_S = 0.5


async def start_patiently(
    start: Callable[[], Awaitable[object]], drop: Callable[[], Awaitable[object]], within_s: float = PATIENCE_S
) -> None:
    """Await `start()`; where the broker does not answer, `drop()` what is half started and try again, for `within_s`
    seconds.

    A broker that goes away in the second in which a worker starts must not end the worker. Raises what the last attempt
    raised; an error that no retry can help (a wrong password) at once."""
    deadline = monotonic() + within_s
    while True:
        try:
            await start()
            return
        except KafkaError as error:
            with suppress(Exception):
                await drop()
            if not error.retriable or monotonic() >= deadline:
                raise
            log.warning("the broker went away while a client was starting; trying again: %r", error)
            await asyncio.sleep(AGAIN_S)
