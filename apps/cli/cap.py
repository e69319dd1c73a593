"""`siaga cap`: escalations as Common Alerting Protocol 1.2 documents."""

import itertools
import os
import sys
from collections.abc import Callable
from pathlib import Path

import click

from agents.kafka import topic_reader
from agents.kafka.connection import kafka_python_options
from agents.logs import configure_logging
from agents.settings import Settings
from apps.cli.broker_errors import CONNECT_S, broker_errors
from apps.cli.metrics_port import serve_if_asked
from apps.cli.options import CommandError, with_settings
from apps.integrations.cap.alert_files import AlertFileError, WriteAlert, write_to_directory
from apps.integrations.cap.document import PLACEHOLDER_SENDER, AlertStatus, CapProfile, ProfileError
from apps.integrations.cap.issuer import Issuer, read_history_then_new
from schemas.escalation import Escalation
from schemas.topics import Topic


@click.command(name="cap")
@click.option("--from-beginning", is_flag=True, help="Write what is there already, then what comes.")
@click.option("--until-end", is_flag=True, help="Stop at what was the end when the command began.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Directory, one file an alert; else standard output.",
)
@click.option(
    "--status",
    type=click.Choice([status.value.lower() for status in AlertStatus]),
    default=AlertStatus.EXERCISE.value.lower(),
    show_default=True,
    help="Whether receivers may act on it.",
)
@click.option(
    "--sender", default=PLACEHOLDER_SENDER, show_default=True, help="Who issues it, a domain or address that is yours."
)
@click.option("--sender-name", default="Siaga", show_default=True, help="The same for people to read.")
@click.option("--utc-offset", default="+07:00", show_default=True, help="Offset that times are written in.")
@with_settings("metrics_host", "metrics_port", "log_format", "log_level")
def command(settings: Settings, from_beginning: bool, until_end: bool, out: Path | None, **profile: str) -> None:
    """Write escalations as Common Alerting Protocol 1.2 XML, one document a line, or one file each with --out.

    The first message of an episode is an Alert, later ones are Updates, the last a Cancel, each with references to all
    before it. The topic is always read from its beginning, since the references follow from it; without
    --from-beginning only new escalations are written. The same topic gives the same bytes. Nothing is sent anywhere.
    Exit status 1 when a record was no escalation (told on standard error), 2 when asked wrongly."""
    configure_logging(settings)
    serve_if_asked(settings)
    issuer = Issuer(_profile(**profile))
    try:
        put = write_to_directory(out) if out else _print
        with broker_errors(settings):
            _issue(
                settings, issuer, put, from_beginning, until_end, (lambda: False) if out else topic_reader.reader_left
            )
    except KeyboardInterrupt:
        pass
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except AlertFileError as error:
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
    put: WriteAlert,
    from_beginning: bool,
    until_end: bool,
    stopped: Callable[[], bool],
) -> None:
    topic = settings.topics[Topic.ESCALATIONS]
    consumer = topic_reader.open_consumer(kafka_python_options(settings), CONNECT_S)
    try:
        partitions = consumer.partitions_for_topic(topic)
        if not partitions:
            raise CommandError(f"no topic {topic} at {settings.broker}; run `siaga topics` first")
        batches = read_history_then_new(consumer, topic, len(partitions), stopped)
        for record in next(batches):
            issuer.issue(record, put if from_beginning else None)
        if until_end:
            return
        for record in itertools.chain.from_iterable(batches):
            issuer.issue(record, put)
    finally:
        consumer.close()


def _print(_escalation: Escalation, _identifier: str, document: bytes) -> None:
    sys.stdout.buffer.write(document + b"\n")
    sys.stdout.buffer.flush()
