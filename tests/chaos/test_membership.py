"""Members of the group that are replaced, forgotten or given an error: all but a second one of a name resume."""

import asyncio
import signal

from kafka.errors import CoordinatorNotAvailableError

from tests.agents.deployment import until
from tests.chaos.faults import ZOMBIE_S
from tests.chaos.small import SmallCluster


def is_stable(cluster: SmallCluster) -> bool:
    try:
        return cluster.group_state() == "Stable"
    except CoordinatorNotAvailableError:  # no group was created on this broker before
        return False


async def test_one_of_two_workers_with_a_name_ends_and_logs_why(cluster):
    cluster.start("a")
    await cluster.publish_and_drain("x", 5)
    first = cluster.workers.pop("a")
    second = cluster.start("a")
    try:
        await until(lambda: first.poll() is not None or second.poll() is not None, 180, "the end of one of the workers")
        ended, left = (first, second) if first.poll() is not None else (second, first)
        assert ended.returncode == 1
        assert "another worker has started under the instance name 'a'" in cluster.logged()
        await cluster.publish_and_drain("y", 5)
        assert await cluster.counted() == 10
        assert left.poll() is None
    finally:
        first.kill()
        first.wait()


async def test_a_worker_stopped_past_its_session_joins_again_and_does_not_end(cluster):
    cluster.start("a")
    await cluster.publish_and_drain("x", 5)
    cluster.signal("a", signal.SIGSTOP)
    await asyncio.sleep(ZOMBIE_S)
    cluster.signal("a", signal.SIGCONT)
    await cluster.publish_and_drain("y", 5)
    assert await cluster.counted() == 10 and cluster.alive() == ["a"]


async def test_a_worker_joins_again_after_an_error_of_the_group(cluster):
    """Seed 100005: the broker's log was closing as it wrote the assignment, and the worker never joined again."""
    cluster.start("a", CHAOS_SYNC_ERROR="-1")
    await cluster.publish_and_drain("x", 5)
    assert "the group answered with an error; joining it again" in cluster.logged()
    assert await cluster.counted() == 5


async def test_partitions_assigned_by_a_leader_that_knew_no_topic_are_read(cluster):
    """Seed 160000, after a broker's restart. A worker with a static name comes back without a rebalance."""
    cluster.start("a", CHAOS_NO_TOPICS="1")
    await until(lambda: is_stable(cluster), 180, "a stable group")
    cluster.kill("a")
    cluster.start("a")
    await cluster.publish_and_drain("x", 5)
    assert await cluster.counted() == 5


async def test_a_worker_logs_where_its_tasks_wait_on_sigusr2(cluster):
    cluster.start("a")
    await cluster.publish_and_drain("x", 5)
    cluster.signal("a", signal.SIGUSR2)
    await until(lambda: "Lane" in cluster.logged(), 60, "its tasks in the log")
    await cluster.publish_and_drain("y", 5)
    assert await cluster.counted() == 10 and cluster.alive() == ["a"]
