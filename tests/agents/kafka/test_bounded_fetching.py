"""kafka-python with the bounded reader gives the records that it gives without, and cuts what is beyond a limit."""

from types import SimpleNamespace
from typing import Any

import pytest
from kafka import TopicPartition
from kafka.consumer.fetcher import Fetcher
from kafka.protocol.consumer import IsolationLevel
from kafka.record import MemoryRecords

from agents.batching.consumer.inflating import BATCH_INFLATED_MAX
from agents.kafka.bounded_fetching import _PartitionRecords
from tests.agents.batching.consumer.raw_batches import (
    CODECS,
    MIB,
    batch,
    headers_of,
    marker,
    record,
    transactional,
)

PLACE = TopicPartition("siaga.incidents", 3)
HEADERS = headers_of([(b"traceparent", b"00-ab"), (b"empty", None)])


def taken(kind: type, answer: bytes, offset: int = 0, most: int = 100) -> tuple[list[Any], int]:
    """The records of a fetch answer, and where the next fetch begins."""
    found: list[Any] = []
    records = kind(offset, PLACE, MemoryRecords(answer))
    while records and (some := records.take(most)):
        found += some
    return found, records.next_fetch_offset


@pytest.mark.parametrize("codec", CODECS)
def test_records_are_those_of_kafka_python_wherever_a_fetch_begins(codec):
    first = batch(codec, [record(n, b"16.71", b"%d" % n, HEADERS) for n in range(7)], 7)
    second = batch(codec, [record(n, None, None) for n in range(3)], 3, base=7)
    for offset in (0, 4, 8):
        ours, next_offset = taken(_PartitionRecords, first + second, offset, most=2)
        theirs, _ = taken(Fetcher.PartitionRecords, first + second, offset)
        assert ours == theirs and [one.offset for one in ours] == list(range(offset, 10))
        assert next_offset == 10


def test_a_batch_that_inflates_beyond_a_limit_is_cut_named_and_passed(caplog):
    bomb = batch("zstd", (record(n, b"16.71", bytes(4 * MIB)) for n in range(8)), 8)
    after = batch("none", [record(0, b"16.71", b"report")], 1, base=8)
    found, next_offset = taken(_PartitionRecords, bomb + after)
    # Enough was inflated: what follows is fetched again.
    assert (len(found), next_offset) == (8, 8) and max(len(one.value) for one in found) <= 16 * 1024
    assert caplog.messages == [
        f"siaga.incidents[3]@0, in a batch of 8 records, is not read whole: {4 * MIB} bytes, at most 16384 are read"
    ]
    assert [one.value for one in taken(_PartitionRecords, after, 8)[0]] == [b"report"]


def test_an_answer_ends_once_its_batches_have_inflated_to_the_limit_together():
    one = [batch("zstd", [record(0, None, bytes(BATCH_INFLATED_MAX - 1024))], 1, base=n) for n in range(5)]
    found, next_offset = taken(_PartitionRecords, b"".join(one))
    assert (len(found), next_offset) == (3, 3)
    assert {len(each.value) for each in found} == {BATCH_INFLATED_MAX - 1024}


@pytest.mark.parametrize("is_emptied", [False, True])
def test_a_marker_that_compaction_emptied_is_read_past(is_emptied):
    answer = b"".join(
        [
            transactional([record(0, b"16.71", b"aborted")], 1, 7, 0),
            marker(7, 1, is_abort=True),
            marker(8, 2, is_emptied=is_emptied),
            transactional([record(0, b"16.71", b"committed")], 1, 7, 3),
            marker(7, 4),
        ]
    )
    aborted = [SimpleNamespace(producer_id=7, first_offset=0)]
    records = _PartitionRecords(
        0, PLACE, MemoryRecords(answer), aborted_transactions=aborted, isolation_level=IsolationLevel.READ_COMMITTED
    )
    assert [(one.offset, one.value) for one in records.take(10)] == [(3, b"committed")]
    assert records.next_fetch_offset == 5
