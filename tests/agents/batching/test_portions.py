"""What a partition may hand out at a time: its part of the lane's transaction, small at first."""

from agents.batching.portions import SlowStart, shares


def test_partitions_of_a_lane_share_what_one_transaction_holds():
    partitions = [("ledger", n) for n in range(6)] + [("turnout", 2)]
    given = shares(partitions, lanes=2)
    assert [given["ledger", n] for n in range(6)] == [1 / 3] * 6
    assert given["turnout", 2] == 1  # nobody shares with it
    assert shares([("ledger", n) for n in range(100)], lanes=1)["ledger", 0] == 1 / 20  # batches stay batches


def test_batches_grow_twofold_from_a_small_part_to_a_full_one():
    start, given = SlowStart(1 / 8), []
    for _ in range(5):
        given.append(start.part("a"))
        start.handed_out("a")
    assert given == [1 / 8, 1 / 4, 1 / 2, 1, 1]


def test_each_partition_grows_by_itself_and_all_begin_anew_after_a_rebalance():
    start = SlowStart(1 / 8)
    start.handed_out("a")
    assert (start.part("a"), start.part("b")) == (1 / 4, 1 / 8)
    start.begin_anew()
    assert start.part("a") == 1 / 8


def test_asking_alone_changes_nothing():
    start = SlowStart(1 / 8)
    assert start.part("a") == start.part("a")
