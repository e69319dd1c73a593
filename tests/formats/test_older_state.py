"""A worker that finds state of an earlier format, or damaged, builds it again from the ledger, on a real broker."""

import asyncio
import json

from kafka import KafkaProducer

from schemas.ledger import partition_of
from tests.agents.deployment import Deployment, until
from tests.hostile.test_ledger import PALEMBANG, fatality

PARTITION = partition_of(PALEMBANG, 3)
REBUILT = 'siaga_shard_rebuilds_total{stage="risk"}'


async def test_older_state_is_built_again_and_nothing_published_twice(broker, fresh_prefix, tmp_path):
    with Deployment(broker.bootstrap, fresh_prefix, tmp_path, SIAGA_TICK_SECONDS="0.5") as deployment:
        deployment.start()
        _send(deployment, "incidents", 0, None, fatality(1))
        async with asyncio.timeout(180):
            while not await deployment.escalations():
                await asyncio.sleep(0.2)
        await deployment.stop_workers()
        published, row = await deployment.escalations(), (await deployment.rows())[PALEMBANG]
        head = next(one for one in reversed(await deployment.read("risk-state")) if one.key == b"16.71/h")
        _send(
            deployment, "risk-state", PARTITION, head.key, json.dumps({**json.loads(head.value), "format": 3}).encode()
        )
        deployment.start()
        await until(lambda: deployment.metric(REBUILT) == 1, 120, "one state of three is built again")
        _send(deployment, "incidents", 0, None, fatality(2))
        async with asyncio.timeout(180):
            while (after := (await deployment.rows())[PALEMBANG])["windows"]["1h"]["incidents"] != 2:
                await asyncio.sleep(0.2)
        assert (await deployment.escalations())[: len(published)] == published
        ids = [item["escalation_id"] for item in await deployment.escalations()]
        assert len(ids) == len(set(ids)) and after["ledger"]["offset"] > row["ledger"]["offset"]
        log = deployment.log().read_text()
        assert (
            f"{fresh_prefix}risk-state[{PARTITION}]: 16.71: state of format 3, this version reads 4; it is built" in log
        )
        audited = deployment.run("audit", check=False)
        assert audited.returncode == 0, audited.stdout + audited.stderr


def _send(deployment: Deployment, topic: str, partition: int, key: bytes | None, value: bytes) -> None:
    producer = KafkaProducer(bootstrap_servers=deployment.bootstrap)
    producer.send(deployment.prefix + topic, value, key, partition=partition).get(30)
    producer.close()
