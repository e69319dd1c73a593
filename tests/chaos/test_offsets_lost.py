"""The group's offsets set back under the workers, as Kafka's coordinator does it by itself after a kill
(docs/upstream.md).
"""

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from tests.agents.deployment import until
from tests.chaos.cluster import Cluster
from tests.chaos.test_topics_lost import PARTITION, incidents, log, send, sound


@pytest.fixture
def cluster(broker, fresh_prefix, tmp_path):
    settings = {"SIAGA_TICK_SECONDS": "0.5", "SIAGA_PARTITIONS": "3"}
    with Cluster(broker, tmp_path, broker.bootstrap, fresh_prefix, **settings) as made:
        yield made


async def set_back(cluster: Cluster, offset: int) -> None:
    """Commit an old offset, once the group has nobody left."""
    await until(lambda: cluster.group_state() == "Empty", 60, "an empty group")
    consumer = AIOKafkaConsumer(bootstrap_servers=cluster.bootstrap, group_id=cluster.group, enable_auto_commit=False)
    await consumer.start()
    try:
        source = TopicPartition(cluster.prefix + "incidents", PARTITION)
        consumer.assign([source])
        await consumer.commit({source: offset})
    finally:
        await consumer.stop()


async def test_inputs_are_not_read_twice_when_the_group_forgets_how_far_they_are_read(cluster):
    cluster.start("a")
    await send(cluster, "x", 20)
    await cluster.drained()
    await cluster.stop_workers()
    await set_back(cluster, 3)
    cluster.start("a")
    await send(cluster, "y", 5)
    await cluster.drained()
    assert await incidents(cluster) == 25
    assert "is read up to 20 by its note; the group's offset is 3" in log(cluster)
    await sound(cluster)  # doubled inputs are what the checker's first law looks for
