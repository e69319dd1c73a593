"""Seconds from the start of a worker's process until shards of both stages are open."""

import time

from benchmarks.drain import fill
from benchmarks.folding import until_folded
from benchmarks.system import System, load_regencies

EVENTS = 20_000


async def starts(again: int = 2) -> dict[str, float | list[float]]:
    """Seconds on new topics, and after SIGKILL with everything folded."""
    with System("event") as system:
        first = _start(system)
        await fill(system, EVENTS, load_regencies())
        await until_folded(system, EVENTS)
        later = []
        for _ in range(again):
            system.kill_worker(0)
            later.append(_start(system))
        return {"new_topics_s": first, "after_kill_s": later}


def _start(system: System) -> float:
    started = time.monotonic()
    system.start_worker(0)
    system.wait_ready(0)
    return round(time.monotonic() - started, 1)
