"""Kafka's coordinator may set the group's offsets back after a kill (docs/upstream.md): intake's own notes count."""

from aiokafka import TopicPartition

from tests.agents.deployment import until
from tests.chaos.small import PARTITION, SmallCluster


async def set_back(cluster: SmallCluster, offset: int) -> None:
    """Commit an old offset, once the group has no member."""
    await until(lambda: cluster.group_state() == "Empty", 60, "an empty group")
    async with cluster.consumer(group_id=cluster.group) as consumer:
        source = TopicPartition(cluster.prefix + "incidents", PARTITION)
        consumer.assign([source])
        await consumer.commit({source: offset})


async def test_inputs_are_not_read_twice_when_the_groups_offset_goes_back(cluster):
    cluster.start("a")
    await cluster.publish_and_drain("x", 20)
    await cluster.stop_workers()
    await set_back(cluster, 3)
    cluster.start("a")
    await cluster.publish_and_drain("y", 5)
    assert await cluster.counted() == 25
    assert "is read up to 20, as noted; the group says 3" in cluster.logged()
    assert await cluster.violations() == []  # doubled inputs break the first law
