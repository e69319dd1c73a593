"""One run: a broker, workers and publishers, a steady load, faults by a seeded schedule, then the verdict."""

import asyncio
import random
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self

from tests.chaos.archive import Archive
from tests.chaos.broker_faults import BROKER_FAULTS, CUTS
from tests.chaos.cluster import Cluster, new_kafka
from tests.chaos.faults import FAULTS
from tests.chaos.hostile import Hostile
from tests.chaos.network import Network
from tests.chaos.proxied import Proxy
from tests.chaos.publishers import AsyncPublisher, Publishers, Rate, ThreadPublisher
from tests.chaos.recovery import recoveries, resumed
from tests.chaos.scene import Scene, Struck
from tests.chaos.traffic import Traffic
from tests.recount.intake import read_inputs
from tests.recount.laws import Violation, check
from tests.recount.policy import ROSTER, roster
from tests.recount.sample_traffic import Voices

#: Limit for workers to start and publish every row, on a loaded machine.
START_S = 300
#: Of the others' rate. So each of its two regencies gets about as much from it as from all others.
HOSTILE_SHARE = 0.3


@dataclass(frozen=True)
class Plan:
    """Everything that decides a run but the machine's own timing."""

    seed: int
    seconds: float
    faults: tuple[str, ...]
    #: Longest pause between two faults; the shortest is 1 s.
    pause_s: float = 8.0
    workers: int = 2
    partitions: int = 3
    #: Messages a second of each of the three publishers that are as they should be.
    rate_per_s: float = 40
    tick_s: float = 0.5
    long_s: float = 12.0
    settle_s: float = 120.0
    #: Continue until each fault was applied once, however long that takes.
    is_whole: bool = False
    #: Resident memory that no worker may exceed, whatever happens.
    memory_mib_most: float = 600.0
    brokers: int = 1

    @property
    def proxied(self) -> bool:
        return any(name.startswith("proxy") for name in self.faults)

    @property
    def cuts(self) -> bool:
        """Whether a fault cuts the network of a cluster."""
        return any(name in CUTS for name in self.faults)


@dataclass
class Result:
    """What a run found. `recoveries_s` and `resumed_s` go with `struck`."""

    plan: Plan
    struck: list[Struck] = field(default_factory=list)
    recoveries_s: list[float | None] = field(default_factory=list)
    #: Seconds from each fault until every partition of the ledger was committed to again.
    resumed_s: list[float | None] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)
    settle_s: float = 0.0
    inputs: int = 0
    #: Of the inputs, those that were taken away before they were read.
    vanished: int = 0
    escalations: int = 0
    memory_mib_max: float = 0.0
    audit: str = ""
    log_lines: int = 0
    #: Workers killed outright, and generations of the group.
    kills: int = 0
    rebalances: int = 0

    def as_dict(self) -> dict:
        return asdict(self) | {
            "struck": [s._asdict() for s in self.struck], "violations": [v._asdict() for v in self.violations]
        }  # fmt: skip


class World:
    """Starts everything in order and ends it in the reverse order, whatever happens between."""

    def __init__(self, plan: Plan, directory: Path, say: Callable[[str], None]) -> None:
        self.plan, self.directory, self.say = plan, directory, say
        self.places = roster(ROSTER)
        self.result = Result(plan)
        self._one_thread = ThreadPoolExecutor(1)
        self._proxy: Proxy | None = None
        self._watch: asyncio.Task | None = None
        self.cluster: Cluster | None = None

    async def _broker_call(self, call: Callable[[], object]) -> object:
        if self.plan.brokers == 1 and self.cluster is not None and call == self.kafka.start:  # its log begins again
            self.result.rebalances += self.cluster.rebalances()
        return await asyncio.get_running_loop().run_in_executor(self._one_thread, call)

    async def __aenter__(self) -> Self:
        plan = self.plan
        self.directory.mkdir(parents=True, exist_ok=True)
        self._network = Network() if plan.cuts else None
        wanted = self.directory / "broker", plan.proxied, plan.brokers, self._network
        self.kafka, seen = await self._broker_call(lambda: new_kafka(*wanted))
        if plan.proxied:
            self._proxy = await Proxy(self.kafka.proxy_port, self.kafka.back_port).start()
        settings = {
            "SIAGA_PARTITIONS": str(plan.partitions),
            "SIAGA_TICK_SECONDS": str(plan.tick_s),
        }
        self.cluster = Cluster(self.kafka, self.directory, seen, **settings)
        await asyncio.to_thread(self.cluster.run, "topics")
        self.rate = Rate(plan.rate_per_s)
        self.publishers = Publishers(self.rate, self._publishers())
        self.archive = Archive()
        codes = tuple(sorted(self.places))
        reach = self.cluster, self.rate, self._proxy, codes, plan.long_s
        self.scene = Scene(*reach, self._broker_call, self.publishers, self.archive, self._network)
        self._watch = asyncio.create_task(self._watch_memory())
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._watch.cancel()
        for publisher in self.publishers:
            try:
                await asyncio.wait_for(publisher.stop(), 30)
            except Exception as error:  # noqa: BLE001  it must not hide an earlier error
                self.say(f"a publisher did not stop: {error!r}")
        self.cluster.__exit__()
        if self._proxy is not None:
            await self._proxy.stop()
        await self._broker_call(self.kafka.kill)
        self._one_thread.shutdown()
        if self._network is not None:
            self._network.stop()

    def _publishers(self) -> list:
        """Three as they should be, and one that is hostile in two regencies, so that the recount ends in time."""
        codes, plan, where = sorted(self.places), self.plan, (self.kafka.bootstrap, self.cluster.prefix)
        some = [codes[(plan.seed + n) % len(codes)] for n in (0, 5)]
        honest = {name: Voices(plan.seed, codes, name=name) for name in ("m", "c")}
        hostile = Hostile(plan.seed, some, honest["m"])
        return [
            AsyncPublisher(*where, plan.partitions, honest["m"], self.rate, "lz4", "murmur2"),
            AsyncPublisher(*where, plan.partitions, honest["c"], self.rate, None, "crc32"),
            AsyncPublisher(*where, plan.partitions, hostile, self.rate, "zstd", "random", share=HOSTILE_SHARE),
            ThreadPublisher(*where, Traffic(plan.seed, codes, name="k"), self.rate),
        ]

    async def _watch_memory(self) -> None:
        while True:
            for name in self.cluster.alive():
                self.result.memory_mib_max = max(self.result.memory_mib_max, self.cluster.memory_mib(name))
            await asyncio.sleep(1)

    async def warm_up(self) -> None:
        """Workers and publishers run, and every regency has a row."""
        for index in range(self.plan.workers):
            self.cluster.start("abcdefgh"[index])
        for publisher in self.publishers:
            await publisher.start()
        deadline = time.monotonic() + START_S
        while len(await self.cluster.rows()) < len(self.places):
            if time.monotonic() > deadline:
                ended = [broker.end_in_words for broker in self.cluster.brokers if not broker.running]
                raise AssertionError(
                    f"no row for every regency within {START_S} s of the start; brokers ended: {ended}"
                )
            await asyncio.sleep(0.5)

    async def strike(self) -> None:
        """Faults one after another until the time is up. Each is drawn before any is repeated."""
        plan, rnd = self.plan, random.Random(f"schedule-{self.plan.seed}")
        until, deck = time.monotonic() + plan.seconds, []
        while time.monotonic() < until or (plan.is_whole and len(self.result.struck) < len(plan.faults)):
            await asyncio.sleep(rnd.uniform(1, plan.pause_s))
            if not plan.faults:
                continue
            if not deck:
                deck = rnd.sample(plan.faults, len(plan.faults))
            struck = await (FAULTS | BROKER_FAULTS)[deck.pop()](self.scene, rnd)
            self.result.struck.append(struck)
            self.say(f"{struck.fault} {struck.target}")

    async def verdict(self) -> Result:
        """Let everything drain, end the workers, read all that is there, judge it."""
        result, cluster = self.result, self.cluster
        for publisher in self.publishers:
            await publisher.stop()
        published = await cluster.input_ends()
        try:
            began = time.monotonic()
            await cluster.settled(self.plan.settle_s)
            result.settle_s = time.monotonic() - began
        except AssertionError:
            await self._log_tasks_of_workers()
            raise
        gone = {"abcdefgh"[index] for index in range(self.plan.workers)} - set(cluster.alive())
        state = await self._group_settles()
        killed = await cluster.stop_workers()
        evidence = await cluster.evidence(state)
        if await cluster.input_ends() != published:
            raise AssertionError("a publisher wrote after it had ended: this run proves nothing")
        self.archive.complete(evidence)
        result.violations = check(evidence, self.places)
        missing = self.archive.missing_lines(cluster, evidence)
        result.violations += [Violation("log", f"no worker logged: {line}") for line in missing]
        result.violations += [Violation("D", f"worker {name} did not end within 20 s of SIGTERM") for name in killed]
        result.violations += [Violation("D", f"worker {name} ended by itself") for name in sorted(gone)]
        if result.memory_mib_max > self.plan.memory_mib_most:
            result.violations += [Violation("D", f"a worker took {result.memory_mib_max:.0f} MiB")]
        audit = await asyncio.to_thread(lambda: cluster.run("audit", check=False))
        result.audit = audit.stdout.strip().splitlines()[-1] if audit.stdout else audit.stderr.strip()
        if audit.returncode:
            result.violations += [Violation("audit", line) for line in (audit.stdout + audit.stderr).splitlines()[:20]]
        result.inputs, result.escalations = len(evidence.inputs), len(evidence.topics["escalations"])
        result.vanished = len(read_inputs(evidence, set(self.places)).vanished)
        result.resumed_s = resumed(evidence, result.struck)
        result.recoveries_s = recoveries(evidence, set(self.places), result.struck)
        result.log_lines = sum(cluster.log(name).read_bytes().count(b"\n") for name in cluster.workers)
        return result

    async def _log_tasks_of_workers(self) -> None:
        for name in self.cluster.alive():
            self.cluster.signal(name, signal.SIGUSR2)
        await asyncio.sleep(3)

    async def _group_settles(self) -> str:
        deadline = time.monotonic() + 120
        while (state := await asyncio.to_thread(self.cluster.group_state)) != "Stable" and time.monotonic() < deadline:
            await asyncio.sleep(0.3)
        return state


async def run(plan: Plan, directory: Path, say: Callable[[str], None] = lambda text: None) -> Result:
    """One run from nothing to its verdict. A system that does not come back at all is a violation too."""
    async with World(plan, directory, say) as world:
        try:
            await world.warm_up()
            await world.strike()
            return await world.verdict()
        except AssertionError as error:
            world.result.violations.append(Violation("run", str(error)))
            return world.result
        finally:
            world.result.kills = world.cluster.kills
            world.result.rebalances += world.cluster.rebalances()
