"""Laws of the assignors: every partition has one owner that subscribes to it, and all members have their part."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.batching.consumer.assignor import (
    Division,
    NoTopicKnown,
    assigned_counts,
    block_assignor,
    lane_assignor,
    lanes_of,
)

TOPICS = ("incidents", "ledger", "turnout")
STAGES = (frozenset({"incidents", "turnout"}), frozenset({"ledger"}))
Assigned = dict[str, list[tuple[str, int]]]


def divided(assignor, counts: dict[str, int], members: dict[str, tuple[str, ...]]) -> Assigned:
    cluster = SimpleNamespace(partitions_for_topic=lambda topic: set(range(counts[topic])))
    metadata = {member: SimpleNamespace(subscription=list(topics)) for member, topics in members.items()}
    answer = assignor.assign(cluster, metadata)
    return {member: [(topic, p) for topic, ps in given.assignment for p in ps] for member, given in answer.items()}


def in_blocks(partitions: int, members: str, **counts: int) -> Assigned:
    of = dict.fromkeys(TOPICS, partitions) | counts
    return divided(block_assignor(Division(1, STAGES)), of, dict.fromkeys(members, TOPICS))


def in_lanes(lanes: int, partitions: int, members: list[str]) -> Assigned:
    counts = dict.fromkeys(TOPICS, partitions)
    return divided(lane_assignor(Division(lanes, STAGES)), counts, dict.fromkeys(members, TOPICS))


def held(answer: Assigned, lanes: int) -> dict[str, set[tuple[str, int]]]:
    """By member, its lanes: (a stage, the lane of it)."""
    return {
        member: {("risk" if topic == "ledger" else "intake", p % lanes) for topic, p in tps}
        for member, tps in answer.items()
    }


@given(st.integers(1, 24), st.integers(1, 30), st.sets(st.sampled_from("abcdefghijklmnop"), min_size=1))
def test_every_partition_is_assigned_once_also_where_inputs_have_more(partitions, inputs, members):
    answer = in_blocks(partitions, sorted(members), incidents=inputs)
    everything = sorted(tp for tps in answer.values() for tp in tps)
    counts = {"incidents": inputs, "ledger": partitions, "turnout": partitions}
    assert everything == sorted((topic, p) for topic, count in counts.items() for p in range(count))


@given(st.integers(1, 24), st.integers(1, 30))
def test_partition_numbers_of_all_stages_are_spread_evenly(partitions, count):
    answer = in_blocks(partitions, [chr(ord("A") + n) for n in range(count)])
    units = [len({(topic == "ledger", p) for topic, p in tps}) for tps in answer.values()]
    assert sum(units) == 2 * partitions and max(units) - min(units) <= 1


def test_equal_partition_numbers_of_a_stage_go_to_one_member():
    for tps in in_blocks(6, "abcd").values():
        assert {p for topic, p in tps if topic == "incidents"} == {p for topic, p in tps if topic == "turnout"}


def test_two_members_get_a_stage_each():
    """The fewest lanes: a transaction costs the same however much is in it."""
    assert {member: {topic for topic, _ in tps} for member, tps in in_blocks(6, "ab").items()} == {
        "a": {"incidents", "turnout"},
        "b": {"ledger"},
    }


def test_a_third_worker_has_work_as_soon_as_it_joins():
    assert all(in_blocks(6, "abc").values())


def test_members_beyond_the_partition_numbers_of_all_stages_stand_by():
    assert sorted(map(len, in_blocks(1, "abc").values())) == [0, 1, 2]


def test_a_member_of_another_deployment_gets_its_own_topics_and_no_others():
    counts = dict.fromkeys(TOPICS, 3) | {"x.incidents": 3}
    members = {"a": TOPICS, "b": ("x.incidents",), "c": TOPICS}
    answer = divided(block_assignor(Division(1, STAGES)), counts, members)
    assert answer["b"] == [("x.incidents", p) for p in range(3)]
    assert sorted(tp for member in "ac" for tp in answer[member]) == sorted((t, p) for t in TOPICS for p in range(3))


def test_an_input_that_only_some_members_know_goes_to_those():
    counts = dict.fromkeys(TOPICS, 4) | {"incidents.kpu": 4}
    members = {"a": TOPICS, "b": (*TOPICS, "incidents.kpu")}
    answer = divided(block_assignor(Division(1, STAGES)), counts, members)
    assert [tp for tp in answer["b"] if tp[0] == "incidents.kpu"] == [("incidents.kpu", p) for p in range(4)]


@given(st.integers(1, 12), st.integers(1, 24), st.sets(st.text("abc", min_size=1, max_size=4), min_size=1, max_size=8))
def test_each_fixed_lane_has_one_owner_and_every_partition_is_assigned_once(lanes, partitions, members):
    answer = in_lanes(lanes, partitions, sorted(members))
    everything = [tp for tps in answer.values() for tp in tps]
    assert sorted(everything) == sorted((topic, p) for topic in TOPICS for p in range(partitions))
    owned = [lane for lanes_held in held(answer, lanes).values() for lane in lanes_held]
    assert len(owned) == len(set(owned))


@pytest.mark.parametrize(
    ("lanes", "members", "each"),
    [
        (1, "ab", {"a": {("intake", 0)}, "b": {("risk", 0)}}),
        (1, "abc", {"a": {("intake", 0)}, "b": {("risk", 0)}, "c": set()}),
        (2, "ab", {"a": {("intake", 0), ("risk", 0)}, "b": {("intake", 1), ("risk", 1)}}),
        (2, "abcd", {"a": {("intake", 0)}, "b": {("intake", 1)}, "c": {("risk", 0)}, "d": {("risk", 1)}}),
    ],
)
def test_fixed_lanes_are_divided_as_release_09_does(lanes, members, each):
    assert held(in_lanes(lanes, 4, list(members)), lanes) == each


def test_the_order_of_members_does_not_matter():
    assert in_blocks(6, "ba") == in_blocks(6, "ab")
    assert in_lanes(3, 6, ["b", "a"]) == in_lanes(3, 6, ["a", "b"])


def test_a_leader_that_knows_no_topic_assigns_nothing():
    members = {"a": SimpleNamespace(subscription=list(TOPICS))}
    with pytest.raises(NoTopicKnown, match="incidents, ledger, turnout"):
        block_assignor(Division()).assign(SimpleNamespace(partitions_for_topic=lambda topic: None), members)


def test_a_leader_that_lacks_a_topic_assigns_the_others_and_says_so():
    members = {"a": SimpleNamespace(subscription=list(TOPICS))}
    known = SimpleNamespace(partitions_for_topic=lambda topic: {0, 1} if topic == "ledger" else None)
    given = block_assignor(Division()).assign(known, members)["a"]
    assert given.assignment == [("ledger", [0, 1])]
    assert assigned_counts(given.encode()) == {"incidents": 0, "ledger": 2, "turnout": 0}


def test_another_number_of_fixed_lanes_is_another_protocol():
    assert lane_assignor(Division(2)).name != lane_assignor(Division(3)).name


def test_the_name_of_a_division_says_how_many_lanes_are_fixed():
    assert lanes_of(lane_assignor(Division(3)).name) == 3
    assert lanes_of(block_assignor(Division(3)).name) is None
