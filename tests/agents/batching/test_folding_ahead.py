"""What a lane folds while the broker commits: soon enough, not too much, and never twice."""

import asyncio

from tests.agents.batching.lane_scene import A, B, C, batch, until, within


async def committing(scene, lane, source, *offsets: int) -> asyncio.Task:
    """A transaction that the broker does not end yet."""
    await until(lambda: len(lane._shards) == len(lane.sources))
    scene.producers.may_commit.clear()
    waiting = asyncio.create_task(lane.submit(source, batch(*offsets)))
    await until(lambda: lane._is_committing)
    return waiting


async def test_while_the_broker_commits_what_comes_of_other_partitions_is_folded(scene):
    lane = await scene.start()
    first = await committing(scene, lane, A, 0)
    second = asyncio.create_task(lane.submit(B, batch(0)))
    await until(lambda: B in lane._ahead)
    assert scene.folds[B].folded == [0] and not second.done()
    scene.producers.may_commit.set()
    assert await within(asyncio.gather(first, second)) == [True, True]
    assert scene.values == [[b"0"], [b"0"]] and scene.folds[B].folded == [0]


async def test_what_was_folded_ahead_of_a_transaction_that_fails_is_forgotten_and_folded_anew(scene):
    lane = await scene.start()
    first = await committing(scene, lane, A, 0)
    second = asyncio.create_task(lane.submit(B, batch(0)))
    await until(lambda: B in lane._ahead)
    before, scene.producers.failing = scene.folds[B], [RuntimeError("broker away")]
    scene.producers.may_commit.set()
    assert await within(asyncio.gather(first, second)) == [True, True]
    assert scene.folds[B] is not before and scene.folds[B].folded == [0]
    assert sorted(sum(scene.values, [])) == [b"0", b"0"]


async def test_no_more_is_folded_ahead_than_fills_a_transaction(scene):
    lane = await scene.start(sources=(A, B, C), batch_records_max=3)
    first = await committing(scene, lane, A, 0)
    others = [asyncio.create_task(lane.submit(tp, batch(0, 1))) for tp in (B, C)]
    await until(lambda: B in lane._ahead)
    for _ in range(20):
        await asyncio.sleep(0)
    assert C not in lane._ahead
    scene.producers.may_commit.set()
    assert await within(asyncio.gather(first, *others)) == [True] * 3
    assert [len(values) for values in scene.values] == [1, 2, 2]


async def test_a_shard_that_fails_while_another_commits_takes_nothing_with_it(scene):
    lane = await scene.start()
    first = await committing(scene, lane, A, 0)
    stuck = asyncio.create_task(lane.submit(B, batch(0, value=b"raise")))
    await until(lambda: ("failed", B) in scene.observer.seen)
    scene.producers.may_commit.set()
    assert await within(first) is True and scene.producers.started == 1 and scene.values == [[b"0"]]
    stuck.cancel()


async def test_once_a_rebalance_begins_what_is_folded_ahead_is_committed_and_no_more_is_folded(scene):
    """The shard may stay here with its memory: given up, the same batch would be folded into it twice."""
    lane = await scene.start(sources=(A, B, C))
    first = await committing(scene, lane, A, 0)
    ahead = asyncio.create_task(lane.submit(B, batch(0)))
    await until(lambda: B in lane._ahead)
    late = asyncio.create_task(lane.submit(C, batch(0)))
    await asyncio.sleep(0)
    scene.is_steady = False
    scene.producers.may_commit.set()
    assert await within(asyncio.gather(first, ahead)) == [True, True]
    assert scene.values[:2] == [[b"0"], [b"0"]] and scene.folds[B].folded == [0]
    scene.is_steady = True
    if not await within(late):
        assert await within(lane.submit(C, batch(0)))
    assert scene.folds[C].folded == [0] and len(scene.values) == 3


async def test_a_lane_taken_away_commits_what_it_has_folded_ahead(scene):
    lane = await scene.start()
    first = await committing(scene, lane, A, 0)
    second = asyncio.create_task(lane.submit(B, batch(0)))
    await until(lambda: B in lane._ahead)
    closing = asyncio.create_task(lane.close())
    await asyncio.sleep(0)
    scene.producers.may_commit.set()
    await within(closing)
    assert [await within(first), await within(second)] == [True, True] and scene.values == [[b"0"], [b"0"]]
