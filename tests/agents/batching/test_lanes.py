"""Laws of lanes: whichever members come, a lane has one owner, and members that count otherwise cannot meet."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.batching.lanes import NoTopicKnown, lane_assignor, lane_of

TOPICS = ("incidents", "ledger", "turnout")


def assigned(lanes: int, partitions: int, members: list[str]) -> dict[str, list[tuple[str, int]]]:
    cluster = SimpleNamespace(partitions_for_topic=lambda topic: set(range(partitions)))
    metadata = {member: SimpleNamespace(subscription=list(TOPICS)) for member in members}
    answer = lane_assignor(lanes).assign(cluster, metadata)
    return {member: [(topic, p) for topic, ps in given.assignment for p in ps] for member, given in answer.items()}


@given(st.integers(1, 12), st.integers(1, 24), st.sets(st.text("abc", min_size=1, max_size=4), min_size=1, max_size=8))
def test_each_lane_has_one_owner_and_every_partition_is_given_once(lanes, partitions, members):
    answer = assigned(lanes, partitions, sorted(members))
    everything = [tp for tps in answer.values() for tp in tps]
    assert sorted(everything) == sorted((topic, p) for topic in TOPICS for p in range(partitions))
    owners: dict[int, set[str]] = {}
    for member, tps in answer.items():
        for _, partition in tps:
            owners.setdefault(lane_of(partition, lanes), set()).add(member)
    assert all(len(members) == 1 for members in owners.values())


@given(st.integers(1, 12), st.integers(1, 6))
def test_lanes_are_spread_evenly_and_the_rest_stands_by(lanes, members):
    answer = assigned(lanes, 24, [f"m{n}" for n in range(members)])
    held = sorted(len({lane_of(p, lanes) for _, p in tps}) for tps in answer.values())
    assert held[-1] - held[0] <= 1


def test_the_order_of_members_does_not_matter():
    assert assigned(3, 6, ["b", "a"]) == assigned(3, 6, ["a", "b"])


def test_who_knows_no_topic_shares_out_nothing_and_who_lacks_one_the_others():
    members = {"a": SimpleNamespace(subscription=list(TOPICS))}
    with pytest.raises(NoTopicKnown, match="incidents, ledger, turnout"):
        lane_assignor(2).assign(SimpleNamespace(partitions_for_topic=lambda topic: None), members)
    known = SimpleNamespace(partitions_for_topic=lambda topic: {0, 1} if topic == "ledger" else None)
    assert lane_assignor(2).assign(known, members)["a"].assignment == [("ledger", [0, 1])]


def test_another_number_of_lanes_is_another_protocol():
    assert lane_assignor(2).name != lane_assignor(3).name
    assert lane_assignor(2) is lane_assignor(2)
