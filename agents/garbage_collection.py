"""Python's cyclic garbage collector: paused while long-lived objects are made, and rare in a worker.

Importing modules and restoring state create many objects that stay; each pass of the collector would walk them again.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

#: A worker holds a million small objects that never form cycles. Python's default thresholds walk them over and over:
#: 8 % of the risk fold's time at 60,000 incidents, with pauses that grow with the state, and 7 % of a worker's time in
#: catch-up, where a batch of 50,000 records was walked while it was folded. Other thresholds were measured too
#: (docs/decisions/0015-left-out.md).
WORKER_THRESHOLDS = (200_000, 10, 100)


@contextmanager
def gc_paused() -> Iterator[None]:
    """Disable the collector inside the block; enable it again afterwards, also on an exception."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def set_worker_thresholds() -> None:
    """Collect rarely from now on, as a worker should."""
    gc.set_threshold(*WORKER_THRESHOLDS)
