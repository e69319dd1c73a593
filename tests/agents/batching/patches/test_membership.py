"""When a member of a group was replaced, joins again, and which topics it watches."""

import asyncio
import inspect
import json
from types import SimpleNamespace

import pytest
from aiokafka.consumer import group_coordinator
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment
from aiokafka.errors import (
    InconsistentGroupProtocolError,
    InvalidSessionTimeoutError,
    KafkaError,
    NoError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)
from aiokafka.protocol.group import HeartbeatRequest, JoinGroupRequest

from agents.batching.patches.membership import (
    DivisionsDiffer,
    SessionRefused,
    join_again_after_errors,
    join_with_all_divisions,
    watch_heartbeats,
    watch_topics,
)

HOPELESS = {InconsistentGroupProtocolError: DivisionsDiffer(4), InvalidSessionTimeoutError: SessionRefused(10_000)}
HEARTBEAT = HeartbeatRequest("group", 1, "member")


class Group:
    """A coordinator with the group's answers; time is a number. `replaced` counts what the watch found."""

    def __init__(self) -> None:
        self.answer, self.now_s, self.replaced = NoError, 100.0, 0
        self.coordinator = SimpleNamespace(_send_req=self._send)
        watch_heartbeats(self.coordinator, 5.0, self._taken_over, now=lambda: self.now_s)

    async def _send(self, request: object) -> SimpleNamespace:
        return SimpleNamespace(error_code=self.answer.errno)

    def _taken_over(self) -> None:
        self.replaced += 1

    async def beat(self, at_s: float, answer: type, request: object = HEARTBEAT) -> None:
        self.now_s, self.answer = at_s, answer
        try:
            await asyncio.wait_for(self.coordinator._send_req(request), 0.05)
        except TimeoutError:
            assert self.replaced, "only the answer to a member that was replaced is held back"

    async def lose(self, at_s: float, silence_s: float = 1) -> None:
        """A good heartbeat, then one that is answered by a group that does not know the member."""
        await self.beat(at_s, NoError)
        await self.beat(at_s + silence_s, UnknownMemberIdError)


@pytest.mark.parametrize("silence_s, is_replaced", [(1, True), (4.9, True), (5, False), (60, False)])
async def test_a_member_twice_unknown_soon_after_a_good_heartbeat_was_replaced(silence_s, is_replaced):
    group = Group()
    await group.lose(200)
    assert not group.replaced  # a broker that has just come up may know nobody for a moment
    await group.lose(210 - silence_s, silence_s)
    assert group.replaced == is_replaced


async def test_twice_in_an_hour_is_two_restarts_of_a_broker():
    group = Group()
    await group.lose(200)
    await group.lose(3800)
    assert not group.replaced


async def test_a_member_unknown_from_the_start_was_not_replaced():
    group = Group()
    await group.beat(200, UnknownMemberIdError)
    assert not group.replaced


async def test_a_rebalance_it_did_not_answer_in_time_is_no_replacement():
    group = Group()
    await group.beat(200, NoError)
    for second in range(201, 211):
        await group.beat(second, RebalanceInProgressError)
    await group.beat(211, UnknownMemberIdError)
    assert not group.replaced


async def test_answers_to_other_requests_do_not_count():
    group = Group()
    await group.beat(200, NoError)
    await group.beat(201, UnknownMemberIdError, request=object())
    assert not group.replaced


class Erring:
    """A coordinator that the group answers with errors: how often it joins again, and how often it stops."""

    def __init__(self, pause_s: float = 0.01) -> None:
        self.resets, self.stopped = 0, 0
        self.ended: list[Exception] = []
        self._closing = asyncio.get_running_loop().create_future()
        join_again_after_errors(self, HOPELESS, self.ended.append, pause_s)

    async def _push_error_to_user(self, error: Exception) -> None:
        self.stopped += 1

    def reset_generation(self) -> None:
        self.resets += 1


async def test_after_each_error_of_the_group_a_member_joins_again():
    coordinator = Erring()
    await coordinator._push_error_to_user(KafkaError("UnknownError()"))
    await coordinator._push_error_to_user(KafkaError("UnknownError()"))
    assert (coordinator.resets, coordinator.stopped) == (2, 0)


@pytest.mark.parametrize("error", HOPELESS)
async def test_what_no_other_try_can_help_ends_the_worker_with_the_reason(error):
    coordinator = Erring()
    await coordinator._push_error_to_user(error())
    assert (coordinator.resets, coordinator.stopped, coordinator.ended) == (0, 1, [HOPELESS[error]])


async def test_the_pause_before_joining_ends_when_the_coordinator_closes():
    coordinator = Erring(pause_s=60)
    coordinator._closing.set_result(None)
    async with asyncio.timeout(5):
        await coordinator._push_error_to_user(KafkaError("UnknownError()"))


class Watching:
    """A coordinator as aiokafka's: the member that assigned the partitions watches its topics, all others do not."""

    def __init__(self, known: dict[str, set[int]]) -> None:
        self.known, self.joined = known, []
        self._group_subscription, self._metadata_snapshot = None, {}
        self._subscription = SimpleNamespace(topics={"incidents", "ledger"})
        self._client = SimpleNamespace(_maybe_wait_metadata=self._nothing)
        self.divisions: list[str] = []
        watch_topics(self, self.divisions.append)

    async def _nothing(self) -> None:
        pass

    async def _on_join_complete(self, generation: int, member_id: str, protocol: str, given: bytes) -> None:
        self.joined.append(generation)

    def _get_metadata_snapshot(self) -> dict[str, int]:
        return {topic: len(self.known.get(topic) or ()) for topic in self._group_subscription}

    @property
    def is_joining_again(self) -> bool:
        """What aiokafka does when its metadata differs from the snapshot."""
        return self._metadata_snapshot != self._get_metadata_snapshot()

    async def assigned(self, **counts: int) -> "Watching":
        """After an assignment in which so many partitions of each topic were assigned in all."""
        given = ConsumerProtocolMemberAssignment(0, [("ledger", [0])], json.dumps(counts).encode())
        await self._on_join_complete(1, "a", "any", given.encode())
        assert (self.joined, self.divisions) == ([1], ["any"])
        return self


WHOLE = {"incidents": {0, 1, 2}, "ledger": {0, 1, 2}}


async def test_a_member_that_assigned_nothing_watches_the_topics_too():
    coordinator = await Watching(dict(WHOLE)).assigned(incidents=3, ledger=3)
    assert not coordinator.is_joining_again
    del coordinator.known["incidents"]
    assert coordinator.is_joining_again


@pytest.mark.parametrize("counts", [{"ledger": 3}, {"incidents": 2, "ledger": 3}, {}])
async def test_a_member_joins_again_when_a_topic_it_knows_was_not_assigned_whole(counts):
    assert (await Watching(WHOLE).assigned(**counts)).is_joining_again


async def test_a_member_that_knows_less_than_was_assigned_stays():
    assert not (await Watching({"ledger": {0, 1, 2}}).assigned(incidents=3, ledger=3)).is_joining_again


async def test_the_member_that_assigned_the_partitions_is_left_alone():
    coordinator = Watching({"ledger": {0}})
    coordinator._group_subscription, coordinator._metadata_snapshot = {"ledger"}, {"ledger": 1}
    assert not (await coordinator.assigned()).is_joining_again


def test_aiokafkas_coordinator_watches_topics_only_for_who_assigned_them():
    made = group_coordinator.GroupCoordinator
    assert "self._group_subscription = all_subscribed_topics" in inspect.getsource(made._perform_assignment)
    assert "self._group_subscription = None" in inspect.getsource(made._on_join_prepare)
    watching = inspect.getsource(group_coordinator.BaseCoordinator._handle_metadata_update)
    assert "self._group_subscription is not None" in watching
    assert "self._metadata_snapshot != metadata_snapshot" in watching


def test_aiokafkas_coordinator_calls_what_is_wrapped():
    made = group_coordinator.GroupCoordinator
    arguments = ["self", "generation", "member_id", "protocol", "member_assignment_bytes"]
    assert list(inspect.signature(made._on_join_complete).parameters) == arguments
    on_leader = inspect.getsource(group_coordinator.CoordinatorGroupRebalance._on_join_leader)
    assert "raise Errors.KafkaError" in on_leader
    assert "_push_error_to_user" in inspect.getsource(made._GroupCoordinator__coordination_routine)


class Joining:
    """A coordinator with two assignors; `sent` are the divisions that each JoinGroup request named."""

    def __init__(self) -> None:
        self.sent: list[list[str]] = []
        self._assignors = [self._assignor("in-blocks"), self._assignor("lanes-1")]
        self._subscription = SimpleNamespace(topics={"incidents"})
        join_with_all_divisions(self)

    def _assignor(self, name: str) -> SimpleNamespace:
        return SimpleNamespace(name=name, metadata=lambda topics: SimpleNamespace(encode=lambda: b"subscription"))

    async def _send_req(self, request: JoinGroupRequest) -> SimpleNamespace:
        self.sent.append([name for name, _ in request._group_protocols])
        return SimpleNamespace(error_code=0, answer=len(self.sent))

    async def join(self, names: list[str]) -> SimpleNamespace:
        """As aiokafka's loop: one request for each assignor, with those up to it."""
        listed = [(name, b"subscription") for name in names]
        return await self._send_req(JoinGroupRequest("group", 1, 1, "", None, "consumer", listed))


async def test_a_member_names_all_divisions_in_one_request():
    coordinator = Joining()
    first = await coordinator.join(["in-blocks"])
    assert await coordinator.join(["in-blocks", "lanes-1"]) is first
    again = await coordinator.join(["in-blocks"])
    assert await coordinator.join(["in-blocks", "lanes-1"]) is again
    assert coordinator.sent == [["in-blocks", "lanes-1"]] * 2


def test_aiokafka_sends_a_request_for_each_assignor():
    source = inspect.getsource(group_coordinator.CoordinatorGroupRebalance.perform_group_join)
    assert source.index("metadata_list.append(group_protocol)") < source.index("while try_join:")
    assert "                request = JoinGroupRequest(" in source  # inside of the loop over the assignors
