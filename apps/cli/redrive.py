"""`siaga redrive`: send rejected records again, corrected or valid by now."""

import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from uuid import UUID

import click
from kafka.errors import TopicAuthorizationFailedError

from agents.kafka.connection import kafka_python_options
from agents.kafka.topic_reader import read_all
from agents.kafka.topics import open_admin
from agents.settings import Settings
from apps.cli.broker import CONNECT_S, broker_errors, open_sender
from apps.cli.options import CommandError, with_settings
from apps.publishing.lines import InputError, open_input, read_lines, unpacked
from apps.publishing.redrive import IntakeCheck, RedriveTally, redrive, unless, valid
from apps.publishing.redriven import Journal, JournalError
from apps.publishing.rejects import Origin, Reject, Unreadable, of_lines, of_records
from apps.publishing.sender import DeliveryError
from schemas.topics import Topic
from schemas.vocabulary import RejectReason
from streams.admission import Gate

INTERRUPTED = 130
REASONS = [reason.value for reason in RejectReason]

Rejects = Iterable[Reject | Unreadable]


@click.command(name="redrive")
@click.argument("file", required=False, type=click.Path(path_type=Path, allow_dash=True))
@click.option(
    "--reason",
    "reasons",
    type=click.Choice(REASONS),
    multiple=True,
    help="Read from the topic what was rejected for this reason.",
)
@click.option("--check", is_flag=True, help="Dry run: check all, redriven before or not; send nothing.")
@click.option("--again", is_flag=True, help="Also send what was redriven before.")
@with_settings("roster", "sources_file", "clock", "data_dir")
def command(settings: Settings, file: Path | None, reasons: tuple[str, ...], check: bool, again: bool) -> None:
    """Send rejected records again, to the topic they came from and with their key.

    From FILE (- is standard input): lines of `siaga tail rejected`, each `value` corrected by a person. Or with
    --reason (repeatable) from the topic of rejected records: those that are valid now, because the roster was extended
    or the clock has caught up.

    Each is checked as a worker with the same --roster, --sources-file and --clock would. A record that still fails is
    reported with its line and not sent. Records redriven before are skipped, so correct, run, and run again. Exit
    status 0 when all are sent, 1 when some still fail or the broker did, 2 for wrong arguments, 130 when interrupted.
    """
    if (file is None) != bool(reasons):
        raise CommandError("give either FILE or --reason", exit_code=2)
    tally = RedriveTally()
    check_now = _intake_check(settings)
    needs_broker = bool(reasons) or not check
    source = _from_topic(settings, reasons) if file is None else _from_file(file)
    with broker_errors(settings) if needs_broker else nullcontext(), source as rejects:
        if check:
            tally.sent = sum(1 for _ in valid(rejects, check_now, _never, tally, _report))
        else:
            _send(settings, rejects, check_now, again, tally)
    _summary(tally, "would be redriven" if check else "redriven")
    if tally.rejected:
        raise SystemExit(1)


def _intake_check(settings: Settings) -> IntakeCheck:
    sources = settings.load_sources()
    gate = Gate(settings.load_roster(), settings.clock, sources)
    return IntakeCheck(gate, settings.topics, settings.clock, _wall_ms, sources.inputs)


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000


def _send(settings: Settings, rejects: Rejects, check_now: IntakeCheck, again: bool, tally: RedriveTally) -> None:
    inputs = _described(settings, check_now.topics)
    check_now.keep_to(inputs)
    sender = open_sender(settings, list(inputs))
    ids = {name: str(UUID(str(topic_id))) for name, topic_id in inputs.items()}
    interrupted = False
    try:
        with Journal(settings.data_dir / "redrive", ids) as journal, _interrupts() as stopped:
            redriven = _never if again else journal.__contains__
            redrive(valid(unless(stopped, rejects), check_now, redriven, tally, _report), sender, journal, tally)
            interrupted = stopped()
    except (DeliveryError, JournalError) as error:
        _summary(tally, "redriven")
        who = f"broker {settings.broker}: " if isinstance(error, DeliveryError) else ""
        raise CommandError(f"{who}{error}; run it again for the rest") from None
    except KeyboardInterrupt:
        interrupted = True
    finally:
        sender.close()
    if interrupted:
        _summary(tally, "redriven")
        click.echo("interrupted; run it again for the rest", err=True)
        raise SystemExit(INTERRUPTED)


@contextmanager
def _interrupts() -> Iterator[Callable[[], bool]]:
    """Ctrl-C stops the reading, so that records in flight are still journaled; a second one stops at once."""
    is_stopped = False

    def stop(_signal: int, _frame: object) -> None:
        nonlocal is_stopped
        is_stopped = True
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield lambda: is_stopped
    finally:
        signal.signal(signal.SIGINT, before)


def _described(settings: Settings, names: list[str]) -> dict[str, object]:
    """Topic ids of the inputs that this user may see: another publisher's own input is hidden from it. All if none."""
    with open_admin(kafka_python_options(settings), CONNECT_S) as admin:
        topics = admin.describe_topics(names)
    hidden = TopicAuthorizationFailedError.errno
    seen = [topic for topic in topics if topic["error_code"] != hidden] or topics
    return {topic["name"]: topic["topic_id"] for topic in seen}


def _never(_origin: Origin) -> bool:
    return False


@contextmanager
def _from_file(file: Path) -> Iterator[Rejects]:
    try:
        if str(file) == "-":
            yield of_lines(read_lines(unpacked(sys.stdin.buffer)))
        else:
            with open_input(file) as stream:
                yield of_lines(read_lines(stream))
    except InputError as error:
        raise CommandError(str(error), exit_code=2) from None


@contextmanager
def _from_topic(settings: Settings, reasons: tuple[str, ...]) -> Iterator[Rejects]:
    """The rejected topic up to its end as it is now: what is rejected meanwhile is for the next run."""
    yield of_records(read_all(settings, Topic.REJECTED, CONNECT_S), frozenset(map(RejectReason, reasons)))


def _report(line: str) -> None:
    click.echo(line, err=True)


def _summary(tally: RedriveTally, verb: str) -> None:
    parts = [f"{tally.read} read, {tally.sent} {verb}"]
    if tally.already:
        parts.append(f"{tally.already} redriven before")
    reasons = ", ".join(f"{reason} {count}" for reason, count in sorted(tally.reasons.items()))
    parts.append(f"{tally.rejected} still fail" + (f" ({reasons})" if reasons else ""))
    click.echo(", ".join(parts), err=True)
