"""The failures of a lane or a shard, and a table of the response to each."""

import asyncio
import logging
from dataclasses import dataclass
from enum import Enum

from aiokafka.errors import InvalidProducerEpoch, ProducerFenced

from ..fold import Fatal


class Failure(Enum):
    """What went wrong."""

    #: The lane's own task is cancelled.
    CANCELLED = "was cancelled"
    #: Another worker has opened this lane.
    FENCED = "was fenced by another owner"
    #: No retry can help: the state is of a format that is not read, or a record is larger than its topic takes.
    FATAL = "cannot go on"
    #: Anything else while the lane opens or commits: the outcome of the transaction is unknown.
    LANE = "failed"
    #: One shard could not be restored or could not fold: nothing of it is in a transaction.
    SHARD = "failed alone"


class Drops(Enum):
    """What is closed; its state in memory is lost."""

    NOTHING = "nothing"
    SHARD = "the shard"
    LANE = "the producer and all shards"


class Pause(Enum):
    """The pause before the next attempt."""

    NONE = "none"
    #: Time for the rebalance that takes the partitions away.
    FENCED = "`fenced_pause_ms`"
    #: Until the worker has ended.
    END = "none, the worker ends"
    #: Longer with each failure in a row.
    BACKOFF = "`reopen_pause_ms`, doubled up to `reopen_pause_ms_max`"


@dataclass(frozen=True)
class Response:
    """What follows from a failure. One that drops nothing is raised again."""

    drops: Drops
    pause: Pause
    log_level: int


RESPONSES = {
    Failure.CANCELLED: Response(Drops.NOTHING, Pause.NONE, logging.NOTSET),
    Failure.FENCED: Response(Drops.LANE, Pause.FENCED, logging.WARNING),
    Failure.FATAL: Response(Drops.LANE, Pause.END, logging.CRITICAL),
    Failure.LANE: Response(Drops.LANE, Pause.BACKOFF, logging.ERROR),
    Failure.SHARD: Response(Drops.SHARD, Pause.BACKOFF, logging.ERROR),
}


def failure_of(error: BaseException) -> Failure:
    """What an error that ended a cycle of the running lane means.

    A client that cancels a call of its own raises CancelledError too; a lane that ended by it would leave its batches
    in flight for ever (docs/upstream.md). Only a task that is being cancelled is CANCELLED.
    """
    if isinstance(error, (ProducerFenced, InvalidProducerEpoch)):
        return Failure.FENCED
    if isinstance(error, Fatal):
        return Failure.FATAL
    task = asyncio.current_task()
    if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling() > 0:
        return Failure.CANCELLED
    return Failure.LANE
