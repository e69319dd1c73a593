"""How much of a batch a transaction takes: short ones whole and first, long ones in parts that last a bounded time."""

import pytest

from agents.batching.commit.pace import Pace, Room
from tests.agents.batching.commit.lane_scene import A, B, C, batch

MANY = Room(records=1_000, seconds=1.0)


def learned(seconds_each: float, *sources) -> Pace:
    """A pace that has seen 100 records of each source, which took so long each."""
    pace = Pace()
    for source in sources:
        pace.folded(source, batch(*range(100)), 100 * seconds_each)
    return pace


def offsets(part) -> list[int]:
    return [record.offset for record in part.records]


def test_a_batch_is_cut_where_its_time_is_over_and_continues_there():
    pace, whole = learned(0.01, A), batch(*range(400))
    part = pace.part(A, whole, MANY)
    assert offsets(part) == list(range(100)) and (part.start_offset, part.next_offset) == (0, 100)
    rest = whole.since(part.next_offset)
    assert offsets(rest) == list(range(100, 400)) and rest.next_offset == whole.next_offset


def test_a_batch_is_cut_where_its_records_are_enough():
    assert len(learned(0.00001, A).part(A, batch(*range(400)), Room(50, 1.0)).records) == 50


def test_no_short_rest_is_left_over():
    assert len(learned(0.01, A).part(A, batch(*range(120)), MANY).records) == 120


def test_at_least_one_record_is_folded_however_long_it_takes():
    assert offsets(learned(90.0, A).part(A, batch(*range(5)), MANY)) == [0]


def test_a_long_batch_after_short_ones_is_approached_in_growing_parts():
    """What was learned from one small frame may be far from what large ones cost."""
    pace, value, sizes = learned(0.0, A), b"v" * 10_000, []
    whole = batch(*range(1_000), value=value)
    for _ in range(3):
        part = pace.part(A, whole, MANY)
        sizes.append(len(part.records))
        pace.folded(A, part, 0.001)
        whole = whole.since(part.next_offset)
    assert sizes == pytest.approx([26, 4 * 26, 16 * 26], rel=0.05)


def test_a_short_fold_lowers_what_a_byte_is_taken_to_cost_and_never_raises_it():
    """What a fold costs however little it has to do must not count as the cost of its bytes."""
    pace, long = learned(0.00001, A), batch(*range(5_000))
    before = len(pace.part(A, long, Room(10_000, 0.01)).records)
    pace.folded(A, batch(0), 0.004)
    assert len(pace.part(A, long, Room(10_000, 0.01)).records) == before
    pace.folded(A, batch(*range(100)), 0.0005)
    assert len(pace.part(A, long, Room(10_000, 0.01)).records) == pytest.approx(2 * before, rel=0.01)


def test_batches_that_fit_into_an_equal_part_go_first_and_long_ones_as_they_came():
    pace = learned(0.01, A, B, C)
    waiting = {A: batch(*range(300)), B: batch(*range(200)), C: batch(*range(20))}
    assert pace.order(waiting, MANY) == [C, A, B]
    assert pace.order({B: waiting[B], A: waiting[A]}, MANY) == [B, A]
