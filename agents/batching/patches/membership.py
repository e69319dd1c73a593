"""When a worker cannot be a member of its group, it must end and say why. Watches aiokafka's group coordinator.

Two workers under one static name: the one that came first must end, or they take the partitions from each other for
ever. Kafka answers the heartbeat of the first with FENCED_INSTANCE_ID. aiokafka's heartbeat does not carry the static
name, so the answer is UNKNOWN_MEMBER_ID instead; aiokafka takes that for an expired session and joins again, which
fences the other in turn, and so on. An expired session has missed its heartbeats; a member whose last heartbeat
succeeded a moment ago was replaced. Unless the broker has just come up: Kafka's coordinator may answer for a moment
before it has read who its members are (docs/upstream.md). So a member joins again once; one that is replaced twice
within `AGAIN_S` shares its name. Of two workers with one name this ends one and leaves the other.

Another division of the partitions than the others': Kafka refuses the member, and aiokafka stops for good without
raising.

aiokafka also stops after any error of the group that it does not expect (docs/upstream.md): it waits for a call of
`getmany`, which nobody makes here. The worker must join again, or its partitions stay unread while no metric shows it.

aiokafka joins once for each way to divide the partitions; a member must name all of them at once.

A leader that is killed and comes back under its static name does not learn that it leads, so nobody watches the topics
any more (docs/upstream.md). What was assigned while one was missing would stay so for ever. So every member watches
them.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from math import inf
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import (
    InconsistentGroupProtocolError,
    InvalidSessionTimeoutError,
    NoError,
    UnknownMemberIdError,
    for_code,
)
from aiokafka.protocol.group import HeartbeatRequest, JoinGroupRequest

from ..consumer.assignor import assigned_counts
from ..options import BatchingOptions

log = logging.getLogger(__name__)

#: Two workers of one name replace each other within a few heartbeats; a broker that comes up forgets a member once.
AGAIN_S = 60.0
#: Between an error of the group and another try to join it.
PAUSE_S = 1.0


class InstanceTaken(Exception):
    """Another process has joined the group under this worker's static name."""

    def __init__(self, instance: str) -> None:
        super().__init__(
            f"another worker has started under the instance name {instance!r} and taken over: "
            f"give each worker a name of its own"
        )


class SessionRefused(Exception):
    """The brokers allow no session of this length."""

    def __init__(self, milliseconds: int) -> None:
        super().__init__(
            f"the brokers allow no session of {milliseconds / 1000:.0f} s: set group.min.session.timeout.ms and "
            f"group.max.session.timeout.ms of all brokers (`siaga topics --check` says to what)"
        )


class DivisionsDiffer(Exception):
    """The group's members divide the partitions in a way that this one does not know."""

    def __init__(self, lanes: int) -> None:
        super().__init__(
            f"the group's other members divide its partitions in another way: they are no workers of this deployment, "
            f"or workers of release 0.9 with another number of lanes than {lanes} (SIAGA_LANES)"
        )


def watch_membership(
    consumer: AIOKafkaConsumer,
    options: BatchingOptions,
    instance: str | None,
    end: Callable[[Exception], None],
    divided: Callable[[str], None],
    answered: Callable[[], None],
) -> None:
    """Watch the coordinator of a started consumer; `end` is called with the reason why the worker must end, `divided`
    with the name of the group's division before each assignment, `answered` when the group answers a heartbeat.
    """
    coordinator = consumer._coordinator
    join_with_all_divisions(coordinator)
    watch_answers(coordinator, answered)
    hopeless = {
        InconsistentGroupProtocolError: DivisionsDiffer(options.lanes),
        InvalidSessionTimeoutError: SessionRefused(options.session_timeout_ms),
    }
    join_again_after_errors(coordinator, hopeless, end)
    watch_topics(coordinator, divided)
    if instance:
        watch_heartbeats(coordinator, options.session_timeout_ms / 2000, lambda: end(InstanceTaken(instance)))


def join_with_all_divisions(coordinator: Any) -> None:
    """Send one JoinGroup request that names every assignor. aiokafka sends one for each, with those up to it: a group
    that knows only the last of them refuses the first request, and each member joins as often as it has assignors
    (docs/upstream.md).
    """
    send = coordinator._send_req
    answered: Any = None

    async def once(request: Any) -> Any:
        nonlocal answered
        if not isinstance(request, JoinGroupRequest):
            return await send(request)
        known, named = coordinator._assignors, len(request._group_protocols)
        if named > 1 and answered is not None:
            return answered
        answered, topics = None, coordinator._subscription.topics
        more = [(assignor.name, assignor.metadata(topics).encode()) for assignor in known[named:]]
        request._group_protocols = [*request._group_protocols, *more]
        answered = await send(request)
        return answered

    coordinator._send_req = once


def watch_answers(coordinator: Any, answered: Callable[[], None]) -> None:
    """Call `answered` when the group answers a heartbeat, whatever it says."""
    send = coordinator._send_req

    async def watched(request: Any) -> Any:
        answer = await send(request)
        if isinstance(request, HeartbeatRequest):
            answered()
        return answer

    coordinator._send_req = watched


def join_again_after_errors(
    coordinator: Any,
    hopeless: Mapping[type[Exception], Exception],
    end: Callable[[Exception], None],
    pause_s: float = PAUSE_S,
) -> None:
    """Have a coordinator that the group answered with an error join again after a pause, as a new member, until it is
    accepted or closed. `end` is called with the reason where that cannot help: `hopeless` has it for each such error.
    """
    give_up = coordinator._push_error_to_user

    async def again(error: Exception) -> None:
        if reason := hopeless.get(type(error)):
            end(reason)
            await give_up(error)
            return
        log.warning("the group answered with an error; joining it again after %.1f s: %r", pause_s, error)
        coordinator.reset_generation()
        await asyncio.wait([coordinator._closing], timeout=pause_s)

    coordinator._push_error_to_user = again


def watch_topics(coordinator: Any, divided: Callable[[str], None]) -> None:
    """Have every member, not only the leader, join again when the partitions of its topics change or were not all
    assigned. `divided` is called with the name of the group's division before an assignment is taken.

    Kafka starts a rebalance for a leader that joins, also for one that does not know that it leads; it answers others
    with the assignment they have.
    """
    complete = coordinator._on_join_complete

    async def watched(generation: int, member_id: str, protocol: str, given: bytes) -> None:
        if coordinator._group_subscription is None:
            await coordinator._client._maybe_wait_metadata()
            coordinator._group_subscription = set(coordinator._subscription.topics)
            known, assigned = coordinator._get_metadata_snapshot(), assigned_counts(given)
            seen = {topic: min(count, assigned.get(topic, 0)) for topic, count in known.items()}
            coordinator._metadata_snapshot = seen
        divided(protocol)
        await complete(generation, member_id, protocol, given)

    coordinator._on_join_complete = watched


def watch_heartbeats(
    coordinator: Any, within_s: float, taken_over: Callable[[], None], now: Callable[[], float] = time.monotonic
) -> None:
    """Call `taken_over` when the group twice within `AGAIN_S` no longer knows a member whose heartbeat it accepted less
    than `within_s` ago.
    """
    send, last_success, last_replaced = coordinator._send_req, -inf, -inf

    async def watched(request: Any) -> Any:
        nonlocal last_success, last_replaced
        answer = await send(request)
        if isinstance(request, HeartbeatRequest):
            error = for_code(answer.error_code)
            if error is NoError:
                last_success = now()
            elif error is UnknownMemberIdError and now() - last_success < within_s:
                is_again, last_replaced = now() - last_replaced < AGAIN_S, now()
                if is_again:
                    taken_over()
                    # Until cancelled: an answer would make aiokafka join again and fence the other.
                    await asyncio.Future()
        return answer

    coordinator._send_req = watched
