"""Topics deleted, emptied or cut under the system's feet: everything that can be saved is saved, and nothing passes in
silence.
"""

import asyncio
import re
import subprocess
import sys
import time

import pytest
from aiokafka import AIOKafkaProducer

from tests.agents.deployment import until
from tests.chaos.archive import Archive
from tests.chaos.checker import check
from tests.chaos.cluster import Cluster
from tests.chaos.policy import ROSTER, roster
from tests.chaos.traffic import incident
from tests.chaos.vanished import vanished

CODE = "16.71"
PARTITION = 1


@pytest.fixture
def cluster(broker, fresh_prefix, tmp_path):
    settings = {"SIAGA_TICK_SECONDS": "0.5", "SIAGA_PARTITIONS": "3"}
    with Cluster(broker, tmp_path, broker.bootstrap, fresh_prefix, **settings) as made:
        yield made


async def send(cluster: Cluster, name: str, count: int, **changes: object) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=cluster.bootstrap)
    await producer.start()
    for number in range(count):
        value = incident(f"{name}-{number}", CODE, time.time() - 5, **changes)
        await producer.send_and_wait(cluster.prefix + "incidents", value, CODE.encode(), PARTITION)
    await producer.stop()


async def recreate(cluster: Cluster, topic: str) -> None:
    await cluster.delete(topic)
    await cluster.create_topics()


async def incidents(cluster: Cluster) -> int:
    return (await cluster.rows())[CODE]["windows"]["1h"]["incidents"]


async def sound(cluster: Cluster) -> None:
    """All laws of the checker hold."""
    await cluster.drained()
    await cluster.settle(60)
    await cluster.stop_workers()
    assert check(await cluster.evidence("Stable"), roster(ROSTER)) == []


def log(cluster: Cluster, name: str = "a") -> str:
    return cluster.log(name).read_text()


async def test_state_lost_while_nobody_ran_is_built_again_and_publishes_nothing_twice(cluster):
    cluster.start("a")
    await send(cluster, "x", 20, severity=5, category="clash")
    await cluster.drained()
    await cluster.stop_workers()
    await recreate(cluster, "risk-state")
    cluster.start("a")
    await send(cluster, "y", 3)
    await cluster.drained()
    assert await incidents(cluster) == 23
    assert "is gone or incomplete: building it again" in log(cluster)
    assert cluster.metric('siaga_shard_rebuilds_total{stage="risk"}') == 3
    await sound(cluster)


async def test_state_lost_under_a_running_worker_is_built_again_when_it_is_read_next(cluster):
    cluster.start("a")
    await send(cluster, "x", 20, severity=5, category="clash")
    await cluster.drained()
    await recreate(cluster, "risk-state")
    await send(cluster, "y", 3)
    await cluster.drained()
    cluster.kill("a")
    cluster.start("a")
    await send(cluster, "z", 2)
    await cluster.drained()
    assert await incidents(cluster) == 25
    assert "is gone or incomplete: building it again" in log(cluster)
    await sound(cluster)


@pytest.mark.parametrize("before, after", [(20, 5), (5, 20)])
async def test_an_input_created_anew_under_a_running_worker_is_read_from_its_beginning(cluster, before, after):
    cluster.start("a")
    await send(cluster, "x", before)
    await cluster.drained()
    await recreate(cluster, "incidents")
    await send(cluster, "y", after)
    deadline = time.monotonic() + 60
    while await incidents(cluster) < before + after:
        assert time.monotonic() < deadline, f"{await incidents(cluster)} of {before + after}: " + log(cluster)[-3000:]
        await asyncio.sleep(0.3)
    assert await incidents(cluster) == before + after
    if before > after:  # what is longer again when it is looked at cannot be told from one that only grew
        assert "was created anew and is read as such" in log(cluster)
        assert cluster.metric('siaga_source_recreated_total{topic="incidents"}') == 1
    else:
        assert "not found" in log(cluster) or "created anew" in log(cluster)


async def test_an_input_created_anew_that_passes_its_old_position_at_once_is_read_from_its_beginning(cluster):
    """As when publishers send everything again. Kafka does not tell a leader that came back under its static name that
    it leads.
    """
    cluster.start("a")
    await send(cluster, "x", 2)
    await cluster.drained()
    cluster.kill("a")
    cluster.start("a")
    await send(cluster, "w", 3)
    await cluster.drained()
    await recreate(cluster, "incidents")
    producer = AIOKafkaProducer(bootstrap_servers=cluster.bootstrap, linger_ms=200)
    await producer.start()
    values = [incident(f"y-{number}", CODE, time.time() - 5) for number in range(20)]
    sending = [await producer.send(cluster.prefix + "incidents", value, CODE.encode(), PARTITION) for value in values]
    await asyncio.gather(*sending)
    assert {(await one).offset for one in sending} == set(range(20))
    await producer.stop()
    await cluster.drained()
    assert await incidents(cluster) == 25, log(cluster)[-2000:]


async def test_a_ledger_created_anew_is_refused_with_the_command_that_begins_anew(cluster):
    cluster.start("a")
    await send(cluster, "x", 20)
    await cluster.drained()
    await cluster.stop_workers()
    await recreate(cluster, "ledger")
    cluster.start("a")
    await until(lambda: "To rebuild the risk table" in log(cluster), 180, "the command")
    await send(cluster, "more", 60)  # the new ledger grows past where the old one was read
    cluster.kill("a")
    cluster.start("a")
    await until(lambda: log(cluster).count("To rebuild the risk table") >= 2, 180, "the command again")
    assert (await cluster.rows())[CODE]["windows"]["1h"]["incidents"] == 20
    [command] = set(re.findall(r"run `(python -m kafka.admin[^`]*)`", log(cluster)))
    await cluster.stop_workers()
    argv = command.replace("$SIAGA_BROKER", cluster.bootstrap).split()
    await asyncio.to_thread(subprocess.run, [sys.executable, *argv[1:]], check=True, capture_output=True, timeout=60)
    await cluster.create_topics()
    cluster.start("a")
    await send(cluster, "y", 3)
    await until(lambda: cluster.metric('siaga_shards_open{stage="risk"}') == 3, 180, "the shards open")
    await cluster.drained()
    assert await incidents(cluster) == 63


async def test_records_removed_before_they_were_read_are_counted_and_said(cluster):
    cluster.start("a")
    await send(cluster, "x", 5)
    await cluster.drained()
    cluster.kill("a")
    await send(cluster, "y", 30)
    archive = Archive()
    await archive.keep_input(cluster, "incidents")
    await archive.cut(cluster, "incidents", {PARTITION: 25})
    cluster.start("a")
    await cluster.drained()
    assert await incidents(cluster) == 5 + 10
    assert "20 offsets are gone from the source before they were read" in log(cluster)
    await until(
        lambda: cluster.metric('siaga_source_gaps_total{topic="incidents"}') == 20, 10, "20 lost offsets counted"
    )
    await cluster.settle(60)
    await cluster.stop_workers()
    evidence = await cluster.evidence("Stable")
    archive.complete(evidence)
    assert check(evidence, roster(ROSTER)) == []
    assert sum(map(len, vanished(evidence)["incidents", PARTITION, 0])) == 20
