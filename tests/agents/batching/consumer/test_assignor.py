"""Laws of the assignor: a lane has one owner, and members with another number of lanes cannot join."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.batching.consumer.assignor import Lanes, NoTopicKnown, assigned_counts, lane_assignor

TOPICS = ("incidents", "ledger", "turnout")
STAGES = (frozenset({"incidents", "turnout"}), frozenset({"ledger"}))


def assigned(lanes: int, partitions: int, members: list[str]) -> dict[str, list[tuple[str, int]]]:
    cluster = SimpleNamespace(partitions_for_topic=lambda topic: set(range(partitions)))
    metadata = {member: SimpleNamespace(subscription=list(TOPICS)) for member in members}
    answer = lane_assignor(Lanes(lanes, STAGES)).assign(cluster, metadata)
    return {member: [(topic, p) for topic, ps in given.assignment for p in ps] for member, given in answer.items()}


def held(answer: dict[str, list[tuple[str, int]]], lanes: int) -> dict[str, set[tuple[str, int]]]:
    """By member, its lanes: (a stage, the lane of it)."""
    return {
        member: {("risk" if topic == "ledger" else "intake", p % lanes) for topic, p in tps}
        for member, tps in answer.items()
    }


@given(st.integers(1, 12), st.integers(1, 24), st.sets(st.text("abc", min_size=1, max_size=4), min_size=1, max_size=8))
def test_each_lane_has_one_owner_and_every_partition_is_assigned_once(lanes, partitions, members):
    answer = assigned(lanes, partitions, sorted(members))
    everything = [tp for tps in answer.values() for tp in tps]
    assert sorted(everything) == sorted((topic, p) for topic in TOPICS for p in range(partitions))
    owned = [lane for lanes_held in held(answer, lanes).values() for lane in lanes_held]
    assert len(owned) == len(set(owned))


@given(st.integers(1, 12), st.integers(1, 26))
def test_lanes_of_both_stages_are_spread_evenly(lanes, members):
    counts = [len(own) for own in held(assigned(lanes, 24, [f"m{n}" for n in range(members)]), lanes).values()]
    assert sum(counts) == 2 * lanes and max(counts) - min(counts) <= 1


@pytest.mark.parametrize(
    ("lanes", "members", "each"),
    [
        (1, "ab", {"a": {("intake", 0)}, "b": {("risk", 0)}}),
        (1, "abc", {"a": {("intake", 0)}, "b": {("risk", 0)}, "c": set()}),
        (2, "ab", {"a": {("intake", 0), ("risk", 0)}, "b": {("intake", 1), ("risk", 1)}}),
        (2, "abcd", {"a": {("intake", 0)}, "b": {("intake", 1)}, "c": {("risk", 0)}, "d": {("risk", 1)}}),
    ],
)
def test_which_member_gets_which_lanes(lanes, members, each):
    assert held(assigned(lanes, 4, list(members)), lanes) == each


def test_the_order_of_members_does_not_matter():
    assert assigned(3, 6, ["b", "a"]) == assigned(3, 6, ["a", "b"])


def test_a_leader_that_knows_no_topic_assigns_nothing():
    members = {"a": SimpleNamespace(subscription=list(TOPICS))}
    with pytest.raises(NoTopicKnown, match="incidents, ledger, turnout"):
        lane_assignor(Lanes(2)).assign(SimpleNamespace(partitions_for_topic=lambda topic: None), members)


def test_a_leader_that_lacks_a_topic_assigns_the_others_and_says_so():
    members = {"a": SimpleNamespace(subscription=list(TOPICS))}
    known = SimpleNamespace(partitions_for_topic=lambda topic: {0, 1} if topic == "ledger" else None)
    given = lane_assignor(Lanes(2)).assign(known, members)["a"]
    assert given.assignment == [("ledger", [0, 1])]
    assert assigned_counts(given.encode()) == {"incidents": 0, "ledger": 2, "turnout": 0}


def test_another_number_of_lanes_is_another_protocol():
    assert lane_assignor(Lanes(2)).name != lane_assignor(Lanes(3)).name
    assert lane_assignor(Lanes(2)) is lane_assignor(Lanes(2))
