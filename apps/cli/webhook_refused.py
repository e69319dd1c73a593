"""`siaga webhook refused | resend | drop`: what receivers refused for good, and what people do about it."""

import sys
from collections.abc import Callable, Iterable

import click
import orjson
from kafka import KafkaProducer

from agents.kafka.connection import kafka_python_options
from agents.kafka.topic_reader import read_all
from agents.settings import Settings
from apps.cli.broker import CONNECT_S, broker_errors
from apps.cli.options import CommandError, with_settings
from apps.integrations.webhook.delivery_state import NewerLog
from apps.integrations.webhook.refused_list import NotListed, States, asked, listed, states_of
from schemas.notification import Event, Notification
from schemas.topics import Topic

ACKNOWLEDGED_S = 30.0


@click.command(name="refused")
@click.option("--name", metavar="NAME", help="Of this sender only. Default: of all.")
@click.option("--all", "also_tried", is_flag=True, help="What is still tried, too.")
@with_settings()
def refused(settings: Settings, name: str | None, also_tried: bool) -> None:
    """List the escalations that receivers refused for good, one JSON object a line, oldest first.

    They stay here until they are delivered (`resend`) or dropped (`drop`)."""
    for one in listed(_states(settings), name, also_tried):
        sys.stdout.buffer.write(orjson.dumps(one.line()) + b"\n")


def _of_a_sender(command: Callable[..., None]) -> Callable[..., None]:
    """The options by which a command names a sender and escalations of its list."""
    command = click.argument("escalations", nargs=-1, metavar="[ID | PARTITION/OFFSET]...")(command)
    command = click.option("--all", "every", is_flag=True, help="All that it lists as refused.")(command)
    return click.option("--name", required=True, metavar="NAME", help="The sender whose list it is.")(command)


@click.command(name="resend")
@_of_a_sender
@with_settings()
def resend(settings: Settings, name: str, every: bool, escalations: tuple[str, ...]) -> None:
    """Have a sender send escalations again, under the same ids: those of its list, or any that the topic still has.

    The running sender does it, now or when it is started, and tries for its whole time again."""
    _ask(settings, name, every, escalations, Event.RESEND, "sent again")


@click.command(name="drop")
@_of_a_sender
@with_settings()
def drop(settings: Settings, name: str, every: bool, escalations: tuple[str, ...]) -> None:
    """Take escalations off a sender's list: the receiver's people know of them otherwise. It ends the alert."""
    _ask(settings, name, every, escalations, Event.DROPPED, "dropped")


def _ask(settings: Settings, name: str, every: bool, which: tuple[str, ...], event: Event, done: str) -> None:
    if every == bool(which):
        raise CommandError("give ids, or --all", exit_code=2)
    try:
        records = asked(_states(settings), name, which, every, event)
    except NotListed as error:
        raise CommandError(str(error)) from None
    with broker_errors(settings):
        _write(settings, records)
    click.echo(f"{len(records)} {'escalation is' if len(records) == 1 else 'escalations are'} {done}", err=True)


def _states(settings: Settings) -> States:
    try:
        with broker_errors(settings):
            return states_of(read_all(settings, Topic.NOTIFICATIONS, CONNECT_S))
    except NewerLog as error:
        raise CommandError(str(error)) from None


def _write(settings: Settings, records: Iterable[Notification]) -> None:
    producer = KafkaProducer(
        **kafka_python_options(settings),
        client_id="siaga-webhook",
        acks="all",
        enable_idempotence=False,
        max_block_ms=int(CONNECT_S * 1000),
        bootstrap_timeout_ms=int(CONNECT_S * 1000),
        metrics_enabled=False,
    )
    topic = settings.topics[Topic.NOTIFICATIONS]
    try:
        for one in records:
            future = producer.send(topic, one.line(), key=one.target.encode(), partition=one.position.partition)
            future.get(timeout=ACKNOWLEDGED_S)
    finally:
        producer.close(timeout=1.0)
