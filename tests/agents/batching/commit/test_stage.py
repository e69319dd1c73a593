"""Laws of a stage: what it does with its lanes when partitions come and go."""

import pytest
from aiokafka import TopicPartition

from agents.batching import Batch, BatchingOptions, Stage
from agents.batching.commit import stage as stage_module
from agents.batching.offsets.lookup import Sources


class Track:
    """In place of a lane: remembers what it was called with."""

    def __init__(self, transactional_id, partitions, spec, sources) -> None:
        self.id, self.partitions = transactional_id, partitions
        self.started = self.closed = 0
        self.committed: list[TopicPartition] = []
        all_tracks.append(self)

    def start(self) -> None:
        self.started += 1

    async def close(self) -> None:
        self.closed += 1

    async def commit(self, source, batch) -> bool:
        self.committed.append(source)
        return True


all_tracks: list[Track] = []


def new_stage(state_topic: str | None) -> Stage:
    return Stage("law", "group", ["in"], lambda tp: None, state_topic, BatchingOptions(lanes=2), None, "owners", 4)


@pytest.fixture
def stage(monkeypatch) -> Stage:
    all_tracks.clear()
    monkeypatch.setattr(stage_module, "Lane", Track)
    return new_stage("state")


ASKED = Sources(None, None, None, None, lambda tp: True, lambda: True, None)


def sources(*partitions: int) -> list[TopicPartition]:
    return [TopicPartition("in", partition) for partition in partitions]


async def test_all_partitions_of_a_stage_are_one_lane(stage):
    await stage.assign(ASKED, sources(0, 1, 3))
    assert [sorted(tp.partition for tp in lane.partitions) for lane in all_tracks] == [[0, 1, 3]]


async def test_a_lane_of_other_partitions_has_another_id(stage):
    """Under the old one the next owner of a partition that was given away would fence it."""
    await stage.assign(ASKED, sources(0, 1))
    await stage.assign(ASKED, sources(0))
    first, second = all_tracks
    assert first.id != second.id and first.id.startswith("group-law-lane-")


async def test_beside_a_worker_of_release_09_lanes_are_fixed_with_its_ids(stage):
    await stage.assign(ASKED, sources(0, 1, 2, 3), is_fixed=True)
    assert {lane.id: sorted(tp.partition for tp in lane.partitions) for lane in all_tracks} == {
        "group-law-lane-0-of-2": [0, 2],
        "group-law-lane-1-of-2": [1, 3],
    }
    assert [lane.started for lane in all_tracks] == [1, 1]


async def test_fixed_lanes_are_closed_when_the_last_worker_of_release_09_has_gone(stage):
    await stage.assign(ASKED, sources(0, 1), is_fixed=True)
    await stage.assign(ASKED, sources(0, 1))
    assert [lane.closed for lane in all_tracks] == [1, 1, 0]


async def test_a_lane_whose_partitions_stay_is_kept_over_a_rebalance(stage):
    await stage.assign(ASKED, sources(0, 1))
    await stage.assign(ASKED, sources(0, 1))
    assert [lane.closed for lane in all_tracks] == [0] and stage.owned == frozenset(sources(0, 1))


async def test_a_lane_without_state_is_reopened_by_every_rebalance(stage):
    """Kafka may have forgotten its offsets with a topic that was deleted."""
    stage = new_stage(None)
    await stage.assign(ASKED, sources(0))
    await stage.assign(ASKED, sources(0))
    assert [lane.closed for lane in all_tracks] == [1, 0]


async def test_a_lane_of_other_partitions_than_before_is_reopened(stage):
    await stage.assign(ASKED, sources(0))
    await stage.assign(ASKED, sources(0, 2))
    assert [lane.closed for lane in all_tracks] == [1, 0]


async def test_a_batch_goes_to_its_lane_and_one_of_another_worker_is_returned(stage):
    await stage.assign(ASKED, sources(0, 2))
    assert await stage.commit(TopicPartition("in", 2), Batch([], 0, 0, 0))
    assert not await stage.commit(TopicPartition("in", 1), Batch([], 0, 0, 0))
    assert not await stage.commit(TopicPartition("in", 4), Batch([], 0, 0, 0))
    assert all_tracks[0].committed == sources(2)


async def test_partitions_of_other_stages_are_not_ours(stage):
    await stage.assign(ASKED, [TopicPartition("other", 0)])
    assert stage.owned == frozenset()


async def test_closing_closes_every_lane(stage):
    await stage.assign(ASKED, sources(0, 1), is_fixed=True)
    await stage.close()
    assert [lane.closed for lane in all_tracks] == [1, 1] and stage.owned == frozenset()
