"""Resume laws: whoever reads on from any event misses nothing, or is told that the journal no longer reaches so far."""

import asyncio
import zlib

from hypothesis import given
from hypothesis import strategies as st

from apps.board.journal import GZIP_HEADER, Journal, encode_event

DATA = st.lists(st.binary(max_size=60).map(lambda data: data.hex().encode()), max_size=40)


@given(DATA, st.integers(1, 20), st.integers(100, 2000), st.integers(-3, 60))
def test_reading_on_gives_every_later_frame_or_none(data, frames_max, bytes_max, seq):
    journal = Journal(frames_max, bytes_max)
    appended = [journal.append("update", item) for item in data]
    frames = journal.since(seq)
    if frames is None:
        assert not 0 <= seq <= len(data) or len(appended[seq:]) > frames_max or _size(appended[seq:]) > bytes_max
    else:
        assert frames == appended[max(seq, 0) :]


@given(DATA, st.integers(1, 20), st.integers(100, 2000))
def test_memory_stays_within_its_bounds(data, frames_max, bytes_max):
    journal = Journal(frames_max, bytes_max)
    for item in data:
        journal.append("update", item)
        assert journal.bytes_held <= bytes_max
        assert len(journal.since(max(0, journal.head - frames_max)) or []) <= frames_max


@given(DATA, st.data())
def test_shared_compressed_frames_make_a_gzip_stream_from_any_point(data, draw):
    journal = Journal()
    frames = [journal.append("update", item) for item in data]
    start = draw.draw(st.integers(0, len(frames)))
    stream = zlib.decompressobj(31)
    unpacked = stream.decompress(GZIP_HEADER + b"".join(frame.deflated for frame in frames[start:]))
    assert unpacked == b"".join(frame.plain for frame in frames[start:])
    assert not stream.eof


@given(st.text(max_size=30))
def test_an_event_id_of_another_epoch_or_none_at_all_is_no_number(text):
    journal = Journal(epoch="cafe0123")
    assert journal.parse_id(text) is None
    assert journal.parse_id(None) is None
    assert journal.parse_id(journal.event_id(7)) == 7


def test_an_event_has_the_shape_browsers_read():
    assert encode_event("update", b'{"a":1}', "x-1") == b'event: update\nid: x-1\ndata: {"a":1}\n\n'


async def test_waiters_wake_when_a_frame_comes():
    journal = Journal()
    waiting = [asyncio.create_task(journal.wait_beyond(0)) for _ in range(3)]
    await asyncio.sleep(0)
    assert not any(task.done() for task in waiting)
    journal.append("update", b"{}")
    await asyncio.wait_for(asyncio.gather(*waiting), 5)


def _size(frames):
    return sum(len(frame.plain) for frame in frames)
