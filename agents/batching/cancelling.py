"""Whose cancellation an exception is."""

import asyncio


def is_cancelled(error: BaseException) -> bool:
    """Whether it is the running task that is being cancelled. A client that gives up a call of its own throws the same
    exception, and a task that ended by it would be missed by nobody."""
    return isinstance(error, asyncio.CancelledError) and asyncio.current_task().cancelling() > 0
