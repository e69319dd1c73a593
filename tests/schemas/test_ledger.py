"""Laws of the ledger's records: what a header of inputs may be, what a tick counts, what is no frame."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.ledger import (
    BROKER_AHEAD_MS,
    TICK,
    Inputs,
    NotAFrame,
    decode_frame,
    encode_frames,
    encode_reports,
    entries_of,
    incident_digest,
    tick_frame,
)

NOON_MS = 1_732_683_600_000


@given(st.lists(st.integers(0, 2**63 - 1), min_size=1), st.integers(0, 1000))
def test_a_header_of_inputs_is_read_as_it_was_written(offsets: list[int], partition: int):
    inputs = Inputs("siaga.incidents.kpu", partition, offsets)
    assert Inputs.of(inputs.header()) == inputs


@pytest.mark.parametrize(
    "header",
    [
        None, b"", b"\xff", b"{}", b"[]", b'["a",0]', b'["a",0,[]]', b'["a",0,[1],2]', b'["a",0,{"1":1}]', b'[1,0,[1]]',
        b'["a","0",[1]]', b'["a",true,[1]]', b'["a",0,["1"]]', b'["a",0,[1.0]]', b'["a",0,[-1]]', b'["a",0,[null]]',
        b'["a",0,[1e3]]', b'["a",0,[[1]]]', b'["a",0,[1,2]', b'["a",-1,[1]]',
    ],
)  # fmt: skip
def test_anything_else_is_no_header_of_inputs(header: bytes | None):
    with pytest.raises(NotAFrame, match=r"siaga\.input"):
        Inputs.of(header)


@given(st.integers(1, 40), st.integers(1, 40))
def test_split_frames_hold_the_same_entries_and_each_the_offsets_of_its_own(count: int, size: int):
    entries = [["i", number, "x" * size * 1000] for number in range(count)]
    encoded = list(encode_reports("siaga.incidents", 3, entries, [7 + number for number in range(count)]))
    assert [value for value, _ in encoded] == list(encode_frames(entries))
    found = [
        (entry, offset)
        for value, header in encoded
        for entry, offset in zip(decode_frame(value), Inputs.of(header).offsets, strict=True)
    ]
    assert found == [(entry, 7 + entry[1]) for entry in entries]


@pytest.mark.parametrize(
    "writer_ms, appended_ms, counts_ms",
    [
        (NOON_MS, NOON_MS + 20, NOON_MS + 20),
        (NOON_MS + 3_600_000, NOON_MS, NOON_MS),
        (NOON_MS, NOON_MS + 3_600_000, NOON_MS + BROKER_AHEAD_MS),
    ],
    ids=["right clocks", "a worker ahead", "the broker ahead"],
)
def test_a_tick_is_the_append_at_most_five_minutes_after_its_writers_time(writer_ms, appended_ms, counts_ms):
    assert entries_of(tick_frame(writer_ms), appended_ms) == [[TICK, counts_ms]]


@pytest.mark.parametrize(
    "value",
    [b"", b"\xff", b"{}", b"[]", b"7", b'"i"', b'{"i":1}', b"[[]]", b"[7]", b'[["?",1]]', b'[["i",1],["?",1]]',
     b'[[["i"]]]', b'[["i",0,"a"', b'[["k"]]', b'[["k","0"]]', b'[["k",1.5]]', b'[["k",true]]', b"[" * 2000],
)  # fmt: skip
def test_what_is_no_list_of_entries_of_known_kinds_is_no_frame(value: bytes):
    with pytest.raises(NotAFrame, match="it "):
        entries_of(value, NOON_MS)


def test_a_digest_keeps_nothing_of_the_number():
    digest = incident_digest("bawaslu 1671010101900001")
    assert digest == incident_digest("bawaslu 1671010101900001") != incident_digest("bawaslu 1671010101900002")
    assert len(digest) == 16 and "1671" not in digest
    assert orjson.dumps(digest)
