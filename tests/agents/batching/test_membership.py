"""When a member may conclude that another process took its static name."""

import asyncio
import json
from types import SimpleNamespace

import pytest
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment
from aiokafka.errors import (
    InconsistentGroupProtocolError,
    KafkaError,
    NoError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)
from aiokafka.protocol.group import HeartbeatRequest

from agents.batching.membership import join_again_after_errors, watch_heartbeats, watch_topics

HEARTBEAT = HeartbeatRequest("group", 1, "member")


class Group:
    """A coordinator that answers as told; time is a number."""

    def __init__(self) -> None:
        self.answer, self.now_s, self.told = NoError, 100.0, 0
        self.coordinator = SimpleNamespace(_send_req=self._send)
        watch_heartbeats(self.coordinator, 5.0, self._taken, now=lambda: self.now_s)

    async def _send(self, request: object) -> SimpleNamespace:
        return SimpleNamespace(error_code=self.answer.errno)

    def _taken(self) -> None:
        self.told += 1

    async def beat(self, at_s: float, answer: type, request: object = HEARTBEAT) -> None:
        self.now_s, self.answer = at_s, answer
        try:
            await asyncio.wait_for(self.coordinator._send_req(request), 0.05)
        except TimeoutError:
            assert self.told, "only a member that was replaced falls silent"


async def lose(group: Group, at_s: float, silence_s: float = 1) -> None:
    """A good heartbeat, then one that is answered by a group that does not know the member."""
    await group.beat(at_s, NoError)
    await group.beat(at_s + silence_s, UnknownMemberIdError)


@pytest.mark.parametrize("silence_s, is_taken", [(1, True), (4.9, True), (5, False), (60, False)])
async def test_a_member_twice_unknown_soon_after_a_good_heartbeat_was_replaced(silence_s, is_taken):
    group = Group()
    await lose(group, 200)
    assert not group.told  # a broker that has just come up may know nobody for a moment
    await lose(group, 210 - silence_s, silence_s)
    assert group.told == is_taken


async def test_twice_in_an_hour_is_two_restarts_of_a_broker():
    group = Group()
    await lose(group, 200)
    await lose(group, 3800)
    assert not group.told


async def test_a_member_unknown_from_the_start_was_not():
    group = Group()
    await group.beat(200, UnknownMemberIdError)
    assert not group.told


async def test_a_rebalance_it_did_not_answer_in_time_is_no_replacement():
    group = Group()
    await group.beat(200, NoError)
    for second in range(201, 211):
        await group.beat(second, RebalanceInProgressError)
    await group.beat(211, UnknownMemberIdError)
    assert not group.told


async def test_other_requests_say_nothing_about_it():
    group = Group()
    await group.beat(200, NoError)
    await group.beat(201, UnknownMemberIdError, request=object())
    assert not group.told


class Erring:
    """A coordinator that is told errors: whether it began anew, and whether it waits for somebody to ask."""

    def __init__(self) -> None:
        self.begun_anew, self.waits = 0, 0
        self._closing = asyncio.get_running_loop().create_future()
        join_again_after_errors(self, pause_s=0.01)

    async def _push_error_to_user(self, error: Exception) -> None:
        self.waits += 1

    def reset_generation(self) -> None:
        self.begun_anew += 1


async def test_after_an_error_of_the_group_a_member_begins_anew_each_time_it_comes():
    coordinator = Erring()
    await coordinator._push_error_to_user(KafkaError("UnknownError()"))
    await coordinator._push_error_to_user(KafkaError("UnknownError()"))
    assert (coordinator.begun_anew, coordinator.waits) == (2, 0)


async def test_who_shares_the_partitions_otherwise_does_not_try_again():
    coordinator = Erring()
    await coordinator._push_error_to_user(InconsistentGroupProtocolError())
    assert (coordinator.begun_anew, coordinator.waits) == (0, 1)


async def test_a_pause_ends_when_the_coordinator_is_closed():
    coordinator = Erring()
    join_again_after_errors(coordinator, pause_s=60)
    coordinator._closing.set_result(None)
    async with asyncio.timeout(5):
        await coordinator._push_error_to_user(KafkaError("UnknownError()"))


class Watching:
    """A coordinator as aiokafka's: who shared out the partitions watches its topics, all others do not."""

    def __init__(self, known: dict[str, set[int]]) -> None:
        self.known, self.joined = known, []
        self._group_subscription, self._metadata_snapshot = None, {}
        self._subscription = SimpleNamespace(topics={"incidents", "ledger"})
        self._cluster = SimpleNamespace(partitions_for_topic=self.known.get)
        self._client = SimpleNamespace(_maybe_wait_metadata=self._nothing)
        watch_topics(self)

    async def _nothing(self) -> None:
        pass

    async def _on_join_complete(self, generation: int, member_id: str, protocol: str, given: bytes) -> None:
        self.joined.append(generation)

    def _get_metadata_snapshot(self) -> dict[str, int]:
        return {topic: len(self.known.get(topic) or ()) for topic in self._group_subscription}

    async def is_joining_again(self, **shared_out: int) -> bool:
        """After an assignment of which these partitions were all that was shared out, at the next look at the topics."""
        told = json.dumps(shared_out).encode()
        await self._on_join_complete(
            1, "a", "any", ConsumerProtocolMemberAssignment(0, [("ledger", [0])], told).encode()
        )
        assert self.joined[-1] == 1
        return self._metadata_snapshot != self._get_metadata_snapshot()


async def test_a_member_that_did_not_share_out_the_partitions_watches_the_topics_too():
    known = {"incidents": {0, 1, 2}, "ledger": {0, 1, 2}}
    coordinator = Watching(known)
    assert not await coordinator.is_joining_again(incidents=3, ledger=3)
    del known["incidents"]
    assert coordinator._metadata_snapshot != coordinator._get_metadata_snapshot()


async def test_a_member_joins_again_when_a_topic_it_knows_was_not_shared_out_or_not_whole():
    known = {"incidents": {0, 1, 2}, "ledger": {0, 1, 2}}
    assert await Watching(known).is_joining_again(ledger=3)
    assert await Watching(known).is_joining_again(incidents=2, ledger=3)
    assert await Watching(known).is_joining_again()


async def test_a_member_that_knows_less_than_was_shared_out_stays():
    assert not await Watching({"ledger": {0, 1, 2}}).is_joining_again(incidents=3, ledger=3)


async def test_who_shared_out_the_partitions_is_left_alone():
    coordinator = Watching({"ledger": {0}})
    coordinator._group_subscription, coordinator._metadata_snapshot = {"ledger"}, {"ledger": 1}
    assert not await coordinator.is_joining_again()
