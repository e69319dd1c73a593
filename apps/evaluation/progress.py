"""How far a long run is: a bar on a terminal, elsewhere a line from time to time."""

import sys
from collections.abc import Callable, Iterable, Iterator
from time import monotonic
from typing import Any

import click

# A log that is read afterwards needs no more; one that is watched shows that the run goes on.
EVERY_S = 10


def progress(items: Iterable[Any], length: int, label: str, clock: Callable[[], float] = monotonic) -> Iterator[Any]:
    """Pass the items on and show on standard error how many of how many are done.

    Without a terminal one line at the start and then at most one every EVERY_S."""
    if sys.stderr.isatty():
        with click.progressbar(items, length=length, label=f"{label:14}", file=sys.stderr) as bar:
            yield from bar
        return
    click.echo(f"{label}: 0 of {length}", err=True)
    shown_s = clock()
    for done, item in enumerate(items, 1):
        if clock() - shown_s >= EVERY_S:
            click.echo(f"{label}: {done} of {length}", err=True)
            shown_s = clock()
        yield item
