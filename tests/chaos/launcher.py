"""Starts a worker that dies at a named point, or whose clock is wrong. Siaga has no hooks for it: it is wrapped.

CHAOS_CRASH_AT=point:n      SIGKILL itself the n-th time the point is reached (POINTS below)
CHAOS_CLOCK_SHIFT_S=3600    the worker's wall clock is that many seconds ahead
CHAOS_NO_TOPICS=1           the first time the worker assigns partitions as leader it knows no topic
CHAOS_SYNC_ERROR=-1         the group's first answer with the worker's partitions carries that error instead

On SIGUSR2 it writes to stderr where each of its tasks waits.
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

Act = Callable[..., None]


def shift_clock(seconds: float) -> None:
    """Before anything else is imported, so that everything reads the shifted clock."""
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

    def reached_with_outputs(producer: object, _: object = None) -> None:
        """Empty transactions, which end one that a broker forgot, do not count."""
        if producer in committing:
            reached()

    async def outputs_written(_: object, batches: list) -> None:
        await asyncio.gather(*(batch.delivery for batch in batches))
        reached()

    def note(transactor: Transactor) -> None:
        committing.add(transactor._producer)

    _wrap(Transactor, "_commit", before=note, finally_=lambda transactor: committing.discard(transactor._producer))
    if point == "after-fence":
        _wrap(Transactor, "start", after=reached)
    elif point == "mid-restore":
        take = Shard.restore

        def wrapped(shard: Shard, key: bytes, value: bytes | None) -> None:
            take(shard, key, value)
            reached()

        Shard.restore = wrapped
    elif point == "before-send-offsets":
        # The outputs are in the log, uncommitted, and nothing says yet what was read for them.
        _wrap(Transactor, "_send", after=outputs_written)
    elif point == "before-commit":
        _wrap(AIOKafkaProducer, "commit_transaction", before=reached_with_outputs)
    elif point == "after-commit":
        # Committed at the broker, and the shard has not taken the new position over.
        _wrap(AIOKafkaProducer, "commit_transaction", after=reached_with_outputs)
    else:
        raise SystemExit(f"CHAOS_CRASH_AT: no such point {point!r}; one of {', '.join(POINTS)}")


def _wrap(
    owner: type,
    name: str,
    before: Act = lambda itself: None,
    after: Callable = lambda itself, result: None,
    finally_: Act = lambda itself: None,
) -> None:
    """Replace a coroutine method by itself with calls around it; `after` gets the result and may be a coroutine."""
    original = getattr(owner, name)

    async def wrapped(itself: object, *args: object, **kwargs: object) -> object:
        before(itself)
        try:
            result = await original(itself, *args, **kwargs)
            if asyncio.iscoroutine(done := after(itself, result)):
                await done
            return result
        finally:
            finally_(itself)

    setattr(owner, name, wrapped)


def log_tasks_on_signal() -> None:
    """On SIGUSR2: the stack of every task of every loop."""

    def log(*_: object) -> None:
        for task in [task for task in gc.get_objects() if isinstance(task, asyncio.Task) and not task.done()]:
            print(f"chaos: {task.get_name()} {task.get_coro()!r}", file=sys.stderr)
            waits = task.get_coro()
            while waits is not None:
                if frame := getattr(waits, "cr_frame", None) or getattr(waits, "gi_frame", None):
                    code = frame.f_code
                    print(f"chaos:    {code.co_filename}:{frame.f_lineno} {code.co_qualname}", file=sys.stderr)
                waits = getattr(waits, "cr_await", None) or getattr(waits, "gi_yieldfrom", None)
        sys.stderr.flush()

    from mode.worker import Worker

    Worker._on_sigusr2 = log  # it would install a debugger of its own over any handler


def spoil_first_sync(code: int) -> None:
    """As from a broker whose log of the group fails at that moment."""
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
    """As in a leader right after a broker's restart, when its metadata request has failed."""
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
    log_tasks_on_signal()
    if crash := os.environ.get("CHAOS_CRASH_AT"):
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
