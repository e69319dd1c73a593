"""`siaga cap`: escalations as Common Alerting Protocol 1.2 documents."""

import logging
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from agents.health import Health
from agents.kafka.topic_reader import TopicReader, never
from agents.logs import configure_logging
from agents.settings import Settings
from agents.status import status_kept
from apps.cli.broker import CONNECT_S, broker_errors
from apps.cli.options import CommandError, serve_metrics_if_set, with_settings
from apps.cli.terminal import discard_output, hint, output_closed
from apps.integrations.cap.alert_files import AlertFileError, WriteAlert, write_to_directory
from apps.integrations.cap.document import PLACEHOLDER_SENDER, AlertStatus, CapProfile, ProfileError
from apps.integrations.cap.following import CapFollower, Hopeless, position
from apps.integrations.cap.issuer import Issuer
from schemas.outward import Outward
from schemas.topics import Topic


@click.command(name="cap")
@click.option("--from-beginning", is_flag=True, help="Write existing escalations first.")
@click.option("--until-end", is_flag=True, help="Stop at the end of the topic as it was at the start.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write one file per document here; else standard output.",
)
@click.option(
    "--status",
    type=click.Choice([status.value.lower() for status in AlertStatus]),
    default=AlertStatus.EXERCISE.value.lower(),
    show_default=True,
    help="Whether receivers may act on it.",
)
@click.option(
    "--sender", default=PLACEHOLDER_SENDER, show_default=True, help="The issuer: a domain or address of yours."
)
@click.option("--sender-name", default="Siaga", show_default=True, help="The issuer's name for people.")
@click.option("--utc-offset", default="+07:00", show_default=True, help="UTC offset of the times written.")
@with_settings("rules", "metrics_host", "metrics_port", "log_format", "log_level")
def command(settings: Settings, from_beginning: bool, until_end: bool, out: Path | None, **profile: str) -> None:
    """Write escalations as Common Alerting Protocol 1.2 XML, one document a line, or one file each with --out.

    The first message of an episode is an Alert, later ones are Updates, the last a Cancel, each with references to all
    before it. The ruleset's table `outward` says what of the evidence they tell. The topic is always read from its
    beginning, since the references follow from it; without --from-beginning only new escalations are written. The same
    topic gives the same bytes. Nothing is sent anywhere.
    Exit status 1 when a record was not an escalation (reported on standard error), 2 for wrong arguments."""
    configure_logging(settings)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # only the status is written by it, and health says enough
    health = Health("cap", settings.topic_prefix)
    serve_metrics_if_set(settings, health)
    issuer = Issuer(_profile(**profile), settings.load_ruleset().outward)
    try:
        put = write_to_directory(out) if out else _print
        with broker_errors(settings):
            _issue(settings, issuer, health, put, from_beginning, until_end, never if out else output_closed)
    except KeyboardInterrupt:
        pass
    except BrokenPipeError:
        discard_output()
    except (AlertFileError, Hopeless) as error:
        raise CommandError(str(error)) from None
    if issuer.unreadable:
        raise SystemExit(1)


def _profile(status: str, sender: str, sender_name: str, utc_offset: str) -> CapProfile:
    try:
        return CapProfile(AlertStatus(status.capitalize()), sender, sender_name, utc_offset)
    except ProfileError as error:
        raise CommandError(str(error), exit_code=2) from None


def _issue(
    settings: Settings,
    issuer: Issuer,
    health: Health,
    put: WriteAlert,
    from_beginning: bool,
    until_end: bool,
    stopped: Callable[[], bool],
) -> None:
    with TopicReader(settings, CONNECT_S) as reader:
        reader.start_at_beginning(reader.partitions(Topic.ESCALATIONS))
        # Polls interleave partitions differently each time; one sorted list makes every run write the same bytes.
        # It is short: a regency changes its level at most some ten times an hour (streams/risk/levels.py).
        existing = [record for records in reader.read_to_end(stopped) for record in records]
        for record in sorted(existing, key=position):
            issuer.issue(record, put if from_beginning else None)
        if until_end:
            return
        hint(f"waiting for new records of {settings.topics[Topic.ESCALATIONS]}; Ctrl-C ends it")
        with _ended_by_sigterm(), status_kept(settings, health):
            CapFollower(reader, issuer, health, put).run(stopped)


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """SIGTERM ends the block as Ctrl-C does, so that its status is removed."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _print(_escalation: Outward, _identifier: str, document: bytes) -> None:
    sys.stdout.buffer.write(document + b"\n")
    sys.stdout.buffer.flush()
