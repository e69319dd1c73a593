"""Work without the garbage collector: where all that is made stays, it would walk it again and again."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_rests() -> Iterator[None]:
    """The collector is off within this, and on again afterwards, whatever happens."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
