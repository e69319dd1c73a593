"""Event ids give what a plain set gives, in whatever order and number they come, and after every restore."""

import random

import pytest

from streams.risk.event_ids import EventIds, _position, identity_of, with_body_of
from streams.storage.format import UnknownFormat
from tests.streams.ledgers import EIGHT_MS, incident, turnout

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


def test_to_ask_whether_an_id_is_known_remembers_nothing():
    ids = EventIds()
    assert not ids.is_known("a") and not ids.is_known("a") and ids.is_new("a") and ids.is_known("a")
    ids.close_frame(0)
    assert len(ids) == 1 and restored(ids, stored(ids, {})).is_known("a")


def test_ids_of_another_format_are_refused():
    with pytest.raises(UnknownFormat):
        EventIds().restore(1, {1: bytes(16)})


def test_bytes_that_overlap_two_digests_are_no_match():
    held = bytes(range(24))
    assert _position(held, bytes(range(8, 16))) == 8
    assert _position(held, bytes(range(3, 11))) == -1
    assert _position(b"\x07" * 9 + b"\x00" * 7 + b"\x07" * 8, b"\x07" * 8) == 0
    assert _position(b"\x01" + b"\x07" * 8 + b"\x02" * 7 + b"\x07" * 8, b"\x07" * 8) == 16


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

    def of(at_ms: int = EIGHT_MS, **changed) -> str:
        return with_body_of(incident("a", at_ms, **({"occurred_ms": 1, "reported_ms": 2} | changed)))

    def of_figure(at_ms: int = EIGHT_MS, voted: int = 100, **changed) -> str:
        return with_body_of(turnout("a", at_ms, "TPS 001", voted, **({"as_of_ms": 5} | changed)))

    assert of() == of(EIGHT_MS + 9, agency="x") and of_figure() == of_figure(EIGHT_MS + 9, agency="x", rank=7)
    changes = [{"severity": 3}, {"category": "clash"}, {"status": "verified"}, {"revision": 2}, {"origin": "kpu"},
               {"incident": 7}, {"place": " TPS 001"}, {"occurred_ms": 3}, {"reported_ms": 3}]  # fmt: skip
    assert len({of(), *(of(**change) for change in changes)}) == len(changes) + 1
    changes = [{"registered": 9}, {"voted": 1}, {"as_of_ms": 6}, {"revision": 2}, {"village": "16.71.01.1001"}]
    assert len({of_figure(), *(of_figure(**change) for change in changes)}) == len(changes) + 1
