"""Records handed out as they were parsed: the same, by the same steps, as aiokafka hands out as copies."""

import inspect

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.consumer.fetcher import READ_COMMITTED, FetchResult, PartitionRecords
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from agents.batching.consumer.bounded_records import BoundedRecords
from agents.batching.patches.records import ParsedRecords

SOURCE = TopicPartition("incidents", 1)
FIELDS = ("offset", "timestamp", "timestamp_type", "key", "value")


def answer(records: int, compression: int = 0) -> bytes:
    builder = DefaultRecordBatchBuilder(2, compression, 0, -1, -1, -1, 1 << 20)
    for n in range(records):
        builder.append(n, 1_700_000_000_000 + n, b"k%d" % n, b"v%d" % n if n % 3 else None, [("h", b"%d" % n)])
    return bytes(builder.build())


def read(made: type[PartitionRecords], value: bytes, start: int = 0) -> list[tuple]:
    records = made(SOURCE, BoundedRecords(value), [], start, None, None, True, READ_COMMITTED)
    return [(*(getattr(record, name) for name in FIELDS), tuple(record.headers)) for record in records]


@pytest.mark.parametrize("compression", [0, 1, 4])
@pytest.mark.parametrize("start", [0, 7])
def test_parsed_records_hold_what_aiokafkas_copies_hold(compression, start):
    value = answer(20, compression)
    assert read(ParsedRecords, value, start) == read(PartitionRecords, value, start)
    assert len(read(ParsedRecords, value, start)) == 20 - start


class _Assigned:
    """An assignment that notes how far its partition is read."""

    position = None

    def state_value(self, tp: TopicPartition) -> "_Assigned":
        return self

    def consumed_to(self, position: int) -> None:
        self.position = position


def test_taking_some_at_a_time_continues_where_it_ended(monkeypatch):
    monkeypatch.setattr(FetchResult, "check_assignment", lambda self, tp: True)
    records = ParsedRecords(SOURCE, BoundedRecords(answer(5)), [], 0, None, None, True, READ_COMMITTED)
    state = _Assigned()
    result = FetchResult(SOURCE, assignment=state, partition_records=records, backoff=0)
    taken = []
    for most in (2, 2, 2):
        taken.append([record.offset for record in result.getall(most)])
    assert taken == [[0, 1], [2, 3], [4]]
    assert state.position == 5 and not result.has_more()


def test_aiokafka_makes_records_by_the_replaced_name_and_method():
    assert "PartitionRecords(" in inspect.getsource(fetcher.Fetcher._proc_fetch_request)
    assert "self._consumer_record(tp, record)" in inspect.getsource(PartitionRecords._unpack_records)
    assert "for msg in self._partition_records" in inspect.getsource(FetchResult.getall)
