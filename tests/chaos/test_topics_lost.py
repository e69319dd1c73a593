"""Topics deleted or cut while the system runs or is down: what can be saved is saved, and the rest is logged."""

import asyncio
import re
import subprocess
import sys
import time

import pytest
from aiokafka import AIOKafkaProducer

from tests.agents.deployment import until
from tests.chaos.archive import Archive
from tests.chaos.small import CODE, PARTITION
from tests.chaos.topic_faults import INPUT_RECREATED, STATE_REBUILT
from tests.chaos.traffic import incident
from tests.recount.intake import vanished
from tests.recount.laws import check
from tests.recount.policy import ROSTER, roster


async def test_state_lost_while_nobody_ran_is_rebuilt_and_nothing_published_twice(cluster):
    cluster.start("a")
    await cluster.publish_and_drain("x", 20, severity=5, category="clash")
    await cluster.stop_workers()
    await cluster.recreate("risk-state")
    cluster.start("a")
    await cluster.publish_and_drain("y", 3)
    assert await cluster.counted() == 23
    assert STATE_REBUILT in cluster.logged()
    assert cluster.metric('siaga_shard_rebuilds_total{stage="risk"}') == 3
    assert await cluster.violations() == []


async def test_state_lost_under_a_running_worker_is_rebuilt_when_it_is_next_read(cluster):
    cluster.start("a")
    await cluster.publish_and_drain("x", 20, severity=5, category="clash")
    await cluster.recreate("risk-state")
    await cluster.publish_and_drain("y", 3)
    cluster.kill("a")
    cluster.start("a")
    await cluster.publish_and_drain("z", 2)
    assert await cluster.counted() == 25
    assert STATE_REBUILT in cluster.logged()
    assert await cluster.violations() == []


@pytest.mark.parametrize("before, after", [(20, 5), (5, 20)])
async def test_an_input_recreated_under_a_running_worker_is_read_from_offset_0(cluster, before, after):
    cluster.start("a")
    await cluster.publish_and_drain("x", before)
    await cluster.recreate("incidents")
    await cluster.publish("y", after)
    deadline = time.monotonic() + 60
    while (counted := await cluster.counted()) < before + after:
        assert time.monotonic() < deadline, f"{counted} of {before + after}: " + cluster.logged()[-3000:]
        await asyncio.sleep(0.3)
    assert counted == before + after
    if before > after:  # a topic that is longer again when it is looked at cannot be told from one that only grew
        assert INPUT_RECREATED in cluster.logged()
        assert cluster.metric('siaga_source_recreated_total{topic="incidents"}') == 1
    else:
        assert "not found" in cluster.logged() or "recreated" in cluster.logged()


async def test_a_recreated_input_that_passes_its_old_position_at_once_is_read_from_0(cluster):
    """As when publishers send everything again. Kafka does not say to a leader with a static name that it leads."""
    cluster.start("a")
    await cluster.publish_and_drain("x", 2)
    cluster.kill("a")
    cluster.start("a")
    await cluster.publish_and_drain("w", 3)
    await cluster.recreate("incidents")
    producer = AIOKafkaProducer(bootstrap_servers=cluster.bootstrap, linger_ms=200)
    await producer.start()
    values = [incident(f"y-{number}", CODE, time.time() - 5) for number in range(20)]
    sending = [await producer.send(cluster.prefix + "incidents", value, CODE.encode(), PARTITION) for value in values]
    await asyncio.gather(*sending)
    assert {(await one).offset for one in sending} == set(range(20))
    await producer.stop()
    await cluster.drained()
    assert await cluster.counted() == 25, cluster.logged()[-2000:]


async def test_a_recreated_ledger_is_refused_with_the_command_that_starts_over(cluster):
    refusal = "To rebuild the risk table"
    cluster.start("a")
    await cluster.publish_and_drain("x", 20)
    await cluster.stop_workers()
    await cluster.recreate("ledger")
    cluster.start("a")
    await until(lambda: refusal in cluster.logged(), 180, "the command")
    await cluster.publish("more", 60)  # the new ledger grows past where the old one was read
    cluster.kill("a")
    cluster.start("a")
    await until(lambda: cluster.logged().count(refusal) >= 2, 180, "the command again")
    assert await cluster.counted() == 20
    [command] = set(re.findall(r"run `(python -m kafka.admin[^`]*)`", cluster.logged()))
    await cluster.stop_workers()
    argv = command.replace("$SIAGA_BROKER", cluster.bootstrap).split()
    await asyncio.to_thread(subprocess.run, [sys.executable, *argv[1:]], check=True, capture_output=True, timeout=60)
    await cluster.create_topics()
    cluster.start("a")
    await cluster.publish("y", 3)
    await until(lambda: cluster.metric('siaga_shards_open{stage="risk"}') == 3, 180, "the shards open")
    await cluster.drained()
    assert await cluster.counted() == 63


async def test_records_removed_before_they_were_read_are_counted_and_logged(cluster):
    cluster.start("a")
    await cluster.publish_and_drain("x", 5)
    cluster.kill("a")
    await cluster.publish("y", 30)
    archive = Archive()
    await archive.keep_input(cluster, "incidents")
    await archive.cut(cluster, "incidents", {PARTITION: 25})
    cluster.start("a")
    await cluster.drained()
    assert await cluster.counted() == 5 + 10
    assert "20 offsets are gone from the source before they were read" in cluster.logged()
    gaps = 'siaga_source_gaps_total{topic="incidents"}'
    await until(lambda: cluster.metric(gaps) == 20, 60, "20 lost offsets counted")
    await cluster.settled()
    await cluster.stop_workers()
    evidence = await cluster.evidence()
    archive.complete(evidence)
    assert check(evidence, roster(ROSTER)) == []
    assert sum(map(len, vanished(evidence)["incidents", PARTITION, 0])) == 20
