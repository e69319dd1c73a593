"""Laws of reading batches with bounded memory: what is small is read as before, what is not is read cut."""

import itertools
import tracemalloc

import pytest
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords

from agents.batching import Cut, CutRecord
from agents.batching.consumer import bounded_records, inflating, record_stream
from agents.batching.consumer.bounded_records import PIECE_MAX, BoundedRecords
from tests.agents.batching.consumer import raw_batches
from tests.agents.batching.consumer.raw_batches import BOMBS, CODECS, MIB, field, headers_of, record, varint

FATAL = record(1, b"16.71", b"fatal")


@pytest.fixture(autouse=True)
def bounded(bounded_inflating):
    """Of all tests here."""


def batch(codec: str, values: list[bytes | None], headers=(), key: bytes | None = b"key", base: int = 0) -> bytes:
    """One batch as a broker returns it."""
    builder = DefaultRecordBatchBuilder(2, CODECS[codec], 0, -1, -1, -1, batch_size=1 << 31)
    for index, value in enumerate(values):
        builder.append(index, 1000 + index, key, value, list(headers))
    built = builder.build()
    built[:8] = base.to_bytes(8, "big")
    return bytes(built)


def read(answer: bytes) -> list:
    records, found = BoundedRecords(answer), []
    while records.has_next():
        found += records.next_batch()
    return found


def read_traced(answer: bytes) -> tuple[list, int]:
    """The records, and the most bytes of Python's memory that reading and keeping them took."""
    tracemalloc.start()
    try:
        return read(answer), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def shown(records) -> list[tuple]:
    return [(r.offset, r.timestamp, r.timestamp_type, r.key, r.value, list(r.headers)) for r in records]


@pytest.mark.parametrize("codec", CODECS)
def test_reading_from_a_stream_gives_what_aiokafka_gives(codec):
    values = [b"", None, b"x", b"y" * 3000, bytes(range(256))]
    answer = batch(codec, values, [("a", b"1"), ("b", None), ("é", b"")], base=77)
    streamed = list(BoundedRecords(answer).next_batch()._stream())
    assert shown(streamed) == shown(read(answer)) == shown(MemoryRecords(answer).next_batch())
    assert [record.offset for record in streamed] == [77, 78, 79, 80, 81]


@pytest.mark.parametrize("codec", CODECS)
def test_a_batch_in_many_pieces_reads_as_aiokafka_reads_it(codec):
    """Records of every size around that of a piece, which a record alone may exceed."""
    sizes = [1, 300, PIECE_MAX // 2, PIECE_MAX - 30, PIECE_MAX, PIECE_MAX + 1, 3 * PIECE_MAX, *range(1, 2000), 7]
    answer = batch(codec, [b"v" * size for size in sizes], [("a", b"1")], base=5)
    assert shown(read(answer)) == shown(MemoryRecords(answer).next_batch())


@pytest.mark.parametrize("codec", BOMBS)
def test_a_bomb_is_cut_and_its_neighbours_are_whole(codec):
    (first, bomb, last), most = read_traced(batch(codec, [b"before", b"\0" * (100 * MIB), b"after"]))
    assert (first.value, last.value) == (b"before", b"after")
    assert type(bomb.value) is Cut and bomb.value.size == 100 * MIB and len(bomb.value) == record_stream.CUT_TO
    assert bomb.beyond == "104857600 bytes, at most 16384 are read"
    assert most < 48 * MIB


@pytest.mark.parametrize("codec", BOMBS)
def test_a_bomb_may_be_in_a_key_or_a_header(codec):
    [found] = read(batch(codec, [b"v"], [("big", b"h" * (40 * MIB))], key=b"k" * (40 * MIB)))
    assert type(found) is CutRecord and found.beyond == "key: 41943040 bytes, at most 262144 are read"
    assert (found.value, found.key.size, found.headers) == (b"v", 40 * MIB, [])


@pytest.mark.parametrize("codec", CODECS)
def test_a_large_key_of_a_batch_that_is_inflated_at_once_is_kept_and_named(codec):
    key = bytes(range(256)) * 2000
    large, fatal = read(raw_batches.batch(codec, [record(0, key, b"v"), FATAL], 2))
    assert (type(large), large.key, large.value) == (CutRecord, key, b"v")
    assert large.beyond == "key: 512000 bytes, at most 262144 are read" and fatal.value == b"fatal"


@pytest.mark.parametrize("codec", BOMBS)
def test_many_records_with_large_headers_are_cut_and_the_last_is_read(codec):
    """As it was done to a worker, with 1.5 GiB of headers in a batch of 625 KB."""
    count = 200
    large = headers_of([(b"h%d" % number, bytes(16 * 1024)) for number in range(64)])
    records = (record(number, b"k", b"small", large) for number in range(count))
    last = record(count, b"k", b"last")
    found, most = read_traced(raw_batches.batch(codec, itertools.chain(records, [last]), count + 1))
    assert len(found) == count + 1 and (found[-1].value, type(found[-1])) == (b"last", record_stream.StreamedRecord)
    assert {(type(one), one.value) for one in found[:-1]} == {(CutRecord, b"small")}
    assert found[0].beyond.startswith("headers: 10490") and found[0].beyond.endswith("at most 262144 are read")
    assert most < 48 * MIB


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("header", [(b"", None), (b"ab", b"xy")], ids=["empty", "small"])
def test_tiny_headers_without_number_cost_no_more_than_the_batch(codec, header):
    """Each of two to six bytes is some 80 to 150 as an object of Python: 16 MiB of them, 640."""
    one = field(header[0]) + field(header[1])
    number = (MIB if codec == "none" else 15 * MIB) // len(one)
    answer = raw_batches.batch(codec, [record(0, b"k", b"v", varint(number) + one * number), FATAL], 2)
    (cut, fatal), most = read_traced(answer)
    assert (cut.key, cut.value, cut.headers) == (b"k", b"v", [])
    assert cut.beyond == f"headers: {number}, at most 64 are read"
    assert (fatal.offset, fatal.value) == (1, b"fatal")
    assert most < 48 * MIB


@pytest.mark.parametrize("codec", CODECS)
def test_tiny_headers_of_many_small_records_are_left_out_of_each(codec):
    one = headers_of([(b"", None)] * 4000)
    count = 100
    found, most = read_traced(raw_batches.batch(codec, (record(n, None, b"v", one) for n in range(count)), count))
    assert {(type(each), each.beyond) for each in found} == {(CutRecord, "headers: 4000, at most 64 are read")}
    assert len(found) == count and most < 16 * MIB


@pytest.mark.parametrize("codec", CODECS)
def test_what_tiny_records_and_headers_take_in_memory_is_counted(codec):
    """Not less than they take, so that a batch of the consumer ends in time."""
    for headers, key, value in (
        ([], None, None), ([], b"kk", b"vv"), ([(b"", None)] * 64, None, None), ([(b"ab", b"xy")] * 64, b"kk", b"vv"),
    ):  # fmt: skip
        answer = raw_batches.batch(codec, [record(n, key, value, headers_of(headers)) for n in range(500)], 500)
        records = BoundedRecords(answer)
        [made] = [records.next_batch()]
        tracemalloc.start()
        found = list(made)
        taken = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        assert len(found) == 500 and taken * 0.95 < records.cost < taken * 4


@pytest.mark.parametrize("codec", BOMBS)
def test_what_streamed_records_take_in_memory_is_counted(codec):
    records = [record(n, b"k" * 500, b"v" * 500, headers_of([(b"h", b"x" * 5000)] * 8)) for n in range(800)]
    answer = BoundedRecords(raw_batches.batch(codec, records, 800))
    found = list(answer.next_batch())
    assert len(found) == 800 and type(found[0]) is record_stream.StreamedRecord
    assert 800 * 41_000 < answer.cost < 800 * 45_000


@pytest.mark.parametrize("codec", [name for name in CODECS if name != "none"])
@pytest.mark.parametrize("length", [9, 5000])
def test_a_record_that_states_a_wrong_length_hides_nothing_behind_it(codec, length):
    """A broker takes such compressed batches; aiokafka would make all objects before it looked at the length."""
    one = field(b"ab") + field(b"xy")
    liar = record(0, b"k", b"v", headers_of([(b"ab", b"xy")] * 30), length)
    last = record(2, b"k", b"last")
    assert [each.value for each in read(raw_batches.batch(codec, [liar, FATAL, last], 3))] == [b"v", b"fatal", b"last"]
    number = 15 * MIB // len(one)
    hidden = record(0, b"k", b"v", varint(number) + one * number, length)
    found, most = read_traced(raw_batches.batch(codec, [hidden, FATAL, last], 3))
    assert [each.offset for each in found] == [0, 1, 2] and most < 64 * MIB
    assert all(type(each) is CutRecord for each in found)


def test_what_cannot_be_read_on_takes_its_offsets_and_no_others():
    """A record that claims a far offset would have the consumer skip all that lies before it."""
    far = [record(0, b"k", b"v"), record(1 << 40, b"k", b"far"), record(2, b"k", b"last")]
    broken = raw_batches.batch("zstd", [*far, b"\0" * (17 * MIB)], 3, base=10)
    found = read(broken + raw_batches.batch("none", [record(0, b"k", b"next")], 1, base=13))
    assert [each.offset for each in found] == [10, 11, 12, 13]
    assert [each.value for each in found] == [b"v", None, None, b"next"]
    assert found[1].beyond == "not read: the offsets of a batch do not follow each other"


def test_a_wide_window_of_zstd_is_not_filled():
    """It is 128 MiB in each partition that reads one. The same data with a usual window is read to its end."""
    filler = [record(n, b"k", bytes(MIB)) for n in range(60)]
    usual, wide = (read(raw_batches.batch("zstd", filler, 60, window_log=log)) for log in (21, 27))
    assert [each.offset for each in usual] == [each.offset for each in wide] == list(range(60))
    assert {each.value.size for each in usual} == {MIB}
    assert [each.value is None for each in wide] == [False] * 31 + [True] * 29
    assert wide[-1].beyond.endswith("a batch of more than 33554432 bytes")


def test_a_small_batch_with_a_wide_window_is_read_like_any_other():
    """Level 22 of zstd has one."""
    answer = raw_batches.batch("zstd", [record(n, b"k", b"v" * 300) for n in range(3000)], 3000, window_log=27)
    assert {each.value for each in read(answer)} == {b"v" * 300}


def test_an_answer_of_many_large_batches_ends_early_and_is_continued_by_the_next(monkeypatch):
    monkeypatch.setattr(bounded_records, "ANSWER_INFLATED_MAX", 4 * MIB)
    answer = b"".join(batch("zstd", [b"\0" * MIB], base=offset) for offset in range(20))
    offsets = [record.offset for record in read(answer)]
    assert offsets == list(range(len(offsets))) and 4 <= len(offsets) <= 5


def test_a_zstd_frame_that_understates_itself_is_still_bounded():
    """A small frame that says its size, and a bomb behind it."""
    zstandard = pytest.importorskip("zstandard")
    small = zstandard.ZstdCompressor(write_content_size=True).compress(b"x")
    bomb = zstandard.ZstdCompressor(write_content_size=False).compress(b"\0" * (64 * MIB))
    with pytest.raises(inflating.InflatesTooMuch):
        inflating.inflate(inflating.ZSTD, memoryview(small + bomb))


def test_a_block_of_snappy_that_overstates_itself_is_not_allocated():
    """It says 15 MiB, and later 4 GiB."""
    from aiokafka.errors import CorruptRecordException

    for stated in (b"\x80\x80\xc0\x07", b"\xff\xff\xff\xff\x0f"):
        with pytest.raises((CorruptRecordException, inflating.InflatesTooMuch)):
            inflating.inflate(inflating.SNAPPY, memoryview(stated + b"\0x"))


def test_snappy_beyond_the_limit_is_read_from_a_stream():
    count = 1 + inflating.BATCH_INFLATED_MAX // MIB
    answer = raw_batches.batch("snappy", (record(n, b"k", bytes(MIB)) for n in range(count)), count)
    found, most = read_traced(answer)
    assert [each.value.size for each in found] == [MIB] * count and most < 16 * MIB


@pytest.mark.parametrize("codec", CODECS)
def test_a_header_name_that_is_no_utf8_does_not_stop_the_reading(codec):
    strange = headers_of([(b"name-\xff\xfe", b"x")])
    records = read(raw_batches.batch(codec, [record(n, b"k", b"v", strange) for n in range(2)], 2))
    assert [record.offset for record in records] == [0, 1]
    assert records[0].headers[0] == ("name-\ufffd\ufffd", b"x")


def test_the_pinned_aiokafka_has_what_is_replaced():
    assert fetcher.MemoryRecords is BoundedRecords
