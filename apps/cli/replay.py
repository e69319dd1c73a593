"""`siaga replay`: publish a recorded election at a chosen speed."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click
from pydantic import TypeAdapter, ValidationError

from agents.settings import Settings
from apps.cli.broker import COMPRESSIONS, broker_errors, open_sender
from apps.cli.options import CommandError, with_settings
from apps.publishing.lines import InputError, Line
from apps.publishing.messages import Kind, checked
from apps.publishing.sender import DeliveryError
from apps.replay.recording import Recording
from apps.replay.replay import Pace, replay
from schemas.fields import Timestamp, milliseconds
from schemas.rejected import Rejected

INTERRUPTED = 130
PROGRESS_EVERY_S = 5.0


@click.command(name="replay")
@click.option("--incidents", type=click.Path(path_type=Path), help="Recorded incidents, JSON lines, gzip or not.")
@click.option("--turnout", type=click.Path(path_type=Path), help="Recorded turnout, JSON lines, gzip or not.")
@click.option("--speed", default="60", show_default=True, help="Recorded seconds per real second, or max.")
@click.option("--from", "from_time", metavar="TIME", help="Skip messages before TIME (RFC 3339 with offset).")
@click.option("--compression", type=click.Choice(COMPRESSIONS), default="none", show_default=True)
@with_settings("roster")
def command(
    settings: Settings,
    incidents: Path | None,
    turnout: Path | None,
    speed: str,
    from_time: str | None,
    compression: str,
) -> None:
    """Publish a recorded pair in the order of its event time, at --speed times the real pace.

    An incident is sent at the time it occurred, later revisions at the time they were reported, turnout at its as_of.
    Each regency's messages keep their order. Workers must run with SIAGA_CLOCK=event, or a past election is rejected as
    too old. Exit status as for publish."""
    if incidents is None and turnout is None:
        raise CommandError("give --incidents, --turnout or both", exit_code=2)
    pace, from_ms = Pace(_speed(speed)), _moment(from_time)
    with Recording() as recording:
        _load(recording, settings, {Kind.INCIDENTS: incidents, Kind.TURNOUT: turnout})
        if len(recording):
            _play(settings, recording, pace, from_ms, compression)
        else:
            click.echo("nothing to replay", err=True)
    if recording.rejected:
        raise SystemExit(1)


def _load(recording: Recording, settings: Settings, files: dict[Kind, Path | None]) -> None:
    try:
        regencies = frozenset(settings.load_roster()) if settings.roster else None
        for kind, path in files.items():
            if path is not None:
                recording.add(kind, path, checked(kind, regencies), _report)
    except InputError as error:
        raise CommandError(str(error), exit_code=2) from None
    if len(recording):
        first, last = _clock(recording.first_ms), _clock(recording.last_ms)
        click.echo(f"{len(recording)} messages from {first} to {last}, {recording.rejected} rejected", err=True)


def _play(settings: Settings, recording: Recording, pace: Pace, from_ms: int | None, compression: str) -> None:
    topics = {kind: settings.topics[kind.topic] for kind in Kind}
    with broker_errors(settings):
        sender = open_sender(settings, list(topics.values()), compression)
        try:
            with _shown(len(recording) - recording.skipped(from_ms)) as show:
                replay(recording.messages(from_ms), sender, topics, pace, show)
            click.echo(f"{sender.acknowledged} sent", err=True)
        except InputError as error:
            raise CommandError(str(error)) from None
        except DeliveryError as error:
            raise CommandError(f"broker {settings.broker}: {error}{_hint(sender.position)}") from None
        except KeyboardInterrupt:
            click.echo(f"{sender.acknowledged} sent; interrupted{_hint(sender.position)}", err=True)
            raise SystemExit(INTERRUPTED) from None
        finally:
            sender.close()


def _speed(text: str) -> float | None:
    if text == "max":
        return None
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0 < speed < float("inf"):
        raise CommandError(f"--speed: {text!r} is neither a number above 0 nor max", exit_code=2)
    return speed


def _moment(text: str | None) -> int | None:
    try:
        return None if text is None else milliseconds(TypeAdapter(Timestamp).validate_python(text))
    except ValidationError:
        raise CommandError(
            f"--from: {text!r} is not RFC 3339, such as 2024-11-27T07:00:00+07:00", exit_code=2
        ) from None


def _report(kind: Kind, line: Line, rejected: Rejected) -> None:
    click.echo(f"{kind} line {line.number}: {rejected.reason.value}: {rejected.error}", err=True)


def _hint(position_ms: int | None) -> str:
    """Messages of that same millisecond may be sent twice, which has no effect: an event_id counts once."""
    return "" if position_ms is None else f"; continue with --from {_clock(position_ms)}"


def _clock(at_ms: int) -> str:
    # Milliseconds, rounded down, so that --from with this text skips nothing unsent.
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@contextmanager
def _shown(total: int) -> Iterator[Callable[[int, int], None]]:
    """The recording's clock and the messages sent: a bar on a terminal, else a line every PROGRESS_EVERY_S."""
    if sys.stderr.isatty():
        with click.progressbar(length=total, file=sys.stderr, show_pos=True, item_show_func=_text) as bar:

            def draw(count: int, at_ms: int) -> None:
                bar.update(count - bar.pos, at_ms)

            yield draw
        return
    printed_s = time.monotonic()

    def print_line(count: int, at_ms: int) -> None:
        nonlocal printed_s
        if (now_s := time.monotonic()) - printed_s >= PROGRESS_EVERY_S:
            click.echo(f"{_clock(at_ms)}  {count} of {total}", err=True)
            printed_s = now_s

    yield print_line


def _text(at_ms: int | None) -> str | None:
    return None if at_ms is None else _clock(at_ms)
