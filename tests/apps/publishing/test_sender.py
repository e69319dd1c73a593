"""A sender whose broker dies: a lost record is an error; after a short outage none is lost or repeated."""

import gc
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition

from apps.embedded import EmbeddedBroker
from apps.publishing.messages import Message
from apps.publishing.sender import DeliveryError, Sender

RECORDS = 30_000


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[EmbeddedBroker]:
    """A broker of the test's own, to be killed."""
    with EmbeddedBroker(tmp_path / "broker") as broker:
        with KafkaAdminClient(bootstrap_servers=broker.bootstrap) as admin:
            admin.create_topics({"t": {"num_partitions": 3, "replication_factor": 1}}, wait_for_metadata=True)
        yield broker


def messages() -> Iterator[Message]:
    return (Message(b"%d" % (number % 17), b"value %d" % number) for number in range(RECORDS))


def values(broker: EmbeddedBroker) -> list[bytes]:
    consumer = KafkaConsumer(bootstrap_servers=broker.bootstrap)
    try:
        partitions = [TopicPartition("t", number) for number in range(3)]
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        ends = consumer.end_offsets(partitions)
        found: list[bytes] = []
        while any(consumer.position(partition) < end for partition, end in ends.items()):
            for batch in consumer.poll(1000).values():
                found += [record.value for record in batch]
        return found
    finally:
        consumer.close()


def test_a_broker_that_stays_down_is_an_error_and_closing_raises_none(
    mortal: EmbeddedBroker, recwarn: pytest.WarningsRecorder
):
    sender = Sender({"bootstrap_servers": mortal.bootstrap}, delivery_s=3)
    sent = 0
    with pytest.raises(DeliveryError) as error:
        for message in messages():
            sender.send("t", message, sent)
            sent += 1
            if sent == 2000:
                mortal.kill()
        sender.drain()
    assert "\n" not in str(error.value)
    assert f"record {sender.acknowledged + 1} was not accepted" in str(error.value)
    acknowledged = sender.acknowledged
    sender.close()
    del sender
    gc.collect()
    assert not [warning for warning in recwarn if issubclass(warning.category, pytest.PytestUnraisableExceptionWarning)]
    mortal.start()
    assert len(values(mortal)) >= acknowledged


def test_a_short_outage_loses_and_repeats_no_record(mortal: EmbeddedBroker):
    # How long a restart takes is the machine's business; that it is short is not what is tested.
    sender, under_way = Sender({"bootstrap_servers": mortal.bootstrap}, delivery_s=150), threading.Event()

    def send() -> None:
        for number, message in enumerate(messages()):
            sender.send("t", message, number)
            if number == 5000:
                under_way.set()
        sender.drain()

    with ThreadPoolExecutor(1) as pool:  # the broker lives and dies with the thread that starts it: this one
        sending = pool.submit(send)
        assert under_way.wait(60)
        mortal.kill()
        mortal.start()
        sending.result(180)
    assert (sender.acknowledged, sender.position) == (RECORDS, RECORDS - 1)
    assert sorted(values(mortal)) == sorted(message.value for message in messages())
    sender.close()
