"""`siaga publish`: send incidents or turnout, JSON lines, checked before they are sent."""

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import click

from agents.settings import Settings
from apps.cli.broker import COMPRESSIONS, broker_errors, open_sender
from apps.cli.options import CommandError, with_settings
from apps.cli.terminal import progress_bar
from apps.publishing import progress
from apps.publishing.lines import InputError, Line, open_input, read_lines, unpacked
from apps.publishing.messages import Kind, Reader, checked, unchecked
from apps.publishing.publish import Tally, publish, read_messages
from apps.publishing.sender import DeliveryError
from schemas.fields import SOURCE_PATTERN
from schemas.rejected import Rejected

INTERRUPTED = 130


@click.command(name="publish")
@click.argument("kind", type=click.Choice([kind.value for kind in Kind]))
@click.argument("file", default="-", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--check", is_flag=True, help="Dry run: read and check everything, send nothing.")
@click.option("--no-validate", is_flag=True, help="Send every line unchecked; Siaga rejects invalid ones.")
@click.option(
    "--resume", is_flag=True, help="Continue after the last line of this FILE that an earlier run got acknowledged."
)
@click.option("--input", "own", metavar="NAME", default="", help="Send to this publisher's own input of that name.")
@click.option("--compression", type=click.Choice(COMPRESSIONS), default="none", show_default=True)
@with_settings("roster", "data_dir")
def command(
    settings: Settings,
    kind: str,
    file: Path,
    check: bool,
    no_validate: bool,
    resume: bool,
    own: str,
    compression: str,
) -> None:
    """Send FILE (JSON lines, gzip or not; - is standard input) to the topic of its kind, keyed by regency.

    A line that does not fit the schema is not sent but reported with its number and reason; with --roster (or
    SIAGA_ROSTER) so is an unknown regency. Delivery is at least once; Siaga counts an event_id once. Exit status 0 when
    every line was sent, 1 when one was rejected or the broker failed, 2 for wrong arguments, 130 when interrupted.
    """
    from_stdin = str(file) == "-"
    if resume and from_stdin:
        raise CommandError("--resume needs a FILE: standard input cannot be read again", exit_code=2)
    if own and not re.fullmatch(SOURCE_PATTERN, own):
        raise CommandError(f"--input: {own!r} is not 1 to 32 of a-z, 0-9 and -", exit_code=2)
    topic, tally = settings.topics.input(Kind(kind).topic, own), Tally()
    read = _reader(settings, Kind(kind), no_validate)
    with _input(file) as stream:
        if check:
            _dry_run(stream, file, read, tally)
        else:
            _send(settings, topic, stream, file, resume, read, compression, tally)
    _summary(tally, "would be sent" if check else "sent")
    if tally.rejected:
        raise SystemExit(1)


def _reader(settings: Settings, kind: Kind, no_validate: bool) -> Reader:
    if no_validate:
        return unchecked
    # Without --roster the regencies are unknown: workers may run with another roster than the packaged one.
    return checked(kind, frozenset(settings.load_roster()) if settings.roster else None)


@contextmanager
def _input(file: Path) -> Iterator[BinaryIO]:
    try:
        if str(file) == "-":
            yield unpacked(sys.stdin.buffer)
        else:
            with open_input(file) as stream:
                yield stream
    except InputError as error:
        raise CommandError(str(error), exit_code=2) from None


def _dry_run(stream: BinaryIO, file: Path, read: Reader, tally: Tally) -> None:
    with progress_bar(file, 0) as advance:
        for _line, _message in read_messages(advance(read_lines(stream)), read, tally, _report):
            tally.sent += 1


def _send(
    settings: Settings,
    topic: str,
    stream: BinaryIO,
    file: Path,
    resume: bool,
    read: Reader,
    compression: str,
    tally: Tally,
) -> None:
    kept = progress.progress_path(settings.data_dir, file, topic)
    number, offset, before = _resume(stream, kept, topic, settings.broker) if resume else (0, 0, 0)
    with broker_errors(settings):
        sender = open_sender(settings, [topic], compression)
        try:
            with progress_bar(file, offset) as advance:
                messages = read_messages(advance(read_lines(stream, number, offset)), read, tally, _report)
                publish(messages, sender, topic, tally, _keeper(kept, file, topic, settings.broker, before))
        except DeliveryError as error:
            _summary(tally, "sent")
            raise CommandError(f"broker {settings.broker}: {error}{_hint(file)}") from None
        except KeyboardInterrupt:
            _summary(tally, "sent")
            click.echo(f"interrupted{_hint(file)}", err=True)
            raise SystemExit(INTERRUPTED) from None
        finally:
            sender.close()


def _resume(stream: BinaryIO, kept: Path, topic: str, broker: str) -> tuple[int, int, int]:
    """Line, offset and records sent where an earlier run stopped; zeros when there was none."""
    try:
        earlier = progress.load(kept)
        if earlier is None:
            click.echo("nothing to resume: no earlier run of this file; starting at line 1", err=True)
            return 0, 0, 0
        progress.resume_at(stream, earlier, topic, broker)
    except progress.ProgressError as error:
        raise CommandError(str(error), exit_code=2) from None
    click.echo(f"resuming after line {earlier.line} ({earlier.sent} sent by then)", err=True)
    return earlier.line, earlier.end, earlier.sent


def _keeper(kept: Path, file: Path, topic: str, broker: str, before: int) -> Callable[[Line, int], None]:
    """Saves the progress of a file. If the data directory cannot be written, warns once and gives up --resume only."""
    is_off = str(file) == "-"

    def keep(line: Line, sent: int) -> None:
        nonlocal is_off
        if is_off:
            return
        try:
            progress.save(kept, topic, broker, line, before + sent)
        except OSError as error:
            is_off = True
            click.echo(f"warning: progress is not saved, --resume will not work: {kept}: {error.strerror}", err=True)

    return keep


def _report(line: Line, rejected: Rejected) -> None:
    if sys.stderr.isatty():
        click.echo("\r\x1b[K", nl=False, err=True)  # overwrite the bar
    click.echo(f"line {line.number}: {rejected.reason.value}: {rejected.error}", err=True)


def _hint(file: Path) -> str:
    return "" if str(file) == "-" else "; continue with --resume"


def _summary(tally: Tally, verb: str) -> None:
    reasons = ", ".join(f"{reason} {count}" for reason, count in sorted(tally.reasons.items()))
    click.echo(
        f"{tally.read} read, {tally.sent} {verb}, {tally.rejected} rejected" + (f" ({reasons})" if reasons else ""),
        err=True,
    )
