"""Records handed out as they were parsed: the same, by the same steps, as aiokafka hands out as copies."""

import inspect

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.consumer.fetcher import READ_COMMITTED, FetchResult, PartitionRecords
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from agents.batching.consumer.bounded_records import BoundedRecords
from agents.batching.patches.records import BoundedResult, ParsedRecords, read_past_empty_markers
from tests.agents.batching.consumer import raw_batches
from tests.agents.batching.consumer.raw_batches import record

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


@pytest.mark.parametrize("is_emptied", [False, True])
def test_a_marker_that_compaction_emptied_is_read_past(is_emptied):
    read_past_empty_markers()
    value = (
        raw_batches.transactional([record(0, b"k", b"aborted")], 1, 7, 0)
        + raw_batches.marker(7, 1, is_abort=True)
        + raw_batches.marker(8, 2, is_emptied=is_emptied)
        + raw_batches.transactional([record(0, b"k", b"committed")], 1, 7, 3)
        + raw_batches.marker(7, 4)
    )
    records = ParsedRecords(SOURCE, BoundedRecords(value), [(7, 0)], 0, None, None, True, READ_COMMITTED)
    assert [(one.offset, one.value) for one in records] == [(3, b"committed")]
    assert records.next_fetch_offset == 5


class _Assigned:
    """An assignment that notes how far its partition is read."""

    position = None

    def state_value(self, tp: TopicPartition) -> "_Assigned":
        return self

    def consumed_to(self, position: int) -> None:
        self.position = position


def fetched(made: type[FetchResult], value: bytes) -> tuple[FetchResult, _Assigned]:
    records, state = ParsedRecords(SOURCE, BoundedRecords(value), [], 0, None, None, True, READ_COMMITTED), _Assigned()
    return made(SOURCE, assignment=state, partition_records=records, backoff=0), state


@pytest.mark.parametrize("made", [FetchResult, BoundedResult])
def test_taking_some_at_a_time_continues_where_it_ended(monkeypatch, made):
    monkeypatch.setattr(FetchResult, "check_assignment", lambda self, tp: True)
    result, state = fetched(made, answer(5))
    taken = []
    for most in (2, 2, 2):
        taken.append([record.offset for record in result.getall(most)])
    assert taken == [[0, 1], [2, 3], [4]]
    assert state.position == 5 and not result.has_more()


@pytest.mark.parametrize("count", [0, 24, 25, 26, 100])
def test_all_that_was_fetched_is_taken_in_pieces_of_any_size(monkeypatch, count):
    monkeypatch.setattr(FetchResult, "check_assignment", lambda self, tp: True)
    for most in (1, 25, 30, 1000, None):
        (result, state), taken = fetched(BoundedResult, answer(count)), []
        while result.has_more():
            taken += [record.offset for record in result.getall(most)]
        assert taken == list(range(count)) and state.position == (count or 1)


def test_records_are_taken_with_what_they_cost_and_fewer_when_they_are_large(monkeypatch):
    monkeypatch.setattr(FetchResult, "check_assignment", lambda self, tp: True)
    large = raw_batches.batch("zstd", (record(n, b"k" * 200_000, b"v") for n in range(200)), 200)
    result, _ = fetched(BoundedResult, large)
    first, second = result.getall(100), result.getall(100)
    assert len(first) == len(second) == 25
    assert 25 * 200_000 < first.cost < 25 * 210_000


def test_a_partition_whose_position_was_moved_hands_out_nothing():
    result, _ = fetched(BoundedResult, answer(5))
    result._assignment.active = False
    assert result.getall(3) == [] and not result.has_more()


def test_aiokafka_makes_records_by_the_replaced_name_and_method():
    assert "PartitionRecords(" in inspect.getsource(fetcher.Fetcher._proc_fetch_request)
    assert "self._consumer_record(tp, record)" in inspect.getsource(PartitionRecords._unpack_records)
    assert "FetchResult(" in inspect.getsource(fetcher.Fetcher._proc_fetch_request)
    assert "for msg in self._partition_records" in inspect.getsource(FetchResult.getall)
    assert ".getall(max_records)" in inspect.getsource(fetcher.Fetcher.fetched_records)
