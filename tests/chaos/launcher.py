"""Starts a worker that dies at a named point, or whose clock is wrong. Wraps the product from outside; the product
knows of nothing.

CHAOS_CRASH_AT=point:n      SIGKILL itself the n-th time it comes to the point (POINTS below)
CHAOS_CLOCK_SHIFT_S=3600    the worker's wall clock is that many seconds ahead

CHAOS_NO_TOPICS=1           the first time the worker shares out partitions it knows of no topic
CHAOS_SYNC_ERROR=-1         the first answer of the group with the worker's partitions carries that error instead

SIGUSR2 has it tell, on stderr, where each of its tasks waits.
"""

import asyncio
import gc
import os
import signal
import sys
import time
from collections.abc import Callable
from types import SimpleNamespace

POINTS = ("after-fence", "mid-restore", "before-send-offsets", "before-commit", "after-commit")


def shift_clock(seconds: float) -> None:
    """Before anything else is imported, so that everybody reads the shifted clock."""
    real, real_ns = time.time, time.time_ns
    time.time = lambda: real() + seconds
    time.time_ns = lambda: real_ns() + int(seconds * 1e9)


def die_at(point: str, nth: int) -> None:
    """Arrange to die as by kill -9 the nth time the point is reached."""
    from agents.batching.commit.shard import Shard
    from agents.batching.commit.transactor import AIOKafkaProducer, Transactor

    left, committing = [nth], set()

    def reached(*_: object) -> None:
        left[0] -= 1
        if left[0] == 0:
            print(f"chaos: dying at {point}", file=sys.stderr, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)

    def reached_with_outputs(producer: object) -> None:
        """Empty transactions that end what a broker forgot are no commits of what was read."""
        if producer in committing:
            reached()

    _during(Transactor, "_commit", committing)
    if point == "after-fence":
        _after(Transactor, "start", reached)
    elif point == "mid-restore":
        take = Shard.restore

        def wrapped(shard: Shard, key: bytes, value: bytes | None) -> None:
            take(shard, key, value)
            reached()

        Shard.restore = wrapped
    elif point == "before-send-offsets":
        # The outputs are in the log, uncommitted, and nothing says yet what was read for them.
        _after(Transactor, "_send", reached, lambda deliveries: asyncio.gather(*deliveries))
    elif point == "before-commit":
        _before(AIOKafkaProducer, "commit_transaction", reached_with_outputs)
    elif point == "after-commit":
        # Committed at the broker, and the shard has not taken the new position over.
        _after(AIOKafkaProducer, "commit_transaction", reached_with_outputs)
    else:
        raise SystemExit(f"CHAOS_CRASH_AT: no such point {point!r}; one of {', '.join(POINTS)}")


def _during(owner: type, name: str, producers: set) -> None:
    """Hold the producer of each transactor whose call of `name` is on its way."""
    original = getattr(owner, name)

    async def wrapped(transactor: object, *args: object, **kwargs: object) -> object:
        producers.add(transactor._producer)
        try:
            return await original(transactor, *args, **kwargs)
        finally:
            producers.discard(transactor._producer)

    setattr(owner, name, wrapped)


def _before(owner: type, name: str, act: Callable[[object], None]) -> None:
    original = getattr(owner, name)

    async def wrapped(*args: object, **kwargs: object) -> object:
        act(args[0])
        return await original(*args, **kwargs)

    setattr(owner, name, wrapped)


def _after(owner: type, name: str, act: Callable[[object], None], wait_for: Callable | None = None) -> None:
    original = getattr(owner, name)

    async def wrapped(*args: object, **kwargs: object) -> object:
        result = await original(*args, **kwargs)
        if wait_for is not None:
            await wait_for(result)
        act(args[0])
        return result

    setattr(owner, name, wrapped)


def tell_tasks_on_signal() -> None:
    """Where a worker that hangs hangs: the stack of every task of every loop."""

    def tell(*_: object) -> None:
        for task in [task for task in gc.get_objects() if isinstance(task, asyncio.Task) and not task.done()]:
            print(f"chaos: {task.get_name()} {task.get_coro()!r}", file=sys.stderr)
            waits = task.get_coro()
            while waits is not None:
                if frame := getattr(waits, "cr_frame", None) or getattr(waits, "gi_frame", None):
                    print(
                        f"chaos:    {frame.f_code.co_filename}:{frame.f_lineno} {frame.f_code.co_qualname}",
                        file=sys.stderr,
                    )
                waits = getattr(waits, "cr_await", None) or getattr(waits, "gi_yieldfrom", None)
        sys.stderr.flush()

    from mode.worker import Worker

    Worker._on_sigusr2 = tell  # it would install a debugger of its own over any handler


def spoil_first_sync(code: int) -> None:
    """What a broker does whose log of the group fails just then."""
    from aiokafka.consumer.group_coordinator import GroupCoordinator
    from aiokafka.protocol.group import SyncGroupRequest

    send, left = GroupCoordinator._send_req, [1]

    async def spoilt(coordinator: object, request: object) -> object:
        answer = await send(coordinator, request)
        if isinstance(request, SyncGroupRequest) and left[0]:
            left[0] -= 1
            answer.error_code = code
        return answer

    GroupCoordinator._send_req = spoilt


def forget_topics_once() -> None:
    """What a leader knows right after a broker's restart, when its question for the topics has failed."""
    from aiokafka.consumer.group_coordinator import GroupCoordinator

    perform, left = GroupCoordinator._perform_assignment, [1]

    async def forgetful(coordinator: object, response: object) -> object:
        cluster = coordinator._cluster
        if left[0]:
            left[0] -= 1
            coordinator._cluster = SimpleNamespace(partitions_for_topic=lambda topic: None)
        try:
            return await perform(coordinator, response)
        finally:
            coordinator._cluster = cluster

    GroupCoordinator._perform_assignment = forgetful


def main() -> None:
    shift_clock(float(os.environ.get("CHAOS_CLOCK_SHIFT_S") or 0))
    tell_tasks_on_signal()
    crash = os.environ.get("CHAOS_CRASH_AT")
    if crash:
        point, _, nth = crash.partition(":")
        die_at(point, int(nth or 1))
    if os.environ.get("CHAOS_NO_TOPICS"):
        forget_topics_once()
    if code := os.environ.get("CHAOS_SYNC_ERROR"):
        spoil_first_sync(int(code))
    from apps.cli.main import main as siaga

    sys.argv = ["siaga", "worker"]
    siaga()


if __name__ == "__main__":
    main()
