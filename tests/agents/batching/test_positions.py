"""When an answer of "no offset" is believed."""

import pytest
from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata

from agents.batching.positions import group_offset
from agents.batching.shard import Sources

SOURCE, OUT = TopicPartition("incidents", 0), TopicPartition("ledger", 0)
NONE, SEVEN = OffsetAndMetadata(-1, ""), OffsetAndMetadata(7, "note")


async def ask(answers: list[OffsetAndMetadata], ends: dict[TopicPartition, int]) -> tuple[OffsetAndMetadata | None, int]:
    """What is believed, and how often the coordinator was asked."""
    asked = []

    async def committed(tp: TopicPartition) -> OffsetAndMetadata:
        asked.append(tp)
        return answers[len(asked) - 1]

    async def end_offset(tp: TopicPartition) -> int:
        return ends[tp]

    return await group_offset(SOURCE, Sources(committed, end_offset), [OUT], pause_s=0), len(asked)


async def test_an_offset_is_an_offset():
    assert await ask([SEVEN], {}) == (SEVEN, 1)


async def test_none_is_asked_for_again_where_somebody_has_written():
    assert await ask([NONE, SEVEN], {SOURCE: 9, OUT: 40}) == (SEVEN, 2)
    assert await ask([NONE, NONE], {SOURCE: 9, OUT: 40}) == (NONE, 2)


@pytest.mark.parametrize("ends", [{SOURCE: 9, OUT: 0}, {SOURCE: 0, OUT: 40}], ids=["first start", "empty source"])
async def test_a_first_start_and_an_empty_source_do_not_wait(ends):
    assert await ask([NONE], ends) == (NONE, 1)
