"""Laws of a lane: what it commits together and what a failure takes with it."""

import asyncio
import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import ProducerFenced
from aiokafka.structs import OffsetAndMetadata

from agents.batching import lane as lane_module
from agents.batching import shard as shard_module
from agents.batching.fold import Output
from tests.agents.batching.lane_scene import WRITTEN, A, B, batch, until, within


async def test_what_waits_is_one_transaction_with_all_positions(scene):
    lane = await scene.start()
    scene.producers.may_commit.clear()
    first = asyncio.create_task(lane.submit(A, batch(0)))
    await until(lambda: lane._is_committing)
    meanwhile = [asyncio.create_task(lane.submit(tp, batch(n))) for tp, n in ((B, 0),)]
    scene.producers.may_commit.set()
    assert await within(asyncio.gather(first, *meanwhile)) == [True, True]
    both = [asyncio.create_task(lane.submit(tp, batch(1))) for tp in (A, B)]
    await within(asyncio.gather(*both))
    outputs, positions = scene.producers.log[-1]
    assert len(outputs) == 2 and {tp: p.offset for tp, p in positions.items()} == {A: 2, B: 2}


async def test_a_turn_takes_no_more_than_a_batchs_worth_of_records(scene):
    lane = await scene.start(batch_records_max=3)
    both = [asyncio.create_task(lane.submit(tp, batch(0, 1))) for tp in (A, B)]
    await within(asyncio.gather(*both))
    assert [len(values) for values in scene.values] == [2, 2]


async def test_a_failed_transaction_drops_everything_and_the_same_batch_is_committed_by_what_is_opened_next(scene):
    lane = await scene.start()
    scene.producers.failing = [RuntimeError("broker away")]
    assert await within(lane.submit(A, batch(0, 1)))
    assert scene.values == [[b"0", b"1"]]
    assert (scene.producers.started, scene.producers.closed) == (2, 1)
    assert scene.observer.count("opened") == 4 and scene.observer.count("closed") == 2


async def test_a_transaction_that_failed_after_it_was_committed_is_not_committed_twice(scene):
    lane = await scene.start()
    await until(lambda: len(lane._shards) == 2)
    scene.producers.failing = [RuntimeError("answer lost")]
    scene.committed[A] = OffsetAndMetadata(2, "")
    assert await within(lane.submit(A, batch(0, 1)))
    assert scene.values == [] and scene.producers.started == 2


async def test_fenced_means_pause_and_open_anew(scene):
    lane = await scene.start()
    scene.producers.failing = [ProducerFenced()]
    assert await within(lane.submit(A, batch(0)))
    assert scene.observer.count("fenced") == 2 and scene.values == [[b"0"]]


async def test_a_fold_that_raises_keeps_only_its_own_shard_from_work(scene):
    lane = await scene.start()
    stuck = asyncio.create_task(lane.submit(A, batch(0, value=b"raise")))
    for n in range(3):
        assert await within(lane.submit(B, batch(n)))
    await until(lambda: scene.observer.seen.count(("failed", A)) >= 2)
    assert not stuck.done() and ("failed", B) not in scene.observer.seen
    assert scene.producers.started == 1, "the producer is not to blame"


async def test_a_source_created_anew_keeps_only_its_own_shard_from_work(scene):
    scene.committed, scene.ends = {A: OffsetAndMetadata(50, "")}, {A: 3}
    lane = await scene.start()
    assert await within(lane.submit(B, batch(0)))
    await until(lambda: ("failed", A) in scene.observer.seen)
    assert ("opened", A) not in scene.observer.seen


async def test_a_batch_of_a_source_that_went_back_has_its_shard_opened_anew_once(scene):
    scene.committed[A] = OffsetAndMetadata(2, "")
    lane = await scene.start()
    assert await within(lane.submit(A, replace(batch(0, 1, 2), went_back=True)))
    assert scene.observer.seen.count(("opened", A)) == 2 and scene.values == [[b"2"]]


async def test_a_gap_is_read_back_and_one_that_nobody_holds_any_more_is_counted(scene):
    lane = await scene.start()
    assert await within(lane.submit(A, batch(5)))
    assert scene.rewound == [(A, 0)] and scene.values == []
    scene.beginning = 4
    assert await within(lane.submit(A, batch(5)))
    assert scene.rewound == [(A, 0), (A, 4)], "what is held between is read"
    scene.beginning, scene.producers.failing = 5, [RuntimeError("broker away")]
    assert await within(lane.submit(A, batch(5)))
    assert scene.observer.count("lost") == 1 and scene.values == [[b"5"]], "counted when it is committed"


async def test_a_rebalance_gives_up_what_waits_and_takes_nothing_new(scene):
    lane = await scene.start()
    await until(lambda: len(lane._shards) == 2)
    scene.is_steady = False
    assert not await within(lane.submit(A, batch(0)))
    scene.is_steady = True
    assert await within(lane.submit(A, batch(0)))


async def test_an_idle_word_is_committed_once(scene):
    lane = await scene.start()
    await until(lambda: len(lane._shards) == 2)
    scene.folds[B].word = (Output("out", 1, None, b"idle"),)
    lane.idle_soon()
    await until(lambda: scene.values == [[b"idle"]])
    lane.idle_soon()
    assert await within(lane.submit(A, batch(0)))
    assert scene.values == [[b"idle"], [b"0"]]


async def test_a_lane_taken_away_while_it_opens_lets_go_of_its_producer_and_gives_up_what_waits(scene):
    scene.producers.may_start.clear()
    lane = await scene.start()
    waiting = asyncio.create_task(lane.submit(A, batch(0)))
    await asyncio.sleep(0)
    await within(lane.close())
    assert await within(waiting) is False and scene.producers.closed == 1
    assert not await within(lane.submit(A, batch(0)))


async def test_a_lane_taken_away_finishes_the_transaction_it_is_in(scene):
    lane = await scene.start()
    scene.producers.may_commit.clear()
    waiting = asyncio.create_task(lane.submit(A, batch(0)))
    await until(lambda: lane._is_committing)
    closing = asyncio.create_task(lane.close())
    await asyncio.sleep(0)
    scene.producers.may_commit.set()
    await within(closing)
    assert await within(waiting) is True and scene.values == [[b"0"]]


async def test_a_lane_ends_what_was_forgotten_wherever_it_writes_before_it_reads(scene):
    lane = await scene.start()
    await until(lambda: len(lane._shards) == 2)
    assert scene.producers.ended == [WRITTEN]


async def test_so_it_does_before_it_reads_for_one_shard_that_failed(scene):
    lane = await scene.start()
    await until(lambda: len(lane._shards) == 2)
    stuck = asyncio.create_task(lane.submit(A, batch(0, value=b"raise")))
    await until(lambda: scene.observer.seen.count(("opened", A)) >= 2)
    assert len(scene.producers.ended) >= 2 and scene.producers.started == 1
    stuck.cancel()


async def test_a_lane_taken_away_tells_the_group_how_far_its_state_is(scene, monkeypatch):
    async def nothing(client, partitions, take) -> int:
        return 0

    monkeypatch.setattr(shard_module, "read_to_end", nothing)
    lane = await scene.start(state_topic="state", offset_every_ms=3_600_000)
    assert await within(lane.submit(A, batch(0)))
    assert await within(lane.submit(B, batch(0)))
    assert {tp for _, positions in scene.producers.log for tp in positions} == {A}
    await within(lane.close())
    assert scene.producers.log[-1] == ([], {B: OffsetAndMetadata(1, "")})


@pytest.fixture
def notes(monkeypatch) -> dict[TopicPartition, OffsetAndMetadata]:
    """What lies in the topic of notes when a lane opens."""
    found: dict[TopicPartition, OffsetAndMetadata] = {}

    async def read(topic, sources, options):
        return dict(found)

    monkeypatch.setattr(lane_module, "read_notes", read)
    return found


def noted(outputs: list[Output]) -> dict[int, int]:
    """Offset by partition of the notes among these outputs."""
    return {output.partition: json.loads(output.value)["offset"] for output in outputs if output.topic == "notes"}


async def test_a_lane_that_notes_its_positions_tells_the_group_with_the_first_transaction_of_a_source_and_on_its_way_out(
    scene, notes
):
    lane = await scene.start(positions_topic="notes", offset_every_ms=3_600_000)
    for tp, n in ((A, 0), (A, 1), (B, 0), (B, 1), (A, 2)):
        assert await within(lane.submit(tp, batch(n)))
    assert [noted(outputs) for outputs, _ in scene.producers.log] == [{0: 1}, {0: 2}, {1: 1}, {1: 2}, {0: 3}]
    told = [{tp: position.offset for tp, position in positions.items()} for _, positions in scene.producers.log]
    assert told == [{A: 1}, {}, {B: 1}, {}, {}]
    await within(lane.close())
    assert scene.producers.log[-1] == ([], {A: OffsetAndMetadata(3, ""), B: OffsetAndMetadata(2, "")})


async def test_it_tells_the_group_now_and_then_also_when_nothing_comes_any_more(scene, notes):
    lane = await scene.start(positions_topic="notes", offset_every_ms=50)
    assert await within(lane.submit(A, batch(0)))
    assert await within(lane.submit(A, batch(1)))

    def is_told() -> bool:
        lane.idle_soon()
        return any(A in positions and positions[A].offset == 2 for _, positions in scene.producers.log)

    await until(is_told)


async def test_a_group_that_is_behind_the_notes_is_told_with_the_first_turn(scene, notes):
    scene.committed[A], notes[A] = OffsetAndMetadata(3, ""), OffsetAndMetadata(5, "")
    lane = await scene.start(positions_topic="notes", offset_every_ms=3_600_000)
    await until(lambda: len(lane._shards) == 2)
    lane.idle_soon()
    await until(lambda: scene.producers.log == [([], {A: OffsetAndMetadata(5, "")})])
    assert await within(lane.submit(A, batch(4)))
    assert scene.values == [[]], "read already"


async def test_a_source_that_ends_before_its_note_is_noted_and_told_as_unread_before_it_is_read(scene, notes):
    scene.committed[A], notes[A], scene.ends[A] = OffsetAndMetadata(3, ""), OffsetAndMetadata(50, ""), 4
    lane = await scene.start(positions_topic="notes")
    assert await within(lane.submit(A, batch(0, 1, 2, 3, end=4)))
    assert noted(scene.producers.log[0][0]) == {0: 0} and scene.producers.log[0][1] == {A: OffsetAndMetadata(0, "")}
    assert noted(scene.producers.log[1][0]) == {0: 4} and scene.producers.log[1][1] == {A: OffsetAndMetadata(4, "")}
    assert scene.observer.seen.count(("recreated", A)) == 1


async def test_a_call_that_a_client_cancels_is_a_failure_and_not_the_end_of_the_lane(scene):
    lane = await scene.start()
    await until(lambda: len(lane._shards) == 2)
    scene.producers.failing = [asyncio.CancelledError()]
    assert await within(lane.submit(A, batch(0)))
    assert scene.producers.started == 2 and ("failed", A) in scene.observer.seen


async def test_a_read_that_a_client_cancels_keeps_one_shard_shut_and_not_the_lane(scene, monkeypatch):
    calls = []

    async def cancelled_once(client, partitions, take) -> int:
        calls.append(partitions)
        if len(calls) == 1:
            raise asyncio.CancelledError
        return 0

    monkeypatch.setattr(shard_module, "read_to_end", cancelled_once)
    lane = await scene.start(state_topic="state")
    assert await within(lane.submit(A, batch(0))) and await within(lane.submit(B, batch(0)))
    assert len(calls) == 3


async def test_a_first_start_does_not_take_the_markers_it_leaves_for_somebodys_records(scene):
    written = next(iter(WRITTEN))
    scene.ends[written] = 0

    async def leave_markers(touched):
        scene.ends.update(dict.fromkeys(touched, 1))

    scene.producers.end_forgotten = leave_markers
    lane = await scene.start(doubt_pause_ms=600_000)
    assert await within(lane.submit(A, batch(0)))
    assert scene.ends[written] == 1


async def test_nor_those_of_a_lane_that_was_lost_before_it_wrote_anything(scene):
    scene.are_records = False
    lane = await scene.start(doubt_pause_ms=600_000)
    assert await within(lane.submit(A, batch(0)))


async def test_a_group_that_knows_nothing_is_doubted_where_there_are_records(scene):
    lane = await scene.start(doubt_pause_ms=600_000)
    submitted = asyncio.create_task(lane.submit(A, batch(0)))
    await until(lambda: scene.has_looked)
    assert not submitted.done() and not scene.producers.log


async def test_a_source_created_anew_is_found_before_the_lanes_own_markers_make_it_long_enough(scene, monkeypatch):
    async def stood_at_nine(client, partitions, take):
        take(partitions[0], SimpleNamespace(key=shard_module.BEGIN_KEY, value=b'{"quiet_until": 0}'))
        take(partitions[0], SimpleNamespace(key=shard_module.POSITION_KEY, value=b'{"offset": 9}'))
        return 2

    async def leave_markers(touched):
        scene.ends.update({A: 12, B: 12})

    monkeypatch.setattr(shard_module, "read_to_end", stood_at_nine)
    scene.producers.end_forgotten = leave_markers
    scene.ends.update({A: 5, B: 5})
    await scene.start(state_topic="state")
    await until(lambda: len(scene.producers.log) >= 2)
    assert {output.key for outputs, _ in scene.producers.log for output in outputs} == {shard_module.REFUSED_KEY}
