"""What faults can reach, and what they say of themselves."""

import random
import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from tests.chaos.archive import Archive
from tests.chaos.cluster import Cluster
from tests.chaos.proxied import Proxy
from tests.chaos.publishers import Publishers, Rate


class Struck(NamedTuple):
    """What was done. From `free_ms` (Unix time) on nothing of the fault was left but its consequences."""

    fault: str
    target: str
    at_ms: int
    free_ms: int


class Scene(NamedTuple):
    """What faults can reach."""

    cluster: Cluster
    rate: Rate
    proxy: Proxy | None
    #: Regencies of the roster.
    codes: tuple[str, ...]
    #: Seconds of a long stop or freeze: shorter in CI.
    long_s: float
    #: Runs a broker call in the one thread that lives as long as the run (the broker dies with the thread that forked
    #: it).
    broker_call: Callable[[Callable[[], object]], Awaitable[object]]
    publishers: Publishers
    archive: Archive


Fault = Callable[[Scene, random.Random], Awaitable[Struck]]


def now_ms() -> int:
    return time.time_ns() // 1_000_000
