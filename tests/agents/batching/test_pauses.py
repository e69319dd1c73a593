"""Laws of pauses after failures."""

from agents.batching.pauses import Pauses


def test_pauses_grow_to_the_longest_and_begin_again_after_a_success():
    pauses = Pauses(1.0, 5.0, now=lambda: 0.0)
    assert [pauses.after_failure("a") for _ in range(5)] == [1.0, 2.0, 4.0, 5.0, 5.0]
    pauses.after_success("a")
    assert pauses.after_failure("a") == 1.0


def test_each_thing_waits_for_itself():
    clock = [0.0]
    pauses = Pauses(1.0, 5.0, now=lambda: clock[0])
    pauses.after_failure("a")
    assert not pauses.is_over("a") and pauses.is_over("b")
    clock[0] = 1.0
    assert pauses.is_over("a")
