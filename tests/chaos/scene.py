"""What a fault can act on, and its record."""

import random
import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from tests.chaos.archive import Archive
from tests.chaos.cluster import Cluster
from tests.chaos.network import Network
from tests.chaos.proxied import Proxy
from tests.chaos.publishers import Publishers, Rate


class Struck(NamedTuple):
    """A fault that was applied. From `free_ms` (Unix ms) on only its consequences were left."""

    fault: str
    target: str
    at_ms: int
    free_ms: int


class Scene(NamedTuple):
    """What a fault can act on."""

    cluster: Cluster
    rate: Rate
    proxy: Proxy | None
    #: Regencies of the roster.
    codes: tuple[str, ...]
    #: Seconds of a long stop or freeze: shorter in CI.
    long_s: float
    #: Runs a broker call in a thread that lives as long as the run: the broker dies with the thread that forked it.
    broker_call: Callable[[Callable[[], object]], Awaitable[object]]
    publishers: Publishers
    archive: Archive
    #: Between the brokers of a cluster, and to the workers, where a fault cuts it.
    network: Network | None = None


Fault = Callable[[Scene, random.Random], Awaitable[Struck]]


def now_ms() -> int:
    return time.time_ns() // 1_000_000
