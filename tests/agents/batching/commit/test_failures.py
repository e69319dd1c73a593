"""What a failure is and what it takes with it: the lane, or one shard alone."""

import asyncio
from dataclasses import replace

import pytest
from aiokafka.errors import InvalidProducerEpoch, ProducerFenced
from aiokafka.structs import OffsetAndMetadata

from agents.batching import Batch, Fatal
from agents.batching.commit import shard_set
from agents.batching.commit.failures import RESPONSES, Drops, Failure, failure_of
from tests.agents.batching.commit.lane_scene import A, B, Echo, batch, until, within


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (ProducerFenced(), Failure.FENCED),
        (InvalidProducerEpoch(), Failure.FENCED),
        (Fatal("format 9"), Failure.FATAL),
        (RuntimeError("broker away"), Failure.LANE),
        (asyncio.CancelledError(), Failure.LANE),  # of a call that a client gave up
    ],
)
async def test_an_error_is_one_kind_of_failure(error, failure):
    assert failure_of(error) is failure


async def test_only_the_cancellation_of_the_running_task_is_one():
    async def work() -> Failure:
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError as error:
            return failure_of(error)

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    assert await task is Failure.CANCELLED


def test_every_failure_has_a_response_and_only_a_cancellation_drops_nothing():
    assert set(RESPONSES) == set(Failure)
    assert [failure for failure, response in RESPONSES.items() if response.drops is Drops.NOTHING] == [
        Failure.CANCELLED
    ]


async def test_after_a_failed_transaction_new_shards_commit_the_same_batch(scene):
    lane = await scene.start()
    scene.producers.failing = [RuntimeError("broker away")]
    assert await within(lane.commit(A, batch(0, 1)))
    assert scene.values == [[b"0", b"1"]]
    assert (scene.producers.started, scene.producers.closed) == (2, 1)
    assert scene.observer.count("opened") == 4 and scene.observer.count("closed") == 2


async def test_a_transaction_that_failed_after_its_commit_is_not_committed_twice(scene):
    lane = await scene.opened()
    scene.producers.failing = [RuntimeError("answer lost")]
    scene.committed[A] = OffsetAndMetadata(2, "")
    assert await within(lane.commit(A, batch(0, 1)))
    assert scene.values == [] and scene.producers.started == 2


async def test_a_fenced_lane_pauses_and_reopens(scene):
    lane = await scene.start()
    scene.producers.failing = [ProducerFenced()]
    assert await within(lane.commit(A, batch(0)))
    assert scene.observer.count("fenced") == 2 and scene.values == [[b"0"]]


async def test_a_call_that_a_client_cancels_is_a_failure_and_not_the_lanes_end(scene):
    lane = await scene.opened()
    scene.producers.failing = [asyncio.CancelledError()]
    assert await within(lane.commit(A, batch(0)))
    assert scene.producers.started == 2 and ("failed", A) in scene.observer.seen


async def test_a_fold_that_raises_keeps_only_its_own_shard_from_work(scene):
    lane = await scene.start()
    stuck = asyncio.create_task(lane.commit(A, batch(0, value=b"raise")))
    for n in range(3):
        assert await within(lane.commit(B, batch(n)))
    await until(lambda: scene.observer.seen.count(("failed", A)) >= 2)
    assert not stuck.done() and ("failed", B) not in scene.observer.seen
    assert scene.producers.started == 1, "the producer is not to blame"
    stuck.cancel()


async def test_a_restore_that_a_client_cancels_fails_one_shard_and_not_the_lane(scene, monkeypatch):
    calls = []

    async def cancelled_once(client, partitions, take) -> int:
        calls.append(partitions)
        if len(calls) == 1:
            raise asyncio.CancelledError
        return 0

    monkeypatch.setattr(shard_set, "read_to_end", cancelled_once)
    lane = await scene.start(state_topic="state")
    assert await within(lane.commit(A, batch(0))) and await within(lane.commit(B, batch(0)))
    assert len(calls) == 3


async def test_a_recreated_source_keeps_only_its_own_shard_from_work(scene):
    scene.committed, scene.ends = {A: OffsetAndMetadata(50, "")}, {A: 3}
    lane = await scene.start()
    assert await within(lane.commit(B, batch(0)))
    await until(lambda: ("failed", A) in scene.observer.seen)
    assert ("opened", A) not in scene.observer.seen


async def test_a_source_that_went_back_has_its_shard_reopened_once(scene):
    scene.committed[A] = OffsetAndMetadata(2, "")
    lane = await scene.start()
    assert await within(lane.commit(A, replace(batch(0, 1, 2), went_back=True)))
    assert scene.observer.seen.count(("opened", A)) == 2 and scene.values == [[b"2"]]


async def test_what_no_retry_can_help_ends_the_worker_and_returns_what_waits(scene, monkeypatch):
    lane = await scene.start()
    monkeypatch.setattr(Echo, "fold", unreadable)
    assert not await within(lane.commit(A, batch(0)))
    assert [str(error) for error in scene.fatal] == ["format 9, this release reads 4"]
    assert scene.producers.closed == 1


async def test_a_state_that_cannot_be_read_ends_the_worker(scene, monkeypatch):
    async def read(client, partitions, take) -> int:
        raise Fatal("format 9, this release reads 4")

    monkeypatch.setattr(shard_set, "read_to_end", read)
    await scene.start(state_topic="state")
    await until(lambda: scene.fatal)
    assert ("opened", A) not in scene.observer.seen


def unreadable(fold: Echo, batch: Batch) -> None:
    raise Fatal("format 9, this release reads 4")
