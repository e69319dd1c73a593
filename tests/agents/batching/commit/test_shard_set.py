"""How a lane opens: markers first, then notes, state and the group's offsets; and what it commits of them."""

import asyncio
import json
from types import SimpleNamespace

import pytest
from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata

from agents.batching import Output, Unreadable
from agents.batching.commit import shard_set
from agents.batching.commit.shard import BEGIN_KEY, POSITION_KEY, REFUSED_KEY
from tests.agents.batching.commit.lane_scene import WRITTEN, A, B, Echo, batch, until, within

RARELY = {"offset_every_ms": 3_600_000}


@pytest.fixture
def state(monkeypatch) -> list[tuple[bytes, bytes]]:
    """What lies in each state partition when a lane opens."""
    records: list[tuple[bytes, bytes]] = []

    async def read(client, partitions, take) -> int:
        for key, value in records:
            take(partitions[0], SimpleNamespace(key=key, value=value))
        return len(records)

    monkeypatch.setattr(shard_set, "read_to_end", read)
    return records


@pytest.fixture
def notes(monkeypatch) -> dict[TopicPartition, OffsetAndMetadata]:
    """What lies in the topic of notes when a lane opens."""
    found: dict[TopicPartition, OffsetAndMetadata] = {}

    async def read(topic, sources, partitions, options):
        return dict(found)

    monkeypatch.setattr(shard_set, "read_notes", read)
    return found


def noted(outputs: list[Output]) -> dict[int, int]:
    """Offset by partition of the notes among these outputs."""
    return {output.partition: json.loads(output.value)["offset"] for output in outputs if output.topic == "notes"}


def group_offsets(scene) -> list[dict[TopicPartition, int]]:
    """By transaction, the group's offsets in it."""
    return [{tp: at.offset for tp, at in offsets.items()} for _, offsets in scene.producers.log]


async def test_missing_markers_are_written_wherever_the_lane_writes_before_it_reads(scene):
    await scene.opened()
    assert scene.producers.finished == [WRITTEN]


async def test_missing_markers_are_written_before_one_failed_shard_is_restored(scene):
    lane = await scene.opened()
    stuck = asyncio.create_task(lane.commit(A, batch(0, value=b"raise")))
    await until(lambda: scene.observer.seen.count(("opened", A)) >= 2)
    assert len(scene.producers.finished) >= 2 and scene.producers.started == 1
    stuck.cancel()


async def test_a_lane_that_closes_commits_the_groups_offsets_of_its_state(scene, state):
    lane = await scene.start(state_topic="state", **RARELY)
    assert await within(lane.commit(A, batch(0)))
    assert await within(lane.commit(B, batch(0)))
    assert {tp for _, offsets in scene.producers.log for tp in offsets} == {A}
    await within(lane.close())
    assert scene.producers.log[-1] == ([], {B: OffsetAndMetadata(1, "")})


async def test_every_transaction_notes_how_far_its_sources_are_read(scene, notes):
    lane = await scene.start(positions_topic="notes", **RARELY)
    for tp, n in ((A, 0), (A, 1), (B, 0), (A, 2)):
        assert await within(lane.commit(tp, batch(n)))
    assert [noted(outputs) for outputs, _ in scene.producers.log] == [{0: 1}, {0: 2}, {1: 1}, {0: 3}]


async def test_with_notes_the_group_follows_with_first_transactions_and_at_the_end(scene, notes):
    lane = await scene.start(positions_topic="notes", **RARELY)
    for tp, n in ((A, 0), (A, 1), (B, 0), (A, 2)):
        assert await within(lane.commit(tp, batch(n)))
    assert group_offsets(scene) == [{A: 1}, {}, {B: 1}, {}]
    await within(lane.close())
    assert scene.producers.log[-1] == ([], {A: OffsetAndMetadata(3, "")})


async def test_the_group_follows_after_a_while_also_when_nothing_more_arrives(scene, notes):
    lane = await scene.start(positions_topic="notes", offset_every_ms=50)
    assert await within(lane.commit(A, batch(0)))
    assert await within(lane.commit(A, batch(1)))

    def is_committed() -> bool:
        lane.request_idle()
        return {A: 2} in group_offsets(scene)

    await until(is_committed)


async def test_a_group_behind_the_notes_is_corrected_with_the_first_transaction(scene, notes):
    scene.committed[A], notes[A] = OffsetAndMetadata(3, ""), OffsetAndMetadata(5, "")
    lane = await scene.opened(positions_topic="notes", **RARELY)
    lane.request_idle()
    await until(lambda: scene.producers.log == [([], {A: OffsetAndMetadata(5, "")})])
    assert await within(lane.commit(A, batch(4)))
    assert scene.values == [[]], "read already"


async def test_a_source_that_ends_before_its_note_is_committed_as_unread_before_it_is_read(scene, notes):
    scene.committed[A], notes[A], scene.ends[A] = OffsetAndMetadata(3, ""), OffsetAndMetadata(50, ""), 4
    lane = await scene.start(positions_topic="notes")
    assert await within(lane.commit(A, batch(0, 1, 2, 3, end=4)))
    assert [noted(outputs) for outputs, _ in scene.producers.log] == [{0: 0}, {0: 4}]
    assert group_offsets(scene) == [{A: 0}, {A: 4}]
    assert scene.observer.seen.count(("recreated", A)) == 1


async def test_a_first_start_does_not_take_its_own_markers_for_records(scene):
    written = next(iter(WRITTEN))
    scene.ends[written] = 0

    async def leave_markers(touched):
        scene.ends.update(dict.fromkeys(touched, 1))

    scene.producers.finish_markers = leave_markers
    lane = await scene.start(ask_again_pause_ms=600_000)
    assert await within(lane.commit(A, batch(0)))
    assert scene.ends[written] == 1


async def test_markers_of_a_lane_that_wrote_nothing_are_not_taken_for_records(scene):
    scene.are_records = False
    lane = await scene.start(ask_again_pause_ms=600_000)
    assert await within(lane.commit(A, batch(0)))


async def test_a_group_without_offsets_is_asked_again_where_there_are_records(scene):
    lane = await scene.start(ask_again_pause_ms=600_000)
    waiting = asyncio.create_task(lane.commit(A, batch(0)))
    await until(lambda: scene.has_looked)
    assert not waiting.done() and not scene.producers.log
    waiting.cancel()


class OfAnEarlierFormat(Echo):
    """A fold that cannot read any state."""

    has_state = False

    def restore(self, key: bytes, value: bytes) -> None:
        self.has_state = True

    def restored(self, note: str) -> None:
        if self.has_state:
            raise Unreadable("state of format 3, this version reads 4")


@pytest.fixture
def earlier(scene, state):
    """A lane whose shards find state of an earlier format, up to offset 9."""
    state += [(BEGIN_KEY, b'{"quiet_until": 0}'), (POSITION_KEY, b'{"offset": 9}'), (b"a", b"x")]
    scene.new_fold = OfAnEarlierFormat
    return scene


async def test_state_that_cannot_be_read_is_built_again_while_the_source_holds_its_beginning(earlier, caplog):
    lane = await earlier.opened(state_topic="state", sources=(A,))
    assert earlier.observer.count("rebuilding") == 1 and "it is built again from in[0]" in caplog.text
    assert await within(lane.commit(A, batch(0, 1)))
    [(outputs, offsets)] = earlier.producers.log
    assert {output.topic for output in outputs} == {"state"} and not offsets, "all of it was published before"
    assert (b"a", None) in [(output.key, output.value) for output in outputs]


async def test_state_that_cannot_be_read_ends_it_where_the_source_has_lost_its_beginning(earlier, caplog):
    earlier.beginning = 4
    await earlier.start(state_topic="state", sources=(A,))
    await until(lambda: earlier.fatal)
    line = "state of format 3, this version reads 4; it cannot be built again, for in[0] begins at offset 4: start the"
    assert line in caplog.text and line in str(earlier.fatal[0])
    assert not earlier.producers.log


async def test_a_recreated_source_is_refused_before_the_lanes_markers_lengthen_it(scene, state):
    async def leave_markers(touched):
        scene.ends.update({A: 12, B: 12})

    state += [(BEGIN_KEY, b'{"quiet_until": 0}'), (POSITION_KEY, b'{"offset": 9}')]
    scene.producers.finish_markers = leave_markers
    scene.ends.update({A: 5, B: 5})
    await scene.start(state_topic="state")
    await until(lambda: len(scene.producers.log) >= 2)
    assert {output.key for outputs, _ in scene.producers.log for output in outputs} == {REFUSED_KEY}
