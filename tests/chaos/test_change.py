"""What changes around a deployment that runs: it reads on, or says in one line why not, and nothing is lost."""

from tests.agents.deployment import until
from tests.chaos.small import SmallCluster


async def test_partitions_that_an_input_gets_while_it_is_read_are_read_too(cluster):
    cluster.start("a")
    await cluster.publish_and_drain("x", 5)
    cluster.grow_inputs(5)
    await cluster.publish("y", 7, partition=4)
    await cluster.until_counted(12)
    cluster.start("b")
    await cluster.publish("z", 3, partition=3)
    await cluster.until_counted(15)
    assert await cluster.violations() == []


async def test_a_worker_of_another_deployment_in_the_group_ends_with_one_line_and_disturbs_nobody(
    cluster, broker, tmp_path
):
    cluster.start("a")
    await cluster.publish_and_drain("x", 5)
    settings = {"SIAGA_PARTITIONS": "3", "SIAGA_GROUP": cluster.group}
    (tmp_path / "other").mkdir()
    with SmallCluster(broker, tmp_path / "other", broker.bootstrap, cluster.prefix + "other.", **settings) as other:
        worker = other.start("b")
        await until(lambda: worker.poll() is not None, 180, "the end of the other deployment's worker")
        assert worker.returncode == 1
        assert (
            other.logged("b")
            .splitlines()[-1]
            .startswith(f"Error: group {cluster.group} has a member of another deployment")
        )
    await cluster.publish_and_drain("y", 5)
    assert await cluster.counted() == 10 and cluster.alive() == ["a"]


async def test_every_worker_that_joins_has_work_and_what_one_leaves_the_others_take_over(cluster):
    for name in "abc":
        cluster.start(name)
    await cluster.publish_and_drain("x", 5)
    await until(lambda: all(shards_open(cluster, name) for name in "abc"), 180, "work for each of three workers")
    for name in "abc":
        cluster.kill(name)
        await cluster.publish(name, 20)
        cluster.start(name)
    await cluster.until_counted(65)
    assert await cluster.violations() == []


def shards_open(cluster: SmallCluster, name: str) -> float:
    return sum(cluster.metric(f'siaga_shards_open{{stage="{stage}"}}', name) for stage in ("intake", "risk"))
