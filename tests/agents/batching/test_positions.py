"""When the group is believed about how far a source is read."""

from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata

from agents.batching.positions import Doubt
from agents.batching.shard import Sources

SOURCE = TopicPartition("incidents", 0)
NONE, SEVEN, NINE = OffsetAndMetadata(-1, ""), OffsetAndMetadata(7, "note"), OffsetAndMetadata(9, "later")


async def ask(
    answers: list[OffsetAndMetadata],
    ends: dict[TopicPartition, int],
    noted: OffsetAndMetadata | None = None,
    recreated: list[TopicPartition] | None = None,
    has_written: bool = True,
) -> tuple[OffsetAndMetadata | None, int]:
    """What is believed, and how often the coordinator was asked. Sources begun anew go to `recreated`."""
    asked: list[TopicPartition] = []

    async def committed(tp: TopicPartition) -> OffsetAndMetadata:
        asked.append(tp)
        return answers[len(asked) - 1]

    async def end_offset(tp: TopicPartition) -> int:
        return ends[tp]

    async def begin_anew(tp: TopicPartition) -> None:
        recreated.append(tp)

    async def written() -> bool:
        return has_written

    doubt = Doubt({SOURCE: noted} if noted else {}, written, 0.0, begin_anew)
    return await doubt.group_offset(SOURCE, Sources(committed, end_offset)), len(asked)


async def test_an_offset_is_an_offset():
    assert await ask([SEVEN], {SOURCE: 20}) == (SEVEN, 1)
    assert await ask([SEVEN], {SOURCE: 20}, noted=SEVEN) == (SEVEN, 1)


async def test_what_was_noted_counts_where_the_group_fell_back():
    assert await ask([SEVEN], {SOURCE: 20}, noted=NINE) == (NINE, 1)
    told: list[TopicPartition] = []
    assert await ask([SEVEN], {SOURCE: 9}, noted=NINE, recreated=told) == (NINE, 1)
    assert told == []


async def test_a_source_that_ends_before_its_note_was_created_anew_whatever_the_group_says():
    told: list[TopicPartition] = []
    assert await ask([SEVEN], {SOURCE: 8}, noted=NINE, recreated=told) == (None, 1)
    assert await ask([NONE, NONE], {SOURCE: 8}, noted=NINE, recreated=told) == (None, 2)
    assert told == [SOURCE, SOURCE]


async def test_none_is_asked_for_again_where_somebody_has_written():
    assert await ask([NONE, SEVEN], {SOURCE: 20}) == (SEVEN, 2)
    assert await ask([NONE, SEVEN], {SOURCE: 20}, noted=NINE) == (NINE, 2)


async def test_a_source_that_was_read_and_of_which_the_group_goes_on_knowing_nothing_was_created_anew():
    told: list[TopicPartition] = []
    assert await ask([NONE, NONE], {SOURCE: 20}, noted=NINE, recreated=told) == (None, 2)
    assert told == [SOURCE]
    assert await ask([NONE, NONE], {SOURCE: 20}, noted=OffsetAndMetadata(0, ""), recreated=told) == (NONE, 2)
    assert told == [SOURCE], "nothing of it was read"


async def test_a_first_start_and_an_empty_source_do_not_wait():
    assert await ask([NONE], {SOURCE: 9}, has_written=False) == (NONE, 1)
    assert await ask([NONE], {SOURCE: 0}) == (NONE, 1)
    assert await ask([NONE, SEVEN], {SOURCE: 20}, has_written=False, noted=SEVEN) == (
        SEVEN,
        2,
    )  # who noted was here before
