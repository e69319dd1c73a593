"""How the start of a source is found: what is looked up, in which order, and what becomes of a recreated source."""

import asyncio

from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata

from agents.batching import BatchingOptions
from agents.batching.offsets.lookup import Sources
from agents.batching.offsets.reconciliation import OutputHistory, Reconciliation
from agents.batching.offsets.start import Start, Verdict

SOURCE = TopicPartition("incidents", 0)
NONE, SEVEN, NINE = OffsetAndMetadata(-1, ""), OffsetAndMetadata(7, "seven"), OffsetAndMetadata(9, "nine")


class Scene:
    """A group that gives these answers in turn."""

    def __init__(self, *answers: OffsetAndMetadata, end: int = 20, has_written: bool = True) -> None:
        self.answers, self.end, self.written = list(answers), end, has_written
        self.asked = self.looked = 0
        self.recreated: list[TopicPartition] = []

    async def start(self, noted: OffsetAndMetadata | None = None) -> Start:
        sources = Sources(self._committed, self._end, None, None, None, None, None)
        notes = {SOURCE: noted} if noted else {}
        return await Reconciliation(sources, notes, self._has_written, 0.0, self._recreated).start_of(SOURCE)

    async def _committed(self, tp: TopicPartition) -> OffsetAndMetadata:
        self.asked += 1
        return self.answers[self.asked - 1]

    async def _end(self, tp: TopicPartition) -> int:
        return self.end

    async def _has_written(self) -> bool:
        self.looked += 1
        return self.written

    async def _recreated(self, tp: TopicPartition) -> None:
        self.recreated.append(tp)


async def test_a_group_offset_is_asked_for_once_and_output_not_looked_for():
    scene = Scene(SEVEN)
    assert await scene.start() == Start(Verdict.GROUP, 7, "seven")
    assert (scene.asked, scene.looked) == (1, 0)


async def test_a_group_without_offset_is_asked_again_where_the_stage_has_written():
    scene = Scene(NONE, SEVEN)
    assert await scene.start() == Start(Verdict.GROUP, 7, "seven")
    assert (scene.asked, scene.looked) == (2, 1)


async def test_a_note_is_proof_enough_that_the_stage_has_written():
    scene = Scene(NONE, SEVEN, has_written=False)
    assert await scene.start(noted=NINE) == Start(Verdict.NOTE, 9, "nine")
    assert (scene.asked, scene.looked) == (2, 0)


async def test_a_first_start_and_an_empty_source_do_not_wait():
    for scene in (Scene(NONE, has_written=False), Scene(NONE, end=0)):
        assert await scene.start() == Start(Verdict.UNREAD)
        assert scene.asked == 1


async def test_a_recreated_source_is_reported_before_it_is_read_from_its_beginning():
    scene = Scene(SEVEN, end=8)
    assert await scene.start(noted=NINE) == Start(Verdict.RECREATED)
    assert scene.recreated == [SOURCE]


async def test_a_source_that_was_read_and_of_which_the_group_knows_nothing_is_recreated(caplog):
    scene = Scene(NONE, NONE)
    assert await scene.start(noted=NINE) == Start(Verdict.RECREATED)
    assert scene.asked == 2 and scene.recreated == [SOURCE]
    assert "incidents[0] was read up to 9, ends at 20, and the group has no offset: " in caplog.text


LEFT, RIGHT = TopicPartition("out", 0), TopicPartition("out", 1)
OPTIONS = BatchingOptions(client={"bootstrap_servers": "broker:9092"})


async def history(monkeypatch, ends: dict[TopicPartition, int]) -> tuple[bool, list[list[TopicPartition]]]:
    """Whether a stage that reads `read` and writes to both partitions has written; and what was read to know it."""
    looked_at = []

    async def look(client: dict, partitions: list[TopicPartition]) -> bool:
        assert client == OPTIONS.reader
        looked_at.append(partitions)
        return True

    async def end_offset(tp: TopicPartition) -> int:
        return ends[tp]

    monkeypatch.setattr("agents.batching.offsets.reconciliation.has_records", look)
    read = TopicPartition("read", 0)
    made = OutputHistory([LEFT, RIGHT, TopicPartition("read", 1)], [read], OPTIONS)
    await made.look_at_ends(end_offset)
    return all(await asyncio.gather(made.has_written(), made.has_written())), looked_at


async def test_where_all_outputs_are_empty_nothing_is_read(monkeypatch):
    assert await history(monkeypatch, {LEFT: 0, RIGHT: 0}) == (False, [])


async def test_output_is_looked_for_once_and_not_in_topics_the_stage_reads(monkeypatch):
    assert await history(monkeypatch, {LEFT: 0, RIGHT: 3}) == (True, [[LEFT, RIGHT]])
