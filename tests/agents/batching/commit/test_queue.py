"""What waits for a lane: one batch of each source, until it is read or returned; and requests of idle output."""

import asyncio

from agents.batching.commit.queue import BatchQueue
from tests.agents.batching.commit.lane_scene import A, B, batch, within


async def test_a_batch_waits_until_it_is_released_or_returned():
    queue = BatchQueue()
    first, second = (asyncio.create_task(queue.put(source, batch(0, 1))) for source in (A, B))
    await asyncio.sleep(0)
    assert (queue.sources, queue.records) == ([A, B], 4)
    queue.release(A)
    assert (queue.sources, queue.records) == ([B], 2) and A not in queue
    queue.return_all()
    assert (await within(first), await within(second), queue.sources) == (True, False, [])


async def test_a_batch_whose_owner_gave_up_can_still_be_returned():
    queue = BatchQueue()
    waiting = asyncio.create_task(queue.put(A, batch(0)))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.sleep(0)
    queue.return_all()
    assert waiting.cancelled() and queue.sources == []


def test_idle_output_is_due_once_for_each_request():
    queue = BatchQueue()
    taken = [queue.take_idle()]
    queue.request_idle()
    taken += [queue.is_idle_due, queue.take_idle(), queue.take_idle()]
    assert taken == [False, True, True, False]


async def test_a_wait_ends_at_what_came_since_the_queue_was_seen():
    queue = BatchQueue()
    for come in (queue.wake, queue.request_idle):
        queue.mark_seen()
        waiting = asyncio.create_task(queue.wait())
        await asyncio.sleep(0)
        assert not waiting.done()
        come()
        await within(waiting)
