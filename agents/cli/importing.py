"""Importing without the garbage collector: what modules make stays, and walking it again and again is a tenth of a start's processor time."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def importing() -> Iterator[None]:
    """Import within this; the collector is on again afterwards, whatever happens."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
