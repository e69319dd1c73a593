"""Reads and copies records of the comparison's broker, with the client that the peers' tools use."""

import itertools
from collections.abc import Iterator

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from benchmarks.peers.verdict import Written
from tests.recount.records import Record


def consumer(
    bootstrap: str, topics: list[str], partitions: int, wait_ms: int = 500, from_end: bool = False
) -> Consumer:
    """A consumer of committed records in all partitions of the topics."""
    reader = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "peers-siaga",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "error",
            "isolation.level": "read_committed",
            "fetch.wait.max.ms": wait_ms,
        }
    )
    where = -1 if from_end else 0
    reader.assign([TopicPartition(topic, p, where) for topic in topics for p in range(partitions)])
    return reader


def good(messages: list[Message]) -> Iterator[Message]:
    """The messages that are records. Raises KafkaException for an error other than the end of a partition."""
    for message in messages:
        if message.error() is None:
            yield message
        elif message.error().code() != KafkaError._PARTITION_EOF:
            raise KafkaException(message.error())


def messages(bootstrap: str, topic: str, partitions: int) -> Iterator[Message]:
    """All committed records of a topic, in order per partition."""
    reader = consumer(bootstrap, [topic], partitions)
    ended: set[int] = set()
    try:
        while len(ended) < partitions:
            batch = reader.consume(5000, 1.0)
            ended |= {m.partition() for m in batch if m.error() and m.error().code() == KafkaError._PARTITION_EOF}
            yield from good(batch)
    finally:
        reader.close()


def records(bootstrap: str, topic: str, partitions: int) -> Iterator[Record]:
    for m in messages(bootstrap, topic, partitions):
        yield Record(topic, m.partition(), m.offset(), m.key(), m.value(), dict(m.headers() or ()))


def written(bootstrap: str, prefix: str, partitions: int) -> Written:
    """What Siaga wrote under a prefix."""
    names = ("ledger", "rejected", "escalations", "risk", "risk-state")
    return Written(*(list(records(bootstrap, prefix + name, partitions)) for name in names))


def copy(bootstrap: str, source: str, target: str, partitions: int) -> int:
    """Copy every record of a topic to the same partition of another, in order; return their number."""
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "linger.ms": 20,
            "enable.idempotence": True,
            "queue.buffering.max.messages": 200_000,
        }
    )
    count = 0
    for count, m in zip(itertools.count(1), messages(bootstrap, source, partitions), strict=False):
        while True:
            try:
                producer.produce(target, m.value(), m.key(), m.partition())
                break
            except BufferError:
                producer.poll(0.05)
        if not count % 1000:
            producer.poll(0)
    producer.flush()
    return count
