"""Faults that delete and cut topics while the system runs or is down."""

import asyncio
import random
import signal
import time

from aiokafka import AIOKafkaProducer, TopicPartition

from tests.agents.deployment import Offsets, until
from tests.chaos.cluster import Cluster
from tests.chaos.publishers import NotIdle
from tests.chaos.scene import Scene, Struck, now_ms
from tests.chaos.traffic import incident, turnout
from tests.recount.records import INPUTS

#: Records that must be waiting unread in a partition before it is cut or deleted.
UNREAD = 20
#: What workers must log of these faults.
STATE_REBUILT = "is missing or incomplete; rebuilding it"
INPUT_RECREATED = "the source was recreated; reading it from its beginning"


async def state_deleted(scene: Scene, rnd: random.Random) -> Struck:
    """The state topic is deleted and recreated, and the state rebuilt from the ledger; the next fault may come amid it.

    The workers end by SIGTERM before: then the group's offset is the state's. After a kill it is up to half a second
    behind, and what was published in between is published again (docs/reliability.md), which this fault leaves out on
    purpose. Where the group's offset is behind all the same, a lane not being open just then, the workers run until it
    is committed, and end again.
    """
    cluster, at = scene.cluster, now_ms()
    workers = cluster.alive()
    while uncommitted := await _end_workers(cluster):
        for name in workers:
            cluster.start(name)
        await cluster.group_reaches(uncommitted, 120)
    committed = await cluster.committed()
    published = [committed["ledger", partition] for partition in range(cluster.partitions)]
    await scene.archive.keep_state(cluster)
    await cluster.recreate("risk-state")
    if any(published):
        scene.archive.expect_line(cluster, STATE_REBUILT)
    for name in workers:
        cluster.start(name)
    return Struck("state_deleted", f"published up to {published}", at, now_ms())


async def _end_workers(cluster: Cluster) -> Offsets:
    """SIGTERM to all workers; offsets of the state that the group has not committed."""
    for name in cluster.alive():
        cluster.signal(name, signal.SIGTERM)
    await until(lambda: not cluster.alive(), 20, "all workers ended after SIGTERM")
    committed = await cluster.committed()
    return {place: offset for place, offset in (await cluster.folded()).items() if committed[place] < offset}


async def input_recreated(scene: Scene, rnd: random.Random) -> Struck:
    """An input is deleted and recreated: read to its end by running workers, or with records unread by killed ones.

    Publishers are idle meanwhile, so that what vanishes is known exactly. Running workers notice with the first record
    of the new topic; until they have, there is only one in each partition: before, they would note the old position
    with what else they read.
    """
    cluster, at, topic, is_unread = scene.cluster, now_ms(), rnd.choice(INPUTS), rnd.random() < 0.6
    workers = cluster.alive()
    if is_unread:
        for name in workers:
            cluster.kill(name)
        await _unread(scene, topic, range(cluster.partitions))
    try:
        async with scene.publishers.idle():
            held = await _deleted_and_created(scene, topic, is_unread)
    except NotIdle as error:
        return Struck("kill" if is_unread else "nothing", f"{topic} was not deleted: {error}", at, now_ms())
    finally:
        if is_unread:
            await asyncio.sleep(rnd.choice((0, 0, 3)))  # the new topic may be longer or shorter than the old one
            for name in workers:
                cluster.start(name)
    how = "unread after all were killed" if is_unread else "read, under running workers"
    return Struck("input_recreated", f"{topic} up to {sorted(held.values())}, {how}", at, now_ms())


async def _deleted_and_created(scene: Scene, topic: str, is_unread: bool) -> dict[int, int]:
    cluster, archive = scene.cluster, scene.archive
    if not is_unread:
        await cluster.passed(topic, cluster.committed, 120)
    held = await archive.keep_input(cluster, topic)
    noted = {partition: offset for partition, offset in dict(await cluster.notes_of(topic)).items() if offset}
    if not is_unread and noted != held:
        raise AssertionError(f"the group says that {topic} was read up to {held}, intake noted {noted}")
    if noted:
        archive.expect_line(cluster, INPUT_RECREATED)
    await cluster.delete(topic)
    noted_to = await archive.recreate_input(cluster, topic)
    await cluster.create_topics()
    if not is_unread:
        await _first_records(cluster, topic, scene.codes[0])
        await cluster.recreation_noted(topic, set(noted), noted_to, 90)
    return held


async def _first_records(cluster: Cluster, topic: str, code: str) -> None:
    """One record in each partition of a recreated input."""
    make = incident if topic == "incidents" else turnout
    producer = AIOKafkaProducer(bootstrap_servers=cluster.bootstrap)
    await producer.start()
    try:
        for partition in range(cluster.partitions):
            value = make(f"first-{now_ms()}-{partition}", code, time.time() - 5)
            await producer.send_and_wait(cluster.prefix + topic, value, code.encode(), partition)
    finally:
        await producer.stop()


async def retention(scene: Scene, rnd: random.Random) -> Struck:
    """Retention removes what nobody has read, while all workers are frozen or killed and publishers run.

    Frozen workers hold fetched records, and maybe a transaction: where they resume is not known beforehand. What intake
    notes as gone must then end at the cut. A broker that is killed within a minute forgets a cut (it checkpoints it
    once a minute): then the records are there again, and must be read.
    """
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
    how = "frozen" if is_frozen else "killed"
    return Struck("retention", f"{topic} before {kept_from}, all workers {how}", at, now_ms())


async def _unread(scene: Scene, topic: str, partitions: list[int] | range) -> dict[int, int]:
    """Wait for enough records that no worker can have fetched; where the partitions ended before that."""
    cluster, before = scene.cluster, await scene.cluster.ends(topic)
    loop = asyncio.get_running_loop()
    deadline = loop.time() + 60
    tps = [TopicPartition(cluster.prefix + topic, p) for p in partitions]
    while any(ends[tp] < before[tp] + UNREAD for ends in [await cluster.ends(topic)] for tp in tps):
        if loop.time() > deadline:
            raise AssertionError(f"publishers wrote less than {UNREAD} records to each of {tps} within 60 s")
        await asyncio.sleep(0.1)
    return {tp.partition: before[tp] for tp in tps}
