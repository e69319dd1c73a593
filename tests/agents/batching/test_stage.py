"""Laws of a stage: what it does with its lanes when partitions come and go."""

import pytest
from aiokafka import TopicPartition

from agents.batching import stage as stage_module
from agents.batching.fold import Batch
from agents.batching.options import BatchingOptions
from agents.batching.shard import Sources
from agents.batching.stage import Stage
from agents.batching.work import Reader


class Track:
    """Stands where a lane stands and remembers."""

    def __init__(self, transactional_id, sources, work, reader) -> None:
        self.id, self.sources, self.work, self.reader = transactional_id, sources, work, reader
        self.started = self.closed = 0
        self.taken: list[TopicPartition] = []
        all_tracks.append(self)

    def start(self) -> None:
        self.started += 1

    async def close(self) -> None:
        self.closed += 1

    async def submit(self, source, batch) -> bool:
        self.taken.append(source)
        return True


all_tracks: list[Track] = []


def new_stage(state_topic: str | None) -> Stage:
    return Stage("law", "group", ["in"], lambda tp: None, state_topic, BatchingOptions(lanes=2), None)


@pytest.fixture
def stage(monkeypatch) -> Stage:
    all_tracks.clear()
    monkeypatch.setattr(stage_module, "Lane", Track)
    return new_stage("state")


def reader() -> Reader:
    return Reader(Sources(None, None), None, None, lambda tp: True, lambda: True)


def sources(*partitions: int) -> list[TopicPartition]:
    return [TopicPartition("in", partition) for partition in partitions]


async def test_partitions_are_grouped_into_lanes_with_an_id_each(stage):
    await stage.assign(reader(), sources(0, 1, 2, 3))
    assert {lane.id: sorted(tp.partition for tp in lane.sources) for lane in all_tracks} == {
        "group-law-lane-0-of-2": [0, 2],
        "group-law-lane-1-of-2": [1, 3],
    }
    assert [lane.started for lane in all_tracks] == [1, 1]


async def test_a_lane_that_stays_is_kept_over_a_rebalance_and_reads_through_the_new_reader(stage):
    await stage.assign(reader(), sources(0, 1, 2, 3))
    later = reader()
    await stage.assign(later, sources(0, 2))
    stays, goes = all_tracks
    assert (stays.closed, goes.closed, len(all_tracks)) == (0, 1, 2)
    assert stays.reader is later and stage.owned == frozenset(sources(0, 2))


async def test_a_lane_without_state_is_opened_anew_as_kafka_may_have_forgotten_its_offsets_with_a_topic(stage):
    stage = new_stage(None)
    await stage.assign(reader(), sources(0))
    await stage.assign(reader(), sources(0))
    assert [lane.closed for lane in all_tracks] == [1, 0]


async def test_a_lane_of_other_partitions_than_before_is_opened_anew(stage):
    await stage.assign(reader(), sources(0))
    await stage.assign(reader(), sources(0, 2))
    assert [lane.closed for lane in all_tracks] == [1, 0]


async def test_a_batch_goes_to_its_lane_and_one_that_is_not_ours_is_given_up(stage):
    await stage.assign(reader(), sources(0, 2))
    assert await stage.handle(TopicPartition("in", 2), Batch([], 0, 0, 0))
    assert not await stage.handle(TopicPartition("in", 1), Batch([], 0, 0, 0))
    assert not await stage.handle(TopicPartition("in", 4), Batch([], 0, 0, 0))
    assert all_tracks[0].taken == sources(2)


async def test_partitions_of_other_stages_are_not_ours(stage):
    await stage.assign(reader(), [TopicPartition("other", 0)])
    assert stage.owned == frozenset()


async def test_closing_closes_every_lane(stage):
    await stage.assign(reader(), sources(0, 1))
    await stage.close()
    assert [lane.closed for lane in all_tracks] == [1, 1] and stage.owned == frozenset()
