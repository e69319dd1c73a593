"""What a failure of a lane or a shard is, and what follows from it: a table."""

import asyncio
import logging
from dataclasses import dataclass
from enum import Enum

from aiokafka.errors import InvalidProducerEpoch, ProducerFenced


class Failure(Enum):
    """What went wrong."""

    #: The lane's own task is cancelled.
    CANCELLED = "was cancelled"
    #: Another worker has opened this lane.
    FENCED = "was fenced by another owner"
    #: Anything else while the lane opens or commits: the outcome of the transaction is unknown.
    LANE = "failed"
    #: One shard could not be restored or could not fold: nothing of it is in a transaction.
    SHARD = "shard failed"


class Drops(Enum):
    """What is closed, with its memory."""

    NOTHING = "nothing"
    SHARD = "the shard"
    LANE = "the producer and all shards"


class Pause(Enum):
    """What passes before the next attempt."""

    NONE = "none"
    #: `fenced_pause_ms`: time for the group to say that the partitions are no longer ours.
    FENCED = "3 s, for the rebalance"
    #: From `reopen_pause_ms`, doubled with each failure in a row, to `reopen_pause_ms_max`.
    BACKOFF = "0.1 s, doubled up to 5 s"


@dataclass(frozen=True)
class Response:
    """What follows from a failure. `log_level` is None where the failure is passed on."""

    drops: Drops
    pause: Pause
    log_level: int | None


RESPONSES = {
    Failure.CANCELLED: Response(Drops.NOTHING, Pause.NONE, None),
    Failure.FENCED: Response(Drops.LANE, Pause.FENCED, logging.WARNING),
    Failure.LANE: Response(Drops.LANE, Pause.BACKOFF, logging.ERROR),
    Failure.SHARD: Response(Drops.SHARD, Pause.BACKOFF, logging.ERROR),
}


def failure_of(error: BaseException) -> Failure:
    """What an error that ended a cycle of the running lane means.

    A client that gives up a call of its own raises CancelledError too; a task that ended by it would be missed by
    nobody (docs/upstream.md). Only a task that is being cancelled is CANCELLED.
    """
    if isinstance(error, (ProducerFenced, InvalidProducerEpoch)):
        return Failure.FENCED
    task = asyncio.current_task()
    if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling() > 0:
        return Failure.CANCELLED
    return Failure.LANE
