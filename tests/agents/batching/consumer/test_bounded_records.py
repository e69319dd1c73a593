"""Laws of reading batches with bounded memory: what is small is read as before, what is not is read cut."""

import resource

import aiokafka.record._crecords.default_records as compiled
import pytest
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from agents.batching import Cut
from agents.batching.consumer import bounded_records
from agents.batching.consumer.bounded_records import BoundedRecords

CODECS = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
BOMBS = ("gzip", "lz4", "zstd")
MIB = 1 << 20


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


def shown(records) -> list[tuple]:
    return [(r.offset, r.timestamp, r.timestamp_type, r.key, r.value, list(r.headers)) for r in records]


@pytest.mark.parametrize("codec", CODECS)
def test_reading_from_a_stream_gives_what_aiokafka_gives(codec):
    values = [b"", None, b"x", b"y" * 3000, bytes(range(256))]
    answer = batch(codec, values, [("a", b"1"), ("b", None), ("é", b"")], base=77)
    streamed = list(BoundedRecords(answer).next_batch()._stream())
    assert shown(streamed) == shown(read(answer))
    assert [record.offset for record in streamed] == [77, 78, 79, 80, 81]


@pytest.mark.parametrize("codec", BOMBS)
def test_a_bomb_is_cut_and_its_neighbours_are_whole(codec):
    answer = batch(codec, [b"before", b"\0" * (100 * MIB), b"after"])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    first, bomb, last = read(answer)
    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert (first.value, last.value) == (b"before", b"after")
    assert type(bomb.value) is Cut and bomb.value.size == 100 * MIB and len(bomb.value) == bounded_records.CUT_TO
    assert grown_kib < 48 * 1024


@pytest.mark.parametrize("codec", BOMBS)
def test_a_bomb_may_be_in_a_key_or_a_header(codec):
    [record] = read(batch(codec, [b"v"], [("big", b"h" * (40 * MIB))], key=b"k" * (40 * MIB)))
    assert record.value == b"v"
    assert record.key.size == 40 * MIB and record.headers[0][1].size == 40 * MIB


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
    with pytest.raises(bounded_records.InflatesTooMuch):
        bounded_records.zstd_decode(small + bomb)


@pytest.mark.parametrize("codec", CODECS)
def test_a_header_name_that_is_no_utf8_does_not_stop_the_reading(codec):
    good = batch("none", [b"one", b"two"], [("name-é", b"x")])
    raw = good[: bounded_records._HEAD.size], good[bounded_records._HEAD.size :].replace("é".encode(), b"\xff\xfe")
    answer = b"".join(raw) if codec == "none" else _packed(codec, *raw)
    records = read(answer)
    assert [record.value for record in records] == [b"one", b"two"]
    assert records[0].headers[0] == ("name-\ufffd\ufffd", b"x")


def _packed(codec: str, head: bytes, records: bytes) -> bytes:
    """The batch with its records compressed, as a client that is not aiokafka may send it."""
    from aiokafka import codec as codecs

    packed = getattr(codecs, f"{codec}_encode")(records)
    head = bytearray(head)
    head[8:12] = (bounded_records._HEAD.size - 12 + len(packed)).to_bytes(4, "big")
    head[21:23] = CODECS[codec].to_bytes(2, "big")
    return bytes(head) + packed


def test_the_pinned_aiokafka_has_what_is_replaced():
    from aiokafka.consumer import fetcher

    assert fetcher.MemoryRecords is BoundedRecords
    assert compiled.zstd_decode is bounded_records.zstd_decode
