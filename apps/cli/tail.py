"""`siaga tail`: print an output topic as JSON lines, committed records only."""

import os
import sys
from collections.abc import Callable
from typing import Any

import click

from agents.kafka import topic_reader
from agents.kafka.connection import kafka_python_options
from agents.settings import Settings
from apps.cli.broker_errors import CONNECT_S, broker_errors
from apps.cli.options import CommandError, with_settings
from schemas.topics import Topic

OUTPUTS = (Topic.RISK, Topic.ESCALATIONS, Topic.REJECTED, Topic.PROVINCE)


@click.command(name="tail")
@click.argument("output", type=click.Choice([topic.value for topic in OUTPUTS]))
@click.option("--from-beginning", is_flag=True, help="Print what is there already, then what comes.")
@click.option("--until-end", is_flag=True, help="Stop at what was the end when the command began.")
@with_settings()
def command(settings: Settings, output: str, from_beginning: bool, until_end: bool) -> None:
    """Print OUTPUT, one JSON object a line, committed records only; each regency's in order.

    A rejected record is printed with its reason, its place of origin, and its key and value as text, or in `key_base64`
    and `value_base64` when they are not UTF-8. Ends with status 0 at the end, on Ctrl-C, and when its reader leaves.
    """
    topic = settings.topics[Topic(output)]
    line = topic_reader.rejected_line if output == Topic.REJECTED else topic_reader.json_line
    try:
        with broker_errors(settings):
            _print(settings, topic, line, from_beginning, until_end)
    except KeyboardInterrupt:
        pass
    except BrokenPipeError:
        # Python would complain once more when it flushes standard output at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _print(
    settings: Settings, topic: str, line: Callable[[Any], bytes | None], from_beginning: bool, until_end: bool
) -> None:
    consumer = topic_reader.open_consumer(kafka_python_options(settings), CONNECT_S)
    try:
        partitions = consumer.partitions_for_topic(topic)
        if not partitions:
            raise CommandError(f"no topic {topic} at {settings.broker}; run `siaga topics` first")
        batches = topic_reader.tail(
            consumer,
            topic,
            partitions,
            from_beginning=from_beginning,
            until_end=until_end,
            stopped=topic_reader.reader_left,
        )
        for records in batches:
            lines = [text for record in records if (text := line(record)) is not None]
            if lines:
                sys.stdout.buffer.write(b"\n".join(lines) + b"\n")
                sys.stdout.buffer.flush()
    finally:
        consumer.close()
