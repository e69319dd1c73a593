"""A lane with a producer, sources and folds that are plain objects."""

import asyncio
from types import SimpleNamespace

from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata

from agents.batching import Batch, BatchingOptions, Output
from agents.batching.commit.lane import Lane
from agents.batching.commit.spec import StageSpec
from agents.batching.offsets.lookup import Sources

A, B, C = TopicPartition("in", 0), TopicPartition("in", 1), TopicPartition("in", 2)
WRITTEN = frozenset({TopicPartition("out", 0)})


class Producers:
    """In place of transactors. All of them share one log; `failing` holds errors for the next commits."""

    def __init__(self) -> None:
        self.started = self.closed = 0
        self.failing: list[Exception | None] = []
        self.log: list[tuple[list[Output], dict]] = []
        self.finished: list[set[TopicPartition]] = []
        self.is_committing = False
        self.ends: dict[TopicPartition, int] = {}  # where each transaction says that its outputs end
        self.may_commit, self.may_start = asyncio.Event(), asyncio.Event()
        self.may_commit.set()
        self.may_start.set()

    def __call__(self, transactional_id, group, options, sizes) -> "Producers":
        return self

    async def start(self) -> None:
        await self.may_start.wait()
        self.started += 1

    async def finish_markers(self, written) -> None:
        self.finished.append(written)

    async def commit(self, outputs, offsets) -> dict:
        self.is_committing = True
        try:
            await self.may_commit.wait()
        finally:
            self.is_committing = False
        error = self.failing.pop(0) if self.failing else None
        if error:
            raise error
        self.log.append((list(outputs), dict(offsets)))
        return self.ends

    async def close(self) -> None:
        self.closed += 1


class Echo:
    """A fold that puts each record out again, and raises at b"raise"."""

    def __init__(self, source: TopicPartition) -> None:
        self.source, self.idle_outputs, self.folded = source, (), []

    def restored(self, note: str) -> None:
        pass

    def fold(self, batch: Batch):
        for record in batch.records:
            if record.value == b"raise":
                raise RuntimeError("asked to")
            self.folded.append(record.offset)
            yield Output("out", self.source.partition, None, b"%d" % record.offset)

    def idle(self):
        outputs, self.idle_outputs = self.idle_outputs, ()
        return outputs

    def note(self) -> str:
        return ""

    def committed(self) -> None:
        pass

    def closed(self) -> None:
        pass


class Counting:
    """An observer that remembers what happened to which source."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, TopicPartition]] = []

    def __getattr__(self, name: str):
        return lambda source, *rest: self.seen.append((name, source))

    def count(self, name: str) -> int:
        return sum(event == name for event, _ in self.seen)


class Scene:
    """What a lane meets; `ends`, `committed` and `beginning` are what Kafka would answer."""

    def __init__(self) -> None:
        self.producers, self.observer = Producers(), Counting()
        self.is_stable, self.beginning, self.ends = True, 0, {}
        self.rewound: list[tuple[TopicPartition, int]] = []
        self.folds: dict[TopicPartition, Echo] = {}
        self.committed: dict[TopicPartition, OffsetAndMetadata] = {}
        self.are_records = True  # what lies in the partitions that the lane writes to, unless they end at 0
        self.has_looked = False
        self.fatal: list[BaseException] = []
        self.claimed: list[tuple[str, frozenset[TopicPartition]]] = []

    async def take_ownership(self, transactor, owner, sources, spec) -> None:
        self.claimed.append((owner, frozenset(sources)))

    async def has_records(self, client, partitions) -> bool:
        self.has_looked = True
        return self.are_records

    def new_fold(self, source: TopicPartition) -> Echo:
        self.folds[source] = Echo(source)
        return self.folds[source]

    async def start(
        self, state_topic: str | None = None, positions_topic: str | None = None, sources: tuple = (A, B), **options
    ) -> Lane:
        """A lane that is opening."""

        async def rewind(source, offset):
            self.rewound.append((source, offset))

        asked = Sources(
            answering(lambda source: self.committed.get(source)),
            answering(lambda source: self.ends.get(source, 1000)),
            answering(lambda source: self.beginning),
            rewind,
            lambda source: True,
            lambda: self.is_stable,
            self.fatal.append,
        )
        pauses = {"reopen_pause_ms": 1, "reopen_pause_ms_max": 2, "fenced_pause_ms": 1, "ask_again_pause_ms": 1}
        quick = BatchingOptions(**(pauses | options))
        spec = StageSpec(
            stage="law",
            group="group",
            new_fold=self.new_fold,
            state_topic=state_topic,
            options=quick,
            observer=self.observer,
            owners_topic="owners",
            partitions=3,
            outputs=WRITTEN,
            positions_topic=positions_topic,
        )
        self.lane = Lane("group-law-lane-1", frozenset(sources), spec, asked)
        self.lane.start()
        return self.lane

    async def opened(self, **options) -> Lane:
        """A lane whose shards are all open."""
        lane = await self.start(**options)
        await until(lambda: self.observer.count("opened") >= len(lane.partitions))
        return lane

    @property
    def values(self) -> list[list[bytes]]:
        return [[output.value for output in outputs] for outputs, _ in self.producers.log]


def answering(answer):
    async def ask(source):
        return answer(source)

    return ask


def batch(*offsets: int, value: bytes = b"v", end: int = 1000) -> Batch:
    records = [SimpleNamespace(offset=o, key=b"k", value=value, headers=(), timestamp=0) for o in offsets]
    return Batch(records, offsets[0], offsets[-1] + 1, end)


async def within(awaitable):
    return await asyncio.wait_for(awaitable, 5)


async def until(condition) -> None:
    async def look() -> None:
        while not condition():
            await asyncio.sleep(0.001)

    await within(look())
