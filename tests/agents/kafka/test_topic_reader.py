"""Reading a topic to its end and beyond. `tests/apps/cli/test_tail.py` has the laws about transactions."""

import pytest
from kafka import KafkaProducer

from agents.kafka.topic_reader import TopicMissing, TopicReader, read_all
from agents.settings import Settings
from apps.embedded import EmbeddedBroker
from schemas.topics import Topic
from tests.apps.cli.siaga import Siaga


@pytest.fixture
def settings(broker: EmbeddedBroker, fresh_prefix: str) -> Settings:
    return Settings.load({}, broker=broker.bootstrap, topic_prefix=fresh_prefix, partitions=3)


@pytest.fixture
def producer(settings: Settings):
    environ = {"SIAGA_BROKER": settings.broker, "SIAGA_TOPIC_PREFIX": settings.topic_prefix, "SIAGA_PARTITIONS": "3"}
    assert Siaga(environ)("topics").status == 0
    producer = KafkaProducer(bootstrap_servers=settings.broker)
    yield producer
    producer.close()


def write(producer: KafkaProducer, settings: Settings, numbers: range) -> None:
    for number in numbers:
        producer.send(settings.topics[Topic.ESCALATIONS], b"%d" % number, partition=number % 3)
    producer.flush()


def take(reader: TopicReader, count: int) -> list:
    """At least `count` records by following."""
    found: list = []
    batches = reader.follow()
    while len(found) < count:
        found += next(batches)
    return found


def values(records: list) -> list[int]:
    return sorted(int(record.value) for record in records)


def test_following_continues_at_the_end_without_loss_or_repeat(settings: Settings, producer: KafkaProducer):
    write(producer, settings, range(5000))
    with TopicReader(settings) as reader:
        reader.start_at_beginning(reader.partitions(Topic.ESCALATIONS))
        batches = reader.read_to_end()
        found = next(batches)
        write(producer, settings, range(5000, 5100))  # behind the end that the reader has noted
        found += [record for batch in batches for record in batch]
        assert values(found) == list(range(5000))
        rest = take(reader, 100)
    assert values(rest) == list(range(5000, 5100))


def test_a_reader_that_starts_at_the_end_sees_only_later_records(settings: Settings, producer: KafkaProducer):
    write(producer, settings, range(10))
    with TopicReader(settings) as reader:
        reader.start_at_end(reader.partitions(Topic.ESCALATIONS))
        assert [record for batch in reader.read_to_end() for record in batch] == []
        write(producer, settings, range(10, 13))
        found = take(reader, 3)
    assert values(found) == [10, 11, 12]


def test_a_missing_topic_is_one_line_and_is_not_created(settings: Settings):
    for _ in range(2):
        with pytest.raises(
            TopicMissing, match=f"^no topic {settings.topic_prefix}escalations at .*; run `siaga topics` first$"
        ):
            list(read_all(settings, Topic.ESCALATIONS))
