"""A reader that resumes from any event misses nothing, or learns that events it needs were dropped."""

import asyncio
import zlib

from hypothesis import given
from hypothesis import strategies as st

from apps.board.event_buffer import GZIP_HEADER, EventBuffer, encode_event

DATA = st.lists(st.binary(max_size=60).map(lambda data: data.hex().encode()), max_size=40)


@given(DATA, st.integers(1, 20), st.integers(100, 2000), st.integers(-3, 60))
def test_since_returns_every_later_event_or_none(data, events_max, bytes_max, seq):
    buffer = EventBuffer(events_max, bytes_max)
    appended = [buffer.append("update", item) for item in data]
    events = buffer.since(seq)
    if events is None:
        assert not 0 <= seq <= len(data) or len(appended[seq:]) > events_max or _size(appended[seq:]) > bytes_max
    else:
        assert events == appended[max(seq, 0) :]


@given(DATA, st.integers(1, 20), st.integers(100, 2000))
def test_memory_stays_within_its_bounds(data, events_max, bytes_max):
    buffer = EventBuffer(events_max, bytes_max)
    for item in data:
        buffer.append("update", item)
        assert buffer.bytes_held <= bytes_max
        assert len(buffer.since(max(0, buffer.head - events_max)) or []) <= events_max


@given(DATA, st.data())
def test_compressed_events_form_a_gzip_stream_from_any_point(data, draw):
    buffer = EventBuffer()
    events = [buffer.append("update", item) for item in data]
    start = draw.draw(st.integers(0, len(events)))
    stream = zlib.decompressobj(31)
    unpacked = stream.decompress(GZIP_HEADER + b"".join(event.deflated for event in events[start:]))
    assert unpacked == b"".join(event.plain for event in events[start:])
    assert not stream.eof


@given(st.text(max_size=30))
def test_an_id_of_another_epoch_is_not_parsed(text):
    buffer = EventBuffer(epoch="cafe0123")
    assert buffer.parse_id(text) is None
    assert buffer.parse_id(None) is None
    assert buffer.parse_id(buffer.event_id(7)) == 7


def test_an_event_is_encoded_as_the_html_standard_says():
    assert encode_event("update", b'{"a":1}', "x-1") == b'event: update\nid: x-1\ndata: {"a":1}\n\n'


async def test_waiting_readers_wake_on_append():
    buffer = EventBuffer()
    waiting = [asyncio.create_task(buffer.wait_beyond(0)) for _ in range(3)]
    await asyncio.sleep(0)
    assert not any(task.done() for task in waiting)
    buffer.append("update", b"{}")
    await asyncio.wait_for(asyncio.gather(*waiting), 5)


def _size(events):
    return sum(len(event.plain) for event in events)
