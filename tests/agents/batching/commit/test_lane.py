"""Laws of a lane: what it commits together, and what a rebalance or its end does to what waits."""

import asyncio

from agents.batching import Output
from tests.agents.batching.commit.lane_scene import A, B, batch, until, within


async def test_batches_that_wait_share_a_transaction_with_all_offsets(scene):
    lane = await scene.opened()
    await within(asyncio.gather(*(lane.commit(tp, batch(0)) for tp in (A, B))))
    [(outputs, offsets)] = scene.producers.log
    assert len(outputs) == 2 and {tp: at.offset for tp, at in offsets.items()} == {A: 1, B: 1}


async def test_a_transaction_takes_no_more_than_a_full_batch_of_records(scene):
    lane = await scene.start(batch_records_max=3)
    await within(asyncio.gather(*(lane.commit(tp, batch(0, 1)) for tp in (A, B))))
    assert [len(values) for values in scene.values] == [2, 2]


async def test_a_gap_that_the_source_still_holds_is_read_again(scene):
    lane = await scene.start()
    assert await within(lane.commit(A, batch(5)))
    scene.beginning = 4
    assert await within(lane.commit(A, batch(5)))
    assert scene.rewound == [(A, 0), (A, 4)] and scene.values == []


async def test_offsets_that_the_source_lost_are_counted_when_committed(scene):
    lane = await scene.start()
    scene.beginning, scene.producers.failing = 5, [RuntimeError("broker away")]
    assert await within(lane.commit(A, batch(5)))
    assert scene.observer.count("lost") == 1 and scene.values == [[b"5"]]


async def test_in_a_rebalance_a_batch_is_returned_unread(scene):
    lane = await scene.opened()
    scene.is_stable = False
    assert not await within(lane.commit(A, batch(0)))
    scene.is_stable = True
    assert await within(lane.commit(A, batch(0)))


async def test_an_idle_output_is_committed_once(scene):
    lane = await scene.opened()
    scene.folds[B].idle_outputs = (Output("out", 1, None, b"idle"),)
    lane.request_idle()
    await until(lambda: scene.values == [[b"idle"]])
    lane.request_idle()
    assert await within(lane.commit(A, batch(0)))
    assert scene.values == [[b"idle"], [b"0"]]


async def test_a_lane_closed_while_it_opens_closes_its_producer_and_returns_batches(scene):
    scene.producers.may_start.clear()
    lane = await scene.start()
    waiting = asyncio.create_task(lane.commit(A, batch(0)))
    await asyncio.sleep(0)
    await within(lane.close())
    assert await within(waiting) is False and scene.producers.closed == 1
    assert not await within(lane.commit(A, batch(0)))


async def test_a_lane_that_closes_finishes_the_transaction_it_is_in(scene):
    lane = await scene.opened()
    scene.producers.may_commit.clear()
    waiting = asyncio.create_task(lane.commit(A, batch(0)))
    await until(lambda: scene.producers.is_committing)
    closing = asyncio.create_task(lane.close())
    await asyncio.sleep(0)
    scene.producers.may_commit.set()
    await within(closing)
    assert await within(waiting) is True and scene.values == [[b"0"]]
