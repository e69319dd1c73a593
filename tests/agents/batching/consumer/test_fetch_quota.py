"""What a partition may bring at a time: its part of the lane's transaction, small at first."""

import pytest

from agents.batching.consumer.fetch_quota import SlowStart, shares


def test_partitions_of_a_topic_share_two_transactions_half_by_their_backlogs():
    """One that commits, one that is folded meanwhile; neither is more than full."""
    lags = {("ledger", n): lag for n, lag in enumerate([30, 5, 10, 5, 60, 0])} | {("turnout", 2): 7}
    given = shares(lags)
    assert [given["ledger", n] for n in (0, 1, 4)] == pytest.approx([1 / 5 + lag / 110 for lag in (30, 5, 60)])
    assert given["ledger", 5] == pytest.approx(1 / 5)  # what arrives meanwhile need not wait for the backlog
    assert given["turnout", 2] == 1  # alone in its topic


def test_a_flooded_partition_leaves_room_for_each_of_the_others():
    lags = {("incidents", n): 100 for n in range(1, 6)} | {("incidents", 0): 1_000_000}
    given = shares(lags)
    assert given["incidents", 0] == 1
    assert all(given["incidents", n] >= 1 / 6 for n in range(1, 6))
    assert shares(lags | {("incidents", 5): 0})["incidents", 5] >= 1 / 20


def test_without_lag_all_partitions_have_the_same_part():
    assert set(shares({("ledger", n): 0 for n in range(4)}).values()) == {2 / 4}
    assert set(shares({("ledger", n): 9 for n in range(100)}).values()) == {1 / 20}


def test_batches_double_from_a_small_part_to_a_full_one():
    start, given = SlowStart(1 / 8), []
    for _ in range(5):
        given.append(start.part("a"))
        start.handed_out("a")
    assert given == [1 / 8, 1 / 4, 1 / 2, 1, 1]


def test_each_partition_grows_by_itself_and_all_start_small_after_a_reset():
    start = SlowStart(1 / 8)
    start.handed_out("a")
    assert (start.part("a"), start.part("b")) == (1 / 4, 1 / 8)
    start.reset()
    assert start.part("a") == 1 / 8
