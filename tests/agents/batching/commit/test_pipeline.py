"""What a lane folds while the broker commits: soon enough, not too much, and never twice."""

import asyncio

from aiokafka import TopicPartition

from tests.agents.batching.commit.lane_scene import A, B, C, batch, until, within


class GroupOffsets:
    """What the transactions in a log have committed, as the group's coordinator would answer."""

    def __init__(self, log: list) -> None:
        self._log = log

    def get(self, source):
        return next((offsets[source] for _, offsets in reversed(self._log) if source in offsets), None)


async def committing(scene, lane, source, *offsets: int) -> asyncio.Task:
    """A transaction that the broker does not end yet."""
    scene.producers.may_commit.clear()
    task = asyncio.create_task(lane.commit(source, batch(*offsets)))
    await until(lambda: scene.producers.is_committing)
    return task


async def test_while_the_broker_commits_batches_of_other_partitions_are_folded(scene):
    lane = await scene.opened()
    first = await committing(scene, lane, A, 0)
    second = asyncio.create_task(lane.commit(B, batch(0)))
    await until(lambda: scene.folds[B].folded == [0])
    assert not second.done()
    scene.producers.may_commit.set()
    assert await within(asyncio.gather(first, second)) == [True, True]
    assert scene.values == [[b"0"], [b"0"]] and scene.folds[B].folded == [0]


async def test_a_batch_folded_ahead_is_folded_again_after_the_transaction_failed(scene):
    lane = await scene.opened()
    first = await committing(scene, lane, A, 0)
    second = asyncio.create_task(lane.commit(B, batch(0)))
    await until(lambda: scene.folds[B].folded == [0])
    before, scene.producers.failing = scene.folds[B], [RuntimeError("broker away")]
    scene.producers.may_commit.set()
    assert await within(asyncio.gather(first, second)) == [True, True]
    assert scene.folds[B] is not before and scene.folds[B].folded == [0]
    assert sorted(value for values in scene.values for value in values) == [b"0", b"0"]


async def test_no_more_is_folded_ahead_than_fills_a_transaction(scene):
    lane = await scene.opened(sources=(A, B, C), batch_records_max=3)
    first = await committing(scene, lane, A, 0)
    others = [asyncio.create_task(lane.commit(tp, batch(0, 1))) for tp in (B, C)]
    await until(lambda: scene.folds[B].folded == [0, 1])
    for _ in range(20):
        await asyncio.sleep(0)
    assert scene.folds[C].folded == []
    scene.producers.may_commit.set()
    assert await within(asyncio.gather(first, *others)) == [True] * 3
    assert [len(values) for values in scene.values] == [1, 2, 2]


async def test_a_shard_that_fails_while_another_commits_fails_alone(scene):
    lane = await scene.opened()
    first = await committing(scene, lane, A, 0)
    stuck = asyncio.create_task(lane.commit(B, batch(0, value=b"raise")))
    await until(lambda: ("failed", B) in scene.observer.seen)
    scene.producers.may_commit.set()
    assert await within(first) is True and scene.producers.started == 1 and scene.values == [[b"0"]]
    stuck.cancel()


async def test_in_a_rebalance_only_what_is_folded_ahead_is_still_committed(scene):
    """The shard may stay here with its memory: returned unread, the same batch would be folded into it twice."""
    lane = await scene.opened(sources=(A, B, C))
    first = await committing(scene, lane, A, 0)
    ahead = asyncio.create_task(lane.commit(B, batch(0)))
    await until(lambda: scene.folds[B].folded == [0])
    late = asyncio.create_task(lane.commit(C, batch(0)))
    await asyncio.sleep(0)
    scene.is_stable = False
    scene.producers.may_commit.set()
    assert await within(asyncio.gather(first, ahead)) == [True, True]
    assert scene.values[:2] == [[b"0"], [b"0"]] and scene.folds[B].folded == [0]
    scene.is_stable = True
    if not await within(late):
        assert await within(lane.commit(C, batch(0)))
    assert scene.folds[C].folded == [0] and len(scene.values) == 3


async def test_a_lane_that_closes_commits_what_it_has_folded_ahead(scene):
    lane = await scene.opened()
    first = await committing(scene, lane, A, 0)
    second = asyncio.create_task(lane.commit(B, batch(0)))
    await until(lambda: scene.folds[B].folded == [0])
    closing = asyncio.create_task(lane.close())
    await asyncio.sleep(0)
    scene.producers.may_commit.set()
    await within(closing)
    assert [await within(first), await within(second)] == [True, True] and scene.values == [[b"0"], [b"0"]]


async def test_parts_of_a_batch_are_each_committed_once_in_order(scene):
    lane = await scene.opened(batch_records_max=3)
    assert await within(lane.commit(A, batch(*range(8)))) is True
    assert [len(values) for values in scene.values] == [3, 3, 2]
    assert scene.folds[A].folded == list(range(8))


async def test_a_small_batch_overtakes_the_rest_of_a_long_one(scene):
    lane = await scene.opened(batch_records_max=3)
    scene.producers.may_commit.clear()
    flood = asyncio.create_task(lane.commit(A, batch(*range(9))))
    await until(lambda: scene.producers.is_committing)
    victim = asyncio.create_task(lane.commit(B, batch(0)))
    await until(lambda: scene.folds[B].folded == [0])
    scene.producers.may_commit.set()
    assert await within(victim) is True and not flood.done()
    assert await within(flood) is True and scene.folds[A].folded == list(range(9))
    assert {output.partition for output in scene.producers.log[1][0]} == {B.partition}, "it waits for no further part"


async def test_batches_that_are_hardly_work_share_a_transaction(scene):
    """At usual rates what arrives within a few milliseconds is committed together."""
    lane = await scene.opened(sources=(A, B, C), batch_records_max=100)
    first = await committing(scene, lane, A, 0)
    others = [asyncio.create_task(lane.commit(tp, batch(0, 1))) for tp in (B, C)]
    await until(lambda: scene.folds[C].folded == [0, 1])
    scene.producers.may_commit.set()
    assert await within(asyncio.gather(first, *others)) == [True] * 3
    assert [len(values) for values in scene.values] == [1, 4]


async def test_what_is_folded_ahead_of_a_short_commit_is_short(scene):
    """The commit waits for it, and with it whoever has reported the little that is committed."""
    lane = await scene.opened(fold_ms_max=400)
    lane._pipeline._pace.folded(B, batch(0), 0.05)
    first = await committing(scene, lane, A, 0)
    flood = asyncio.create_task(lane.commit(B, batch(*range(10))))
    await until(lambda: scene.folds[B].folded)
    assert scene.folds[B].folded == [0, 1]
    scene.producers.may_commit.set()
    assert await within(asyncio.gather(first, flood)) == [True, True]


async def test_long_batches_take_turns(scene):
    lane = await scene.opened(batch_records_max=2)
    scene.producers.may_commit.clear()
    tasks = [asyncio.create_task(lane.commit(tp, batch(*range(6)))) for tp in (A, B)]
    await until(lambda: scene.producers.is_committing)
    scene.producers.may_commit.set()
    assert await within(asyncio.gather(*tasks)) == [True, True]
    turns = [next(iter(offsets)).partition for _, offsets in scene.producers.log]
    assert turns == [0, 1, 0, 1, 0, 1]


async def test_a_part_that_was_committed_is_not_folded_again_when_the_next_one_fails(scene):
    lane = await scene.opened(batch_records_max=3)
    scene.producers.failing = [None, RuntimeError("broker away")]
    scene.committed = GroupOffsets(scene.producers.log)
    assert await within(lane.commit(A, batch(*range(6)))) is True
    written = [value for values in scene.values for value in values]
    assert written == [b"%d" % number for number in range(6)]


async def far_ahead(scene, **options):
    """A lane whose source A has written 50 records to a later stage that has folded none, which is beyond its bound;
    that stage's partition; the backlog.
    """
    lane = await scene.opened(batch_records_max=100, ahead_ms_max=100, **options)
    out, backlog = TopicPartition("out", A.partition), lane._sources.backlog
    backlog.opened(out)
    backlog.folded(out, 0, 1.0)
    scene.producers.ends = {out: 50}
    assert await within(lane.commit(A, batch(*range(50)))) is True
    return lane, out, backlog


async def test_a_source_that_is_far_ahead_of_a_later_stage_waits_and_others_do_not(scene):
    """Short batches are folded in any case, and what waits is folded once the reader has come near."""
    lane, out, backlog = await far_ahead(scene, sources=(A, B, C))
    held = asyncio.create_task(lane.commit(A, batch(*range(50, 100))))
    assert await within(lane.commit(B, batch(*range(50)))) is True
    assert scene.folds[A].folded == list(range(50)) and not held.done()
    backlog.folded(out, 50, 1.0)
    assert await within(held) is True and scene.folds[A].folded == list(range(100))


async def test_what_takes_hardly_any_time_never_waits_for_a_later_stage(scene):
    lane, *_ = await far_ahead(scene)
    assert await within(lane.commit(A, batch(50, 51))) is True


async def test_what_a_source_that_waits_has_queued_is_returned_in_a_rebalance(scene):
    lane, *_ = await far_ahead(scene)
    held = asyncio.create_task(lane.commit(A, batch(*range(50, 100))))
    await asyncio.sleep(0)
    scene.is_stable = False
    assert await within(held) is False
    scene.is_stable = True
