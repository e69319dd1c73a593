"""What commands show on a terminal beside their output: progress, a hint, and whether anyone still reads the output."""

import os
import select
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from apps.publishing.lines import Line

Advance = Callable[[Iterable[Line]], Iterator[Line]]
COUNT_EVERY_S = 0.2
#: The checkout's launcher, absent where Siaga is installed from a wheel.
_LAUNCHER = Path(__file__).resolve().parents[2] / "siaga"


@contextmanager
def progress_bar(file: Path, offset: int) -> Iterator[Advance]:
    """Yields a function that passes lines through and shows how far a file has been read; `offset` is its start.

    A bar of bytes, or a count of lines where the length is unknown. Nothing when standard error is no terminal."""
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


def hint(text: str) -> None:
    """A line on standard error, only when that is a terminal."""
    if sys.stderr.isatty():
        click.echo(text, err=True)


def output_closed() -> bool:
    """Whether standard output is a pipe without a reader, so that `tail | head` ends even when no record comes."""
    try:
        poll = select.poll()
        poll.register(sys.stdout.fileno(), 0)
        return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))
    except (OSError, ValueError, AttributeError):  # no descriptor, or a system without poll
        return False


def discard_output() -> None:
    """After a BrokenPipeError: let Python's flush of standard output at exit succeed."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def siaga_command() -> str:
    """How a person calls `siaga` from the current directory: `./siaga` in a checkout, `siaga` where it is installed."""
    if not _LAUNCHER.is_file():
        return "siaga"
    relative = os.path.relpath(_LAUNCHER)
    return relative if os.sep in relative else os.path.join(os.curdir, relative)
