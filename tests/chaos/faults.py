"""What is done to the system, by name. Each fault undoes itself and says when processing could resume.

A fault is `async (scene, rnd) -> Struck`. `rnd` is seeded: the same schedule does the same things in the same order; at
which instruction a process is hit is up to the machine.
"""

import asyncio
import random
import resource
import signal
import time
from collections.abc import Callable, Iterable

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from apps.embedded.process import send
from tests.chaos.cluster import Cluster
from tests.chaos.launcher import POINTS
from tests.chaos.poison import poison
from tests.chaos.proxied import Proxy
from tests.chaos.scene import Fault, Scene, Struck, now_ms
from tests.chaos.topic_faults import input_recreated, retention, state_deleted
from tests.chaos.traffic import Message

#: Session and transaction time-outs of Siaga's defaults, and a margin.
ZOMBIE_S = 13.0
#: A worker that starts waits so long for its broker.
WAITS_FOR_KAFKA_S = 60.0
#: Kafka's cleaner looks every 15 s.
COMPACTING_S = 20.0


def _victim(scene: Scene, rnd: random.Random) -> str:
    return rnd.choice(sorted(scene.cluster.alive()))


def _with_state(cluster: Cluster) -> list[str]:
    """The workers that restore state when they open their lanes: of two, one has the stage without."""
    names = sorted(cluster.alive())
    return [name for name in names if cluster.metric('siaga_shards_open{stage="risk"}', name)] or names


async def kill(scene: Scene, rnd: random.Random) -> Struck:
    """kill -9 at a random moment, restarted at once under the same static name."""
    name = _victim(scene, rnd)
    await asyncio.sleep(rnd.random())
    scene.cluster.kill(name)
    at = now_ms()
    scene.cluster.start(name)
    return Struck("kill", name, at, at)


async def kill_for_long(scene: Scene, rnd: random.Random) -> Struck:
    """kill -9, and back only after the session expired: the others must take over."""
    name = _victim(scene, rnd)
    scene.cluster.kill(name)
    at = now_ms()
    await asyncio.sleep(rnd.uniform(12, 16))
    scene.cluster.start(name)
    return Struck("kill_for_long", name, at, at)


def kill_at(point: str) -> Fault:
    async def strike(scene: Scene, rnd: random.Random) -> Struck:
        """A worker that kills itself at a named point, then starts without one."""
        cluster = scene.cluster
        name = rnd.choice(_with_state(cluster)) if point == "mid-restore" else _victim(scene, rnd)
        # A lane that opens starts its own producer and one for each owner before it.
        nth = rnd.randrange(1, 3) if point == "after-fence" else rnd.randrange(1, 30)
        cluster.kill(name)
        cluster.start(name, CHAOS_CRASH_AT=f"{point}:{nth}")
        deadline = time.monotonic() + 240  # a loaded machine makes few transactions
        while cluster.workers[name].poll() is None and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        reached = cluster.workers[name].poll() is not None
        if reached:
            cluster.kills += 1
        else:
            cluster.kill(name)
        at = now_ms()
        cluster.start(name)
        if not reached:  # a kill at a random moment is all it was
            return Struck("kill", f"{name}: never reached {point}:{nth}", at, at)
        return Struck(f"kill_at_{point}", f"{name}:{nth}", at, at)

    return strike


async def term(scene: Scene, rnd: random.Random) -> Struck:
    """SIGTERM, as a deployment does; must end by itself within 20 s."""
    name = _victim(scene, rnd)
    scene.cluster.signal(name, signal.SIGTERM)
    at = now_ms()
    deadline = time.monotonic() + 20
    while scene.cluster.workers[name].poll() is None:
        if time.monotonic() > deadline:
            raise AssertionError(f"{name} did not end within 20 s of SIGTERM")
        await asyncio.sleep(0.05)
    took = now_ms() - at
    scene.cluster.start(name)
    return Struck("term", f"{name} ended in {took} ms", at, now_ms())


async def zombie(scene: Scene, rnd: random.Random) -> Struck:
    """Stopped past session and transaction time-outs, then continued, not knowing that time has passed."""
    name = _victim(scene, rnd)
    scene.cluster.signal(name, signal.SIGSTOP)
    at = now_ms()
    await asyncio.sleep(ZOMBIE_S + 3 * rnd.random())
    scene.cluster.signal(name, signal.SIGCONT)
    return Struck("zombie", name, at, now_ms())


def clock_off(seconds: int) -> Fault:
    async def strike(scene: Scene, rnd: random.Random) -> Struck:
        """A worker whose wall clock is wrong for a while: it must age, raise and reject nothing by it."""
        cluster, name = scene.cluster, _victim(scene, rnd)
        cluster.kill(name)
        at = now_ms()
        cluster.start(name, CHAOS_CLOCK_SHIFT_S=str(seconds))
        await asyncio.sleep(12)
        cluster.kill(name)
        cluster.start(name)
        return Struck(f"clock_off_{seconds:+d}_s", name, at, now_ms())

    return strike


async def broker_kill(scene: Scene, rnd: random.Random) -> Struck:
    broker = scene.cluster.broker
    at = now_ms()
    await scene.broker_call(broker.kill)
    await asyncio.sleep(2 * rnd.random())
    await scene.broker_call(broker.start)
    return Struck("broker_kill", "", at, now_ms())


async def broker_stop(scene: Scene, rnd: random.Random) -> Struck:
    """Stopped for long."""
    broker = scene.cluster.broker
    at = now_ms()
    await scene.broker_call(broker.stop)
    await asyncio.sleep(scene.long_s)
    await scene.broker_call(broker.start)
    # A worker started right before waits a minute for Kafka and ends; a deployment starts it again, and so do we.
    gave_up = scene.cluster.gave_up() if now_ms() - at > 1000 * WAITS_FOR_KAFKA_S else []
    for name in gave_up:
        scene.cluster.start(name)
    what = f"{scene.long_s:.0f} s" + (f", {len(gave_up)} gave up and were started again" if gave_up else "")
    return Struck("broker_stop", what, at, now_ms())


async def disk_full(scene: Scene, rnd: random.Random) -> Struck:
    """No file of the broker may grow: every append fails as on a full disk. Kafka gives up its directory and ends."""
    broker, at = scene.cluster.broker, now_ms()
    resource.prlimit(broker.pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
    deadline = time.monotonic() + 20
    while broker.running and time.monotonic() < deadline:
        await asyncio.sleep(0.1)
    ended = "ended by itself" if not broker.running else "killed"
    await scene.broker_call(broker.kill)
    await scene.broker_call(broker.start)
    return Struck("disk_full", ended, at, now_ms())


async def state_compacted(scene: Scene, rnd: random.Random) -> Struck:
    """State and claims are compacted as far as Kafka can, tombstones and the markers of transactions too; then a killed
    worker restores from them."""
    at, cluster = now_ms(), scene.cluster
    hard = {
        "segment.ms": "1000",
        "min.cleanable.dirty.ratio": "0.0",
        "max.compaction.lag.ms": "1000",
        "delete.retention.ms": "0",
    }
    for topic in ("risk-state", "owners"):
        await asyncio.to_thread(cluster.configure, topic, hard)
    await asyncio.sleep(COMPACTING_S)
    left, ever = len(await cluster.read("risk-state")), sum((await cluster.ends("risk-state")).values())
    name = _victim(scene, rnd)
    cluster.kill(name)
    cluster.start(name)
    return Struck("state_compacted", f"{left} of {ever} offsets left, then kill {name}", at, now_ms())


async def broker_freeze(scene: Scene, rnd: random.Random) -> Struck:
    """Running, and not answering."""
    process = scene.cluster.broker._process
    at = now_ms()
    send(process, signal.SIGSTOP)
    await asyncio.sleep(scene.long_s / 2)
    send(process, signal.SIGCONT)
    return Struck("broker_freeze", f"{scene.long_s / 2:.0f} s", at, now_ms())


async def churn(scene: Scene, rnd: random.Random) -> Struck:
    """Workers come and go every few seconds: a rebalance each time."""
    cluster, at, running = scene.cluster, now_ms(), set()

    async def end(extra: str, how: signal.Signals) -> None:
        running.discard(extra)
        if extra not in cluster.alive():
            raise AssertionError(f"worker {extra} ended by itself")
        cluster.signal(extra, how)
        await asyncio.to_thread(cluster.workers[extra].wait, 20)

    for _ in range(4):
        extra = f"extra{rnd.randrange(2)}"
        if extra in running:
            await end(extra, rnd.choice((signal.SIGTERM, signal.SIGKILL)))
        else:
            running.add(extra)
            cluster.start(extra)
        await asyncio.sleep(rnd.uniform(2, 5))
    for extra in sorted(running):
        await end(extra, signal.SIGTERM)
    return Struck("churn", "4 changes", at, now_ms())


async def crowd(scene: Scene, rnd: random.Random) -> Struck:
    """More workers than partitions: some must idle, none may hang or end."""
    cluster, at = scene.cluster, now_ms()
    names = [f"crowd{n}" for n in range(3 * cluster.partitions + 1 - len(cluster.alive()))]
    for name in names:
        cluster.start(name)
    await asyncio.sleep(20)
    dead = [name for name in names if name not in cluster.alive()]
    for name in names:
        cluster.signal(name, signal.SIGTERM)
    for name in names:
        await asyncio.to_thread(cluster.workers[name].wait, 30)
    if dead:
        raise AssertionError(f"workers ended by themselves in a crowd: {dead}")
    return Struck("crowd", f"{len(names)} more", at, now_ms())


def through_proxy(name: str, act: Callable[[Proxy], None], seconds: tuple[float, float]) -> Fault:
    async def strike(scene: Scene, rnd: random.Random) -> Struck:
        at = now_ms()
        act(scene.proxy)
        await asyncio.sleep(rnd.uniform(*seconds))
        scene.proxy.reset()
        return Struck(name, "", at, now_ms())

    return strike


def _delay(proxy: Proxy) -> None:
    proxy.delay_s = 0.3


def _refuse(proxy: Proxy) -> None:
    proxy.refuse = True
    proxy.cut()


def _mute(proxy: Proxy) -> None:
    proxy.mute = True


def _hold_end(proxy: Proxy) -> None:
    proxy.hold_end_txn = True


async def overload(scene: Scene, rnd: random.Random) -> Struck:
    """Ten times the load for a while, and a reader of the rows that cannot keep up."""
    at, before = now_ms(), scene.rate.per_s
    reader = asyncio.create_task(_read_slowly(scene.cluster))
    published = sum((await scene.cluster.input_ends()).values())
    scene.rate.per_s = 10 * before
    await asyncio.sleep(10)
    scene.rate.per_s = before
    took_s, published = (now_ms() - at) / 1000, sum((await scene.cluster.input_ends()).values()) - published
    reader.cancel()
    await asyncio.gather(reader, return_exceptions=True)
    return Struck("overload", f"{published / took_s:.0f} inputs a second for {took_s:.0f} s", at, now_ms())


async def poisoned(scene: Scene, rnd: random.Random) -> Struck:
    """Two hundred malformed payloads among the others; a few of them are valid all the same."""
    at = now_ms()
    await _publish(scene.cluster, poison(rnd.randrange(1_000_000), 200, list(scene.codes)))
    return Struck("poison", "200 payloads", at, now_ms())


async def giants(scene: Scene, rnd: random.Random) -> Struck:
    """Records as large as a broker takes, which no message may be."""
    at = now_ms()
    await _publish(scene.cluster, (Message("incidents", b"k", rnd.randbytes((1 << 20) - 4096), ()) for _ in range(5)))
    return Struck("giants", "5 records of 1 MiB", at, now_ms())


async def bombs(scene: Scene, rnd: random.Random) -> Struck:
    """Records of a few kilobytes on the wire that inflate to 40 MiB."""
    at, zeros = now_ms(), bytes(40 << 20)
    for _ in range(3):
        await _publish(
            scene.cluster, [Message("incidents", b"k", zeros, ())], compression_type="zstd", max_batch_size=48 << 20
        )
    return Struck("bombs", "3 records that inflate to 40 MiB", at, now_ms())


async def _publish(cluster: Cluster, messages: Iterable[Message], **options: object) -> None:
    producer = AIOKafkaProducer(
        bootstrap_servers=cluster.bootstrap, acks="all", enable_idempotence=True, max_request_size=48 << 20, **options
    )
    await producer.start()
    try:
        sent = [
            await producer.send(
                cluster.prefix + message.topic, message.value, message.key, headers=list(message.headers)
            )
            for message in messages
        ]
        await asyncio.gather(*sent)
    finally:
        await producer.stop()


async def _read_slowly(cluster: Cluster) -> None:
    consumer = AIOKafkaConsumer(
        cluster.prefix + "risk", bootstrap_servers=cluster.bootstrap, isolation_level="read_committed",
        auto_offset_reset="earliest", max_poll_records=1, max_partition_fetch_bytes=2048,
    )  # fmt: skip
    await consumer.start()
    try:
        while True:
            await consumer.getmany(timeout_ms=100)
            await asyncio.sleep(0.2)
    finally:
        await consumer.stop()


#: Faults that concern workers or topics, whatever the number of brokers.
OF_WORKERS = (
    "kill", "kill_for_long", "term", "zombie", "clock_ahead", "clock_behind", "state_compacted", "churn", "crowd",
    "overload", "poison", "giants", "bombs", *(f"kill_at_{point}" for point in POINTS),
)  # fmt: skip
FAULTS: dict[str, Fault] = {
    "kill": kill,
    "kill_for_long": kill_for_long,
    **{f"kill_at_{point}": kill_at(point) for point in POINTS},
    "term": term,
    "zombie": zombie,
    "clock_ahead": clock_off(3600),
    "clock_behind": clock_off(-3600),
    "broker_kill": broker_kill,
    "broker_stop": broker_stop,
    "broker_freeze": broker_freeze,
    "disk_full": disk_full,
    "state_compacted": state_compacted,
    "churn": churn,
    "crowd": crowd,
    "proxy_cut": through_proxy("proxy_cut", Proxy.cut, (0.0, 0.5)),
    "proxy_refuse": through_proxy("proxy_refuse", _refuse, (1, 6)),
    "proxy_delay": through_proxy("proxy_delay", _delay, (3, 8)),
    "proxy_mute": through_proxy("proxy_mute", _mute, (2, 20)),
    "proxy_hold_end_txn": through_proxy("proxy_hold_end_txn", _hold_end, (1, 14)),
    "overload": overload,
    "poison": poisoned,
    "giants": giants,
    "bombs": bombs,
    "state_deleted": state_deleted,
    "input_recreated": input_recreated,
    "retention": retention,
}
