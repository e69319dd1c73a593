"""Of the addresses in SIAGA_BROKER one that answers is enough, wherever it stands."""

from pathlib import Path

from apps.embedded import EmbeddedBroker
from apps.embedded.ports import free_port
from tests.chaos.small import SmallCluster


async def test_a_worker_and_a_command_start_though_the_first_address_is_dead(
    broker: EmbeddedBroker, fresh_prefix: str, tmp_path: Path
):
    addresses = f"127.0.0.1:{free_port()},{broker.bootstrap}"
    settings = {"SIAGA_TICK_SECONDS": "0.5", "SIAGA_PARTITIONS": "3"}
    with SmallCluster(broker, tmp_path, addresses, fresh_prefix, **settings) as cluster:
        assert cluster.run("topics", "--check", SIAGA_BROKER=addresses).returncode == 0
        cluster.start("a")
        await cluster.publish_and_drain("x", 5)
        assert await cluster.counted() == 5
