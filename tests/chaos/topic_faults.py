"""Topics deleted and cut under the system's feet, among the other faults."""

import asyncio
import random
import signal
import time

from aiokafka import AIOKafkaProducer, TopicPartition

from tests.agents.deployment import until
from tests.chaos.cluster import Cluster
from tests.chaos.evidence import INPUTS
from tests.chaos.publishers import Restless
from tests.chaos.scene import Scene, Struck, now_ms
from tests.chaos.traffic import incident, turnout

#: Records that must be waiting unread in a partition before it is cut or deleted.
UNREAD = 20


async def state_deleted(scene: Scene, rnd: random.Random) -> Struck:
    """The state topic is deleted, created anew, and built again from the ledger; what strikes next may strike amid
    that.

    The workers end by SIGTERM before: then the group's offset is the state's. After a kill it is up to half a second
    behind, and what was published in between is published again (docs/reliability.md), which this fault leaves out on
    purpose. Where the group was not told all the same, a lane not being open just then, the workers run on until it is
    told, and end again."""
    cluster, at = scene.cluster, now_ms()
    workers = cluster.alive()
    while stands := await _ended_behind_their_state(cluster):
        for name in workers:
            cluster.start(name)
        await cluster.group_passes(stands, 120)
    told = await cluster.committed()
    await scene.archive.keep_state(cluster)
    await cluster.delete("risk-state")
    await cluster.create_topics()
    if any(told["ledger", partition] for partition in range(cluster.partitions)):
        scene.archive.must_say(cluster, "is missing or incomplete; rebuilding it")
    for name in workers:
        cluster.start(name)
    return Struck(
        "state_deleted", f"published up to {[told['ledger', p] for p in range(cluster.partitions)]}", at, now_ms()
    )


async def _ended_behind_their_state(cluster: Cluster) -> dict[tuple[str, int], int]:
    """SIGTERM to all workers; where the state stands of which the group knows less."""
    for name in cluster.alive():
        cluster.signal(name, signal.SIGTERM)
    await until(lambda: not cluster.alive(), 20, "all workers ended after SIGTERM")
    told = await cluster.committed()
    return {place: offset for place, offset in (await cluster.state_positions()).items() if told[place] < offset}


async def input_recreated(scene: Scene, rnd: random.Random) -> Struck:
    """An input is deleted and created anew: read to its end under running workers, or with records unread after all
    workers were killed.

    Publishers are at rest meanwhile, so that what vanishes is known exactly. Running workers notice with the first
    record of what came anew; until they have, that is the driver's only one in each partition: before, they would note
    the old position with what else they read."""
    cluster, at, topic, is_unread = scene.cluster, now_ms(), rnd.choice(INPUTS), rnd.random() < 0.6
    workers = cluster.alive()
    if is_unread:
        for name in workers:
            cluster.kill(name)
        await _unread(scene, topic, range(cluster.partitions))
    try:
        async with scene.publishers.at_rest():
            held = await _deleted_and_created(scene, topic, is_unread)
    except Restless as error:
        return Struck("kill" if is_unread else "nothing", f"{topic} was not deleted: {error}", at, now_ms())
    finally:
        if is_unread:
            await asyncio.sleep(rnd.choice((0, 0, 3)))  # what came anew may be longer or shorter than what was
            for name in workers:
                cluster.start(name)
    how = "unread after all were killed" if is_unread else "read, under running workers"
    return Struck("input_recreated", f"{topic} up to {sorted(held.values())}, {how}", at, now_ms())


async def _deleted_and_created(scene: Scene, topic: str, is_unread: bool) -> dict[int, int]:
    cluster, archive = scene.cluster, scene.archive
    if not is_unread:
        await cluster.read_to_end(topic, 120)
    held = await archive.keep_input(cluster, topic)
    noted = {partition: offset for partition, offset in dict(await cluster.noted(topic)).items() if offset}
    if not is_unread and noted != held:
        raise AssertionError(f"the group says that {topic} was read up to {held}, intake noted {noted}")
    if noted:
        archive.must_say(cluster, "the source was recreated; reading it from its beginning")
    await cluster.delete(topic)
    noted_to = await archive.begin_anew(cluster, topic)
    await cluster.create_topics()
    if not is_unread:
        await _first_records(cluster, topic, scene.codes[0])
        await cluster.noted_anew(topic, set(noted), noted_to, 90)
    return held


async def _first_records(cluster: Cluster, topic: str, code: str) -> None:
    """One record in each partition of an input that was created anew."""
    make = incident if topic == "incidents" else turnout
    producer = AIOKafkaProducer(bootstrap_servers=cluster.bootstrap)
    await producer.start()
    try:
        for partition in range(cluster.partitions):
            value = make(f"anew-{now_ms()}-{partition}", code, time.time() - 5)
            await producer.send_and_wait(cluster.prefix + topic, value, code.encode(), partition)
    finally:
        await producer.stop()


async def retention(scene: Scene, rnd: random.Random) -> Struck:
    """Retention passes what nobody has read, while all workers are frozen or killed and publishers go on.

    Frozen workers hold fetched records, and maybe a transaction: where they go on is not known beforehand. What intake
    notes as gone must then end at the cut. A broker that is killed within a minute forgets a cut (it writes it down
    once a minute): then the records are there again, and must be read."""
    cluster, at, topic, is_frozen = scene.cluster, now_ms(), rnd.choice(INPUTS), rnd.random() < 0.5
    partitions = rnd.sample(range(cluster.partitions), rnd.randrange(1, cluster.partitions + 1))
    workers = cluster.alive()
    for name in workers:
        if is_frozen:
            cluster.signal(name, signal.SIGSTOP)
        else:
            cluster.kill(name)
    before = await _unread(scene, topic, partitions)
    ends = await scene.archive.keep_input(cluster, topic)
    kept_from = {p: rnd.randrange(before[p] + 1, ends[p]) for p in sorted(partitions)}
    await scene.archive.cut(cluster, topic, kept_from)
    for name in workers:
        if is_frozen:
            cluster.signal(name, signal.SIGCONT)
        else:
            cluster.start(name)
    return Struck(
        "retention", f"{topic} before {kept_from}, all workers {'frozen' if is_frozen else 'killed'}", at, now_ms()
    )


async def _unread(scene: Scene, topic: str, partitions: list[int] | range) -> dict[int, int]:
    """Wait until enough came that no worker can have fetched; where the partitions ended before that."""
    cluster, before = scene.cluster, await scene.cluster.ends(topic)
    loop = asyncio.get_running_loop()
    deadline = loop.time() + 60
    tps = [TopicPartition(cluster.prefix + topic, p) for p in partitions]
    while any(ends[tp] < before[tp] + UNREAD for ends in [await cluster.ends(topic)] for tp in tps):
        if loop.time() > deadline:
            raise AssertionError(f"publishers wrote less than {UNREAD} records to each of {tps} within 60 s")
        await asyncio.sleep(0.1)
    return {tp.partition: before[tp] for tp in tps}
