"""How far a file has been read, on a terminal: a bar of bytes, or a count of lines where the length is not known."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from apps.publishing.lines import Line

Advance = Callable[[Iterable[Line]], Iterator[Line]]
COUNT_EVERY_S = 0.2


@contextmanager
def progress_bar(file: Path, offset: int) -> Iterator[Advance]:
    """Yields a function that passes lines through and shows how far they are; `offset` is where they begin."""
    if not sys.stderr.isatty():
        yield iter
    elif str(file) == "-" or not file.is_file() or file.suffix == ".gz":
        yield _counted
        click.echo(err=True)
    else:
        with click.progressbar(length=file.stat().st_size, file=sys.stderr, label=file.name) as bar:

            def advance(lines: Iterable[Line]) -> Iterator[Line]:
                bar.update(offset)
                before = offset
                for line in lines:
                    bar.update(line.end - before)
                    before = line.end
                    yield line

            yield advance


def _counted(lines: Iterable[Line]) -> Iterator[Line]:
    shown_s = 0.0
    for line in lines:
        if (now_s := time.monotonic()) - shown_s >= COUNT_EVERY_S:
            click.echo(f"\r{line.number} lines", nl=False, err=True)
            shown_s = now_s
        yield line
