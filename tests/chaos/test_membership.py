"""Members that are replaced, forgotten or told an error: one of two with the same name ends and says why, all others
work on.
"""

import asyncio
import signal
import time

import pytest
from kafka.errors import CoordinatorNotAvailableError

from tests.agents.deployment import until
from tests.chaos.cluster import Cluster
from tests.chaos.test_topics_lost import incidents, send


@pytest.fixture
def cluster(broker, fresh_prefix, tmp_path):
    settings = {"SIAGA_TICK_SECONDS": "0.5", "SIAGA_PARTITIONS": "3"}
    with Cluster(broker, tmp_path, broker.bootstrap, fresh_prefix, **settings) as made:
        yield made


def is_stable(cluster: Cluster) -> bool:
    try:
        return cluster.group_state() == "Stable"
    except CoordinatorNotAvailableError:  # nobody has asked this broker for a group before
        return False


async def test_one_of_two_ends_and_says_why(cluster):
    cluster.start("a")
    await send(cluster, "x", 5)
    await cluster.drained()
    first = cluster.workers.pop("a")
    second = cluster.start("a")
    try:
        await until(lambda: first.poll() is not None or second.poll() is not None, 180, "the end of one of the workers")
        ended, left = (first, second) if first.poll() is not None else (second, first)
        assert ended.returncode == 1
        assert "another worker has started under the instance name 'a'" in cluster.log("a").read_text()
        await send(cluster, "y", 5)
        await cluster.drained()
        assert await incidents(cluster) == 10
        assert left.poll() is None
    finally:
        for worker in (first, second):
            if worker.poll() is None:
                worker.kill()


async def test_a_worker_that_slept_past_its_session_joins_again_and_does_not_end(cluster):
    cluster.start("a")
    await send(cluster, "x", 5)
    await cluster.drained()
    cluster.signal("a", signal.SIGSTOP)
    await asyncio.sleep(13)
    cluster.signal("a", signal.SIGCONT)
    started = time.monotonic()
    await send(cluster, "y", 5)
    await cluster.drained()
    assert await incidents(cluster) == 10 and cluster.alive() == ["a"]
    assert time.monotonic() - started < 30


async def test_a_worker_of_another_number_of_lanes_ends_and_says_why(cluster):
    cluster.start("a")
    await send(cluster, "x", 5)
    await cluster.drained()
    other = cluster.start("b", SIAGA_LANES="3")
    await until(lambda: other.poll() is not None, 60, "the end of the worker that counts otherwise")
    assert other.returncode == 1
    assert "another number of lanes than 3" in cluster.log("b").read_text()
    await send(cluster, "y", 5)
    await cluster.drained()
    assert await incidents(cluster) == 10 and cluster.alive() == ["a"]


async def test_a_worker_whom_the_group_tells_an_error_joins_again(cluster):
    """Seed 100005: the broker's log was ending as it wrote the assignment, and the worker never asked again."""
    cluster.start("a", CHAOS_SYNC_ERROR="-1")
    await send(cluster, "x", 5)
    await cluster.drained()
    assert "the group answered with an error; joining it again" in cluster.log("a").read_text()
    assert await incidents(cluster) == 5


async def test_partitions_shared_out_by_a_leader_that_knew_no_topic_are_not_left_unread(cluster):
    """Seed 160000: so it was after a broker's restart, and came back under its static name: that brings no rebalance."""
    cluster.start("a", CHAOS_NO_TOPICS="1")
    await until(lambda: is_stable(cluster), 60, "a stable group")
    cluster.kill("a")
    cluster.start("a")
    await send(cluster, "x", 5)
    await cluster.drained()
    assert await incidents(cluster) == 5


async def test_a_worker_that_hangs_tells_where(cluster):
    cluster.start("a")
    await send(cluster, "x", 5)
    await cluster.drained()
    cluster.signal("a", signal.SIGUSR2)
    await until(lambda: "Lane" in cluster.log("a").read_text(), 20, "its tasks in the log")
    await send(cluster, "y", 5)
    await cluster.drained()
    assert await incidents(cluster) == 10 and cluster.alive() == ["a"]
