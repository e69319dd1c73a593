"""Event ids give what a plain set gives, in whatever order and number they come, and after every restore."""

import random

import pytest

from streams.risk.event_ids import EventIds, _position
from streams.storage.format import UnknownFormat

HOUR_MS = 3_600_000


def stored(ids: EventIds, state: dict[int, bytes]) -> dict[int, bytes]:
    """`state` as it is once the changes since the last call are written."""
    for number, segment in ids.drain().items():
        if segment is None:
            del state[number]
        else:
            state[number] = segment
    return state


def restored(ids: EventIds, state: dict[int, bytes]) -> EventIds:
    again = EventIds()
    again.restore(ids.last, dict(reversed(state.items())))
    return again


@pytest.mark.parametrize("count", [3, 60, 1_000, 30_000])
def test_an_id_is_new_once_in_hours_of_frames_restores_and_forgetting(count):
    rnd = random.Random(count)
    ids, state, seen = EventIds(), {}, [set() for _ in range(9)]
    for hour in range(9):
        known = set().union(*seen[max(0, hour - 3) : hour])
        for _ in range(count // 3):
            name = f"e{rnd.randrange(count)}"
            is_repeat = name in known or name in seen[hour]
            assert ids.is_new(name) is not is_repeat, (hour, name)
            if name not in known:
                seen[hour].add(name)
            if rnd.random() < 0.01:
                ids.close_frame(hour * HOUR_MS)
        ids.close_frame(hour * HOUR_MS)
        ids.forget_before((hour - 2) * HOUR_MS)
        state = stored(ids, state)
        held = set().union(*seen[max(0, hour - 2) : hour + 1])
        assert len(ids) == len(held)
        if hour % 2:
            ids = restored(ids, state)
            assert len(ids) == len(held)


def test_restored_ids_can_be_forgotten_before_the_first_look_up():
    ids = EventIds()
    assert ids.is_new("a")
    ids.close_frame(0)
    again = restored(ids, stored(ids, {}))
    again.forget_before(1)
    assert again.drain() == {1: None} and again.is_new("a")


def test_ids_of_another_format_are_refused():
    with pytest.raises(UnknownFormat):
        EventIds().restore(1, {1: bytes(16)})


def test_bytes_that_overlap_two_digests_are_no_match():
    held = bytes(range(24))
    assert _position(held, bytes(range(8, 16))) == 8
    assert _position(held, bytes(range(3, 11))) == -1
    assert _position(b"\x07" * 9 + b"\x00" * 7 + b"\x07" * 8, b"\x07" * 8) == 0
    assert _position(b"\x01" + b"\x07" * 8 + b"\x02" * 7 + b"\x07" * 8, b"\x07" * 8) == 16
