"""`siaga tail` on a real broker: committed records only, a defined end, exits without an error."""

import base64
import os
import pty
import signal
import subprocess

import pytest
from aiokafka import AIOKafkaProducer

from apps.embedded import EmbeddedBroker
from schemas.rejected import rejected_headers
from schemas.vocabulary import RejectReason
from tests.apps.cli.siaga import Siaga

pytestmark = pytest.mark.usefixtures("topics")


@pytest.fixture
async def producer(broker: EmbeddedBroker, fresh_prefix: str):
    producer = AIOKafkaProducer(
        bootstrap_servers=broker.bootstrap, transactional_id=f"{fresh_prefix}tail", compression_type="lz4"
    )
    await producer.start()
    yield producer
    await producer.stop()


async def write(producer: AIOKafkaProducer, topic: str, values: range, commit: bool = True) -> None:
    """One transaction over all three partitions."""
    await producer.begin_transaction()
    for value in values:
        await producer.send(topic, b'{"n":%d}' % value, key=b"16.%02d" % value, partition=value % 3)
    await producer.flush()
    await (producer.commit_transaction() if commit else producer.abort_transaction())


async def test_until_end_prints_committed_records_and_ends_after_markers(
    siaga: Siaga, producer: AIOKafkaProducer, fresh_prefix: str
):
    topic = fresh_prefix + "risk"
    await write(producer, topic, range(9))
    await write(producer, topic, range(9, 18), commit=False)
    await write(producer, topic, range(18, 27))
    await write(producer, topic, range(27, 36), commit=False)
    done = siaga("tail", "risk", "--from-beginning", "--until-end", timeout=30)
    assert (done.status, done.err) == (0, "")
    assert sorted(row["n"] for row in done.objects) == [*range(9), *range(18, 27)]


async def test_until_end_does_not_wait_for_an_open_transaction(
    siaga: Siaga, producer: AIOKafkaProducer, fresh_prefix: str
):
    topic = fresh_prefix + "escalations"
    await write(producer, topic, range(3))
    await producer.begin_transaction()
    await producer.send_and_wait(topic, b'{"n":3}', key=b"16.03", partition=0)
    done = siaga("tail", "escalations", "--from-beginning", "--until-end", timeout=30)
    assert (done.status, sorted(row["n"] for row in done.objects)) == (0, [0, 1, 2])
    await producer.commit_transaction()


async def test_until_end_without_from_beginning_prints_nothing(
    siaga: Siaga, producer: AIOKafkaProducer, fresh_prefix: str
):
    await write(producer, fresh_prefix + "province", range(9))
    assert siaga("tail", "province", "--until-end", timeout=30).out == b""


def test_an_empty_topic_has_an_end(siaga: Siaga):
    done = siaga("tail", "risk", "--from-beginning", "--until-end", timeout=30)
    assert (done.status, done.out, done.err) == (0, b"", "")


async def test_a_rejected_record_is_printed_with_reason_and_origin(
    siaga: Siaga, producer: AIOKafkaProducer, fresh_prefix: str
):
    topic = fresh_prefix + "rejected"
    headers = list(rejected_headers(RejectReason.NOT_UTF8, "not UTF-8 at byte 0", "siaga.incidents", 2, 41))
    await producer.begin_transaction()
    await producer.send_and_wait(topic, b"\xff\x00", key=b"16.01", partition=1, headers=headers)
    await producer.send_and_wait(topic, b'{"a":\n1}', key=None, partition=2, headers=headers)
    await producer.commit_transaction()
    bytes_one, text_one = siaga("tail", "rejected", "--from-beginning", "--until-end").objects
    if "value" in bytes_one:
        bytes_one, text_one = text_one, bytes_one
    assert bytes_one == {
        "topic": topic,
        "partition": 1,
        "offset": 0,
        "reason": "not_utf8",
        "error": "not UTF-8 at byte 0",
        "source": {"topic": "siaga.incidents", "partition": 2, "offset": 41},
        "key": "16.01",
        "value_base64": base64.b64encode(b"\xff\x00").decode(),
    }
    assert (text_one["key"], text_one["value"]) == (None, '{"a":\n1}')


async def test_new_records_are_printed_until_ctrl_c(siaga: Siaga, producer: AIOKafkaProducer, fresh_prefix: str):
    with siaga.start("tail", "risk", "--from-beginning", stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        assert run.stdout and run.stderr
        await write(producer, fresh_prefix + "risk", range(1))
        assert run.stdout.readline() == b'{"n":0}\n'
        await write(producer, fresh_prefix + "risk", range(1, 2))
        assert run.stdout.readline() == b'{"n":1}\n'
        run.send_signal(signal.SIGINT)
        assert run.wait(15) == 0
        assert run.stderr.read() == b""


async def test_it_ends_when_the_reader_of_its_output_exits(siaga: Siaga, producer: AIOKafkaProducer, fresh_prefix: str):
    await write(producer, fresh_prefix + "risk", range(3))
    with siaga.start("tail", "risk", "--from-beginning", stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        assert run.stdout and run.stderr
        run.stdout.readline()
        run.stdout.close()
        assert run.wait(15) == 0
        assert run.stderr.read() == b""


def test_while_it_waits_it_says_so_on_a_terminal(siaga: Siaga, fresh_prefix: str):
    terminal, stderr = pty.openpty()
    with (
        siaga.start("tail", "risk", stdout=subprocess.PIPE, stderr=stderr) as run,
        os.fdopen(terminal, "rb", 0) as said,
    ):
        assert said.read(1000).decode() == f"waiting for new records of {fresh_prefix}risk; Ctrl-C ends it\r\n"
        run.send_signal(signal.SIGINT)
        assert run.wait(15) == 0
    os.close(stderr)
