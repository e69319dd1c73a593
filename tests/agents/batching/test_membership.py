"""When a member may conclude that another process took its static name."""

import asyncio
from types import SimpleNamespace

import pytest
from aiokafka.errors import NoError, RebalanceInProgressError, UnknownMemberIdError
from aiokafka.protocol.group import HeartbeatRequest

from agents.batching.membership import watch_heartbeats

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


@pytest.mark.parametrize("silence_s, is_taken", [(1, True), (4.9, True), (5, False), (60, False)])
async def test_a_member_unknown_soon_after_a_good_heartbeat_was_replaced(silence_s, is_taken):
    group = Group()
    await group.beat(200, NoError)
    await group.beat(200 + silence_s, UnknownMemberIdError)
    assert group.told == is_taken


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
