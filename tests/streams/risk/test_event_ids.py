"""Messages give what a plain dict of their bodies gives, in whatever order they come, and after every restore."""

import random

import pytest

from streams.risk.event_ids import EventIds, _position, body_of, identity_of
from streams.storage.format import UnknownFormat
from tests.streams.ledgers import EIGHT_MS, incident, turnout

HOUR_MS = 3_600_000
BODY = ["polda i-1", 1, None, "clash", 3]


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
            body = [*BODY, name]
            is_repeat = name in known or name in seen[hour]
            assert ids.is_new(name, body) is not is_repeat, (hour, name)
            if is_repeat:
                assert ids.is_repeat(name, body) and not ids.is_repeat(name, [*body, "another"])
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
    assert ids.is_new("a", BODY)
    ids.close_frame(0)
    again = restored(ids, stored(ids, {}))
    again.forget_before(1)
    assert again.drain() == {1: None} and again.is_new("a", BODY)


def test_ids_of_another_format_are_refused():
    with pytest.raises(UnknownFormat):
        EventIds().restore(1, {1: bytes(16)})


def test_bytes_that_overlap_two_digests_are_no_match():
    held = bytes(range(36))  # three messages: eight bytes of digest, four of checksum
    assert _position(held, bytes(range(12, 20))) == 12
    assert _position(held, bytes(range(3, 11))) == -1
    assert _position(held, bytes(range(16, 24))) == -1
    assert _position(b"\x07" * 9 + b"\x00" * 3 + b"\x07" * 8 + bytes(4), b"\x07" * 8) == 0
    assert _position(b"\x01" + b"\x07" * 8 + b"\x02" * 3 + b"\x07" * 8 + bytes(4), b"\x07" * 8) == 12


def test_a_message_is_its_kind_source_drill_and_event_id_and_nothing_else():
    own = identity_of(incident("a", EIGHT_MS))
    assert identity_of(incident("a", EIGHT_MS + 1, "fatality", 5, incident="z", origin="kpu")) == own
    others = {
        identity_of(incident("b", EIGHT_MS)), identity_of(incident("a", EIGHT_MS, source="kpu")),
        identity_of(incident("a", EIGHT_MS, exercise=True)),
        identity_of(["t", 0, "e-a", " TPS 001", 500, 100, 0, 1, "bawaslu", False, "bawaslu", 1]),
    }  # fmt: skip
    assert len(others) == 4 and own not in others


def test_a_body_is_all_that_a_publisher_writes_besides():
    """Not the time of intake, the agency and the rank: what a sources file says of a message may change."""
    first = incident("a", EIGHT_MS, occurred_ms=1, reported_ms=2)
    assert body_of(first) == ["bawaslu i-a", 1, None, "intimidation", 2, "reported", 1, 2]
    assert body_of(incident("a", EIGHT_MS + 9, occurred_ms=1, reported_ms=2, agency="x")) == body_of(first)
    figure = turnout("a", EIGHT_MS, "TPS 001", 100, as_of_ms=5)
    assert body_of(figure) == [" TPS 001", 500, 100, 5, 1]
    assert body_of(turnout("a", EIGHT_MS + 9, "TPS 001", 100, as_of_ms=5, agency="x", rank=7)) == body_of(figure)
