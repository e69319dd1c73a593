"""`siaga tail`: print an output topic as JSON lines, committed records only."""

import sys
from collections.abc import Callable, Iterable
from typing import Any

import click
import orjson

from agents.kafka.topic_reader import TopicReader
from agents.settings import Settings
from apps.cli.broker import CONNECT_S, broker_errors
from apps.cli.options import with_settings
from apps.cli.terminal import discard_output, hint, output_closed
from apps.publishing.rejects import rejected_line
from schemas.topics import Topic

OUTPUTS = (Topic.RISK, Topic.ESCALATIONS, Topic.REJECTED, Topic.PROVINCE, Topic.NOTIFICATIONS)

Line = Callable[[Any], bytes | None]


@click.command(name="tail")
@click.argument("output", type=click.Choice([topic.value for topic in OUTPUTS]))
@click.option("--from-beginning", is_flag=True, help="Print existing records first.")
@click.option("--until-end", is_flag=True, help="Stop at the end of the topic as it was at the start.")
@with_settings()
def command(settings: Settings, output: str, from_beginning: bool, until_end: bool) -> None:
    """Print OUTPUT, one JSON object a line: committed records only, each regency's in order.

    A rejected record is printed with the reason, the position of its original, and its key and value as text, or in
    `key_base64` and `value_base64` when they are not UTF-8. Exit status 0 at the end, on Ctrl-C, and when the reader of
    its output exits."""
    topic = Topic(output)
    line = rejected_line if topic is Topic.REJECTED else json_line
    try:
        with broker_errors(settings), TopicReader(settings, CONNECT_S) as reader:
            partitions = reader.partitions(topic)
            if from_beginning:
                reader.start_at_beginning(partitions)
                _print(reader.read_to_end(output_closed), line)
            else:
                reader.start_at_end(partitions)
            if not until_end:
                hint(f"waiting for new records of {settings.topics[topic]}; Ctrl-C ends it")
                _print(reader.follow(output_closed), line)
    except KeyboardInterrupt:
        pass
    except BrokenPipeError:
        discard_output()


def _print(batches: Iterable[list[Any]], line: Line) -> None:
    for records in batches:
        lines = [text for record in records if (text := line(record)) is not None]
        if lines:
            sys.stdout.buffer.write(b"\n".join(lines) + b"\n")
            sys.stdout.buffer.flush()


def json_line(record: Any) -> bytes | None:
    """An output record as one line: its value, which is JSON. None for a tombstone."""
    value: bytes | None = record.value
    if value is None or b"\n" not in value:
        return value
    return orjson.dumps(orjson.loads(value))
