"""What is done to the brokers of a cluster of three, by name. Each fault ends once every replica is in sync again.

`free_ms` of a fault that leaves a majority, and to everybody a way to it, is when it struck: Siaga must go on without
the broker that is gone. Of the others (two of three gone, a broker that workers cannot reach but its peers can) it is
when that was over.
"""

import asyncio
import random
import resource
import signal
import time
from collections.abc import Callable
from typing import Any

from kafka import KafkaAdminClient, TopicPartition
from kafka.errors import KafkaError

from apps.embedded import EmbeddedBroker
from apps.embedded.process import send
from tests.chaos.network import WORKERS, Line
from tests.chaos.scene import Fault, Scene, Struck, now_ms

#: A replica that was away copies what it missed; on two busy cores a broker alone takes half a minute to start.
IN_SYNC_S = 180.0
#: A stopping broker hands over its partitions first.
HANDOVER_S = 30.0


async def _ask(scene: Scene, call: Callable[[KafkaAdminClient], Any], within_s: float = 60) -> Any:
    """An administrator's call, repeated while no broker answers it."""

    def ask() -> Any:
        with scene.cluster.admin() as admin:
            return call(admin)

    deadline = time.monotonic() + within_s
    while True:
        try:
            return await asyncio.to_thread(ask)
        except KafkaError as error:
            if time.monotonic() > deadline:
                raise AssertionError(f"no broker answers an administrator within {within_s:.0f} s: {error!r}") from None
            await asyncio.sleep(0.3)


def _out_of_sync(admin: KafkaAdminClient) -> list[str]:
    return [
        f"{topic['name']}[{partition['partition_index']}]"
        for topic in admin.describe_topics()
        for partition in topic["partitions"]
        if set(partition["isr_nodes"]) != set(partition["replica_nodes"]) or partition["leader_id"] < 0
    ]


async def _in_sync(scene: Scene) -> None:
    deadline = time.monotonic() + IN_SYNC_S
    while behind := await _ask(scene, _out_of_sync):
        if time.monotonic() > deadline:
            raise AssertionError(f"after {IN_SYNC_S:.0f} s replicas are not in sync: {behind}")
        await asyncio.sleep(0.5)


async def _missed(scene: Scene, node: int) -> None:
    """Wait until the others count this node's replicas as out of sync; the node itself may not know."""
    others = [broker for number, broker in enumerate(scene.cluster.brokers, 1) if number != node]
    deadline = time.monotonic() + IN_SYNC_S

    def is_missed() -> bool:
        try:
            with KafkaAdminClient(bootstrap_servers=[other.bootstrap for other in others]) as admin:
                return bool(_out_of_sync(admin))
        except KafkaError:  # not in time, on a busy machine
            return False

    while not await asyncio.to_thread(is_missed):
        if time.monotonic() > deadline:
            raise AssertionError(f"broker {node} was cut off for {IN_SYNC_S:.0f} s and nobody missed it")
        await asyncio.sleep(0.5)


def _some(scene: Scene, rnd: random.Random) -> tuple[int, EmbeddedBroker]:
    node = rnd.randrange(len(scene.cluster.brokers)) + 1
    return node, scene.cluster.brokers[node - 1]


async def rolling_restart(scene: Scene, rnd: random.Random) -> Struck:
    """One after another is stopped and started, each once the one before is in sync, as an upgrade does."""
    at = now_ms()
    for broker in scene.cluster.brokers:
        await scene.broker_call(lambda broker=broker: broker.stop(HANDOVER_S))
        await scene.broker_call(broker.start)
        await _in_sync(scene)
    return Struck("rolling_restart", "", at, at)


async def one_killed(scene: Scene, rnd: random.Random) -> Struck:
    """kill -9, back at once or after others have taken its partitions."""
    (node, broker), at = _some(scene, rnd), now_ms()
    await scene.broker_call(broker.kill)
    await asyncio.sleep(rnd.choice((0.0, rnd.uniform(8, 15))))
    await scene.broker_call(broker.start)
    await _in_sync(scene)
    return Struck("one_killed", f"broker {node}", at, at)


async def two_down(scene: Scene, rnd: random.Random) -> Struck:
    """Two at once: neither a write nor a change of leaders is possible until one is back."""
    nodes, at = rnd.sample(range(1, len(scene.cluster.brokers) + 1), 2), now_ms()
    some = [scene.cluster.brokers[node - 1] for node in nodes]
    for broker in some:
        await scene.broker_call(broker.kill)
    await asyncio.sleep(rnd.uniform(2, 12))

    def start() -> None:  # together: one alone may answer only with the other
        for broker in some:
            broker.prepare()
        for broker in some:
            broker.launch()
        for broker in some:
            broker.wait_ready(time.monotonic() + IN_SYNC_S)

    await scene.broker_call(start)
    free = now_ms()
    await _in_sync(scene)
    return Struck("two_down", f"brokers {nodes}", at, free)


async def controller_killed(scene: Scene, rnd: random.Random) -> Struck:
    """The node that leads the metadata quorum, and with it all that depends on its word."""
    quorum = await _ask(scene, lambda admin: admin.describe_metadata_quorum())
    node = quorum["topics"][0]["partitions"][0]["leader_id"]
    broker, at = scene.cluster.brokers[node - 1], now_ms()
    await scene.broker_call(broker.kill)
    await asyncio.sleep(rnd.uniform(0, 12))
    await scene.broker_call(broker.start)
    await _in_sync(scene)
    return Struck("controller_killed", f"node {node}", at, at)


async def leaders_moved(scene: Scene, rnd: random.Random) -> Struck:
    """Every partition, of the group and of transactions too, is led by another broker than before."""

    def move(admin: KafkaAdminClient) -> int:
        others = {}
        for topic in admin.describe_topics():
            for partition in topic["partitions"]:
                after = [*partition["replica_nodes"][1:], partition["replica_nodes"][0]]
                others[TopicPartition(topic["name"], partition["partition_index"])] = after
        admin.alter_partition_reassignments(others)
        while admin.list_partition_reassignments():
            time.sleep(0.1)
        admin.elect_leaders(0)
        return len(others)

    at = now_ms()
    moved = await _ask(scene, move)
    await _in_sync(scene)
    return Struck("leaders_moved", f"{moved} partitions", at, now_ms())


async def one_disk_full(scene: Scene, rnd: random.Random) -> Struck:
    """No file of one broker may grow: every append fails as on a full disk. Kafka gives up its directory and ends."""
    (node, broker), at = _some(scene, rnd), now_ms()
    resource.prlimit(broker.pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
    deadline = time.monotonic() + 20
    while broker.running and time.monotonic() < deadline:
        await asyncio.sleep(0.1)
    name = "one_killed" if broker.running else "one_disk_full"  # nothing was written meanwhile: a kill is all it was
    await scene.broker_call(broker.kill)
    await asyncio.sleep(rnd.choice((0.0, rnd.uniform(8, 15))))
    await scene.broker_call(broker.start)
    await _in_sync(scene)
    return Struck(name, f"broker {node}", at, at)


async def one_frozen(scene: Scene, rnd: random.Random) -> Struck:
    """Running and not answering, until others have taken its partitions; then it continues, not knowing that."""
    (node, broker), at = _some(scene, rnd), now_ms()
    assert broker._process is not None
    send(broker._process, signal.SIGSTOP)
    await asyncio.sleep(rnd.uniform(8, 15))
    send(broker._process, signal.SIGCONT)
    await _in_sync(scene)
    return Struck("one_frozen", f"broker {node}", at, at)


def workers_cut(is_mute: bool) -> Fault:
    name = "workers_cut_mute" if is_mute else "workers_cut_refused"

    async def strike(scene: Scene, rnd: random.Random) -> Struck:
        """No worker reaches one broker, or any; the brokers see nothing of it."""
        nodes = rnd.choice(([_some(scene, rnd)[0]], list(range(1, len(scene.cluster.brokers) + 1))))
        at, network = now_ms(), scene.network
        network.cut({Line(WORKERS, node) for node in nodes}, is_mute)
        await asyncio.sleep(rnd.uniform(3, 20))
        # Leaders that have moved may leave one broker without a worker's connection: then nothing was tried.
        struck = name if network.stopped else f"{name}_of_no_use"
        network.heal()
        return Struck(struck, f"brokers {nodes}", at, now_ms())

    return strike


def brokers_cut(is_mute: bool) -> Fault:
    name = "brokers_cut_mute" if is_mute else "brokers_cut_refused"

    async def strike(scene: Scene, rnd: random.Random) -> Struck:
        """One broker loses the others, and workers still reach it: it does not know that others lead by now."""
        node, at = _some(scene, rnd)[0], now_ms()
        others = range(1, len(scene.cluster.brokers) + 1)
        scene.network.cut({Line(node, other) for other in others if other != node}, is_mute)
        await asyncio.sleep(rnd.uniform(2, 14))
        await _missed(scene, node)
        scene.network.heal()
        healed = now_ms()
        await _in_sync(scene)
        return Struck(name, f"broker {node} for {(healed - at) / 1000:.0f} s", at, at)

    return strike


#: Faults of a cluster of brokers; those that need a network of our own are named so.
BROKER_FAULTS: dict[str, Fault] = {
    "rolling_restart": rolling_restart,
    "one_killed": one_killed,
    "two_down": two_down,
    "controller_killed": controller_killed,
    "leaders_moved": leaders_moved,
    "one_disk_full": one_disk_full,
    "one_frozen": one_frozen,
    "workers_cut_mute": workers_cut(is_mute=True),
    "workers_cut_refused": workers_cut(is_mute=False),
    "brokers_cut_mute": brokers_cut(is_mute=True),
    "brokers_cut_refused": brokers_cut(is_mute=False),
}
CUTS = tuple(name for name in BROKER_FAULTS if "_cut_" in name)
