"""Exactly once, shown from outside: every key's outputs are 1, 2, 3, ... whatever happens to the workers.

The counting worker numbers the records of each key, so one lost, doubled or reordered record shows in all that follow.
"""

import asyncio
import os
import signal

import pytest
from aiokafka.admin import NewTopic
from aiokafka.errors import KafkaError

from tests.agents.batching.kafka_scene import Scene, until


@pytest.fixture
async def scene(broker, fresh_prefix, tmp_path):
    async with Scene(broker.bootstrap, fresh_prefix, tmp_path) as made:
        yield made


async def test_workers_killed_under_load_lose_and_double_nothing(scene):
    scene.start("a")
    scene.start("b")
    load = scene.load(1000)
    await until(lambda: scene.read > 500, 30, "first outputs")
    for instance in ("a", "b", "a"):
        scene.kill(instance)
        before = scene.sent.total()
        scene.start(instance)
        await until(lambda before=before: scene.read > before, 20, f"outputs past the kill of {instance}")
    load.cancel()
    await scene.settle()


async def test_a_worker_that_leaves_for_good_is_taken_over(scene):
    scene.start("a")
    scene.start("b")
    load = scene.load(500)
    await until(lambda: scene.read > 200, 30, "first outputs")
    scene.kill("b")
    before = scene.sent.total()
    await until(lambda: scene.read > before + 2000, 40, "outputs of all partitions after the session timed out")
    load.cancel()
    await scene.settle()


async def test_a_zombie_is_fenced_and_writes_nothing_more(scene):
    scene.start("a")
    load = scene.load(500)
    await until(lambda: scene.read > 200, 30, "first outputs")
    os.kill(scene.workers["a"].pid, signal.SIGSTOP)
    scene.start("b")
    before = scene.sent.total()
    await until(lambda: scene.read > before, 40, "the second worker's outputs")
    os.kill(scene.workers["a"].pid, signal.SIGCONT)
    resumed = scene.sent.total()
    await until(lambda: scene.read > resumed + 1000, 40, "outputs after the zombie woke")
    load.cancel()
    await scene.settle()


async def test_state_survives_a_restart_by_sigterm(scene):
    first = scene.start("a")
    for _ in range(50):
        await scene.send(b"k01")
    await until(lambda: scene.read == 50, 30, "50 outputs")
    first.terminate()
    await asyncio.to_thread(first.wait, 10)
    scene.start("a")
    for _ in range(50):
        await scene.send(b"k01")
    await scene.settle()


async def test_a_fold_that_raises_is_retried_and_never_skipped(scene):
    scene.start("a")
    await scene.send(b"k01")
    await scene.send(b"k02")
    await until(lambda: scene.read == 2, 30, "both outputs")
    await scene.producer.send(scene.source, key=b"k01", value=b"raise", partition=1)
    await until(lambda: scene.log("a").read_text().count("asked to") >= 2, 20, "a second try")
    await scene.send(b"k01")
    await scene.send(b"k02")
    await until(lambda: scene.read == 3, 20, "the other partition is read on")
    assert scene.got[b"k01"] == [1] and scene.got[b"k02"] == [1, 2]


async def test_a_recreated_source_is_refused_with_an_error(scene):
    scene.start("a")
    for _ in range(10):
        await scene.send(b"k01")
    await until(lambda: scene.read == 10, 30, "first outputs")
    scene.kill("a")
    await scene.admin.delete_topics([scene.source])
    await _recreate(scene)
    await scene.producer.send_and_wait(scene.source, key=b"k01", value=b"x", partition=1)
    scene.start("a")
    await until(lambda: scene.says("a", "was recreated"), 120, "the refusal")
    assert scene.read == 10


async def _recreate(scene) -> None:
    async def try_once() -> bool:
        try:
            response = await scene.admin.create_topics([NewTopic(scene.source, scene.partitions, 1)])
        except KafkaError:
            return False
        return all(error[1] == 0 for error in response.topic_errors)

    for _ in range(100):
        if await try_once():
            return
        await asyncio.sleep(0.1)
    raise AssertionError("the topic could not be created again within 10 s")
