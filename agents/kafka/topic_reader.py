"""Read an output topic as a consumer outside Siaga does: committed records only, no group, nothing committed.

kafka-python 3.0.12 skips aborted transactions by the broker's list of them (KIP-98), as the Java client does; tests
hold it to that. The end of a log is told by the consumer's position, not by the last record: transaction markers take
offsets too."""

import base64
import select
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import orjson
from kafka import KafkaConsumer, TopicPartition

from schemas.rejected import HEADER_ERROR, HEADER_OFFSET, HEADER_PARTITION, HEADER_REASON, HEADER_TOPIC

POLL_MS = 500
RECORDS_MAX = 2000


def open_consumer(options: dict[str, Any], connect_s: float) -> KafkaConsumer:
    """A consumer that sees what is committed. Raises KafkaError."""
    return KafkaConsumer(
        **options,
        client_id="siaga-tail",
        group_id=None,
        isolation_level="read_committed",
        enable_auto_commit=False,
        bootstrap_timeout_ms=int(connect_s * 1000),
        metrics_enabled=False,
    )


def tail(
    consumer: KafkaConsumer,
    topic: str,
    partitions: Iterable[int],
    *,
    from_beginning: bool,
    until_end: bool,
    stopped: Callable[[], bool] = lambda: False,
) -> Iterator[list[Any]]:
    """Batches of records (maybe empty, at least every POLL_MS), each partition's in order.

    With `until_end` it stops at the end offsets seen at the start: the first open transaction's, for committed readers.
    """
    here = [TopicPartition(topic, number) for number in partitions]
    consumer.assign(here)
    ends = consumer.end_offsets(here)
    if from_beginning:
        consumer.seek_to_beginning(*here)
    else:
        for partition, end in ends.items():
            consumer.seek(partition, end)
    # A partition that is read up to its end stops there, or a busy topic would never let the last one finish.
    waiting = {partition for partition in here if not until_end or consumer.position(partition) < ends[partition]}
    while waiting and not stopped():
        records = [record for batch in consumer.poll(POLL_MS, max_records=RECORDS_MAX).values() for record in batch]
        if until_end:
            records = [record for record in records if record.offset < ends[TopicPartition(topic, record.partition)]]
            if done := {partition for partition in waiting if consumer.position(partition) >= ends[partition]}:
                consumer.pause(*done)
                waiting -= done
        yield records


def json_line(record: Any) -> bytes | None:
    """An output record as one line: its value, which is JSON. None for a tombstone."""
    value = record.value
    if value is None or b"\n" not in value:
        return value
    return orjson.dumps(orjson.loads(value))


def rejected_line(record: Any) -> bytes:
    """A rejected record as one JSON object: where it lies, why it was refused, where it came from, what it was."""
    headers = dict(record.headers)
    return orjson.dumps(
        {
            "topic": record.topic,
            "partition": record.partition,
            "offset": record.offset,
            "reason": _header(headers, HEADER_REASON),
            "error": _header(headers, HEADER_ERROR),
            "source": {
                "topic": _header(headers, HEADER_TOPIC),
                "partition": _whole(headers, HEADER_PARTITION),
                "offset": _whole(headers, HEADER_OFFSET),
            },
            **_content("key", record.key),
            **_content("value", record.value),
        }
    )


def reader_left() -> bool:
    """True when standard output is a pipe that nobody reads any more, so that `tail | head` ends without new records."""
    try:
        poll = select.poll()
        poll.register(sys.stdout.fileno(), 0)
        return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))
    except (OSError, ValueError, AttributeError):  # no descriptor, or a system without poll
        return False


def _content(name: str, content: bytes | None) -> dict[str, str | None]:
    """The bytes as text if they are UTF-8, else as `<name>_base64`."""
    if content is None:
        return {name: None}
    try:
        return {name: content.decode()}
    except UnicodeDecodeError:
        return {f"{name}_base64": base64.b64encode(content).decode()}


def _header(headers: dict[str, bytes], name: str) -> str | None:
    content = headers.get(name)
    return None if content is None else content.decode("utf-8", "replace")


def _whole(headers: dict[str, bytes], name: str) -> int | None:
    text = _header(headers, name)
    return int(text) if text is not None and text.isdecimal() else None
