"""How far the group has read: an answer to rely on, or none. A wrong one would read everything again."""

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupLoadInProgressError
from aiokafka.protocol.commit import OffsetFetchResponse_v3
from aiokafka.structs import OffsetAndMetadata

from agents.batching.offsets.lookup import PositionUnknown, committed_offset

SOURCE = TopicPartition("in", 3)


def admin_answered(response: object) -> AIOKafkaAdminClient:
    """aiokafka's own client, with this answer from the broker."""
    client = AIOKafkaAdminClient.__new__(AIOKafkaAdminClient)

    async def coordinator(group: str) -> int:
        return 1

    async def answer(request: object, node: int) -> object:
        return response

    client.find_coordinator, client._send_request = coordinator, answer
    return client


async def test_a_coordinator_that_is_still_loading_is_no_group_without_offsets():
    loading = admin_answered(OffsetFetchResponse_v3(0, [], GroupLoadInProgressError.errno))
    with pytest.raises(PositionUnknown, match=r"in\[3\]"):
        await committed_offset(loading, "group", SOURCE)


async def test_a_group_without_offsets_says_so():
    fresh = admin_answered(OffsetFetchResponse_v3(0, [("in", [(3, -1, "", 0)])], 0))
    assert await committed_offset(fresh, "group", SOURCE) == OffsetAndMetadata(-1, "")


async def test_a_known_offset_comes_with_its_note():
    known = admin_answered(OffsetFetchResponse_v3(0, [("in", [(3, 42, "a note", 0)])], 0))
    assert await committed_offset(known, "group", SOURCE) == OffsetAndMetadata(42, "a note")
