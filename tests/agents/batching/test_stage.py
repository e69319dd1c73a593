"""Laws of a stage: what it does with its shards when partitions come and go."""

import asyncio

from aiokafka import TopicPartition

from agents.batching.options import BatchingOptions
from agents.batching.shard import Shard, Sources
from agents.batching.stage import Reader, Stage

SOURCE = TopicPartition("in", 0)


class Counting:
    """Observer that counts."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def __getattr__(self, name: str):
        return lambda *args: self.seen.append(name)


class Door:
    """Stands where a shard's opening stands: opens when told to, and remembers whether the shard was closed."""

    def __init__(self) -> None:
        self.may_open, self.closed = asyncio.Event(), 0

    async def open(self, *args) -> Shard:
        await self.may_open.wait()
        return self

    restored_records = 0
    rebuild_until = None

    async def close(self) -> None:
        self.closed += 1


def stage_with(door: Door, monkeypatch) -> Stage:
    monkeypatch.setattr(Shard, "open", door.open)
    monkeypatch.setattr("agents.batching.stage.Transactor", lambda *args: None)
    return Stage("law", "group", ["in"], lambda tp: None, None, BatchingOptions(), Counting())


def reader() -> Reader:
    return Reader(Sources(None, None), None, None, lambda tp: True, lambda: True)


async def test_a_shard_whose_partition_is_taken_away_while_it_opens_is_let_go(monkeypatch):
    door = Door()
    stage = stage_with(door, monkeypatch)
    await stage.assign(reader(), [SOURCE])
    await asyncio.sleep(0)
    await stage.assign(reader(), [])
    door.may_open.set()
    for _ in range(5):
        await asyncio.sleep(0)
    assert door.closed == 1
    assert SOURCE not in stage._shards


async def test_a_shard_whose_partition_stays_is_kept_over_a_rebalance(monkeypatch):
    door = Door()
    door.may_open.set()
    stage = stage_with(door, monkeypatch)
    await stage.assign(reader(), [SOURCE])
    for _ in range(5):
        await asyncio.sleep(0)
    await stage.assign(reader(), [SOURCE])
    assert door.closed == 0 and stage._observer.seen == ["opened"]


async def test_partitions_of_other_stages_are_not_ours(monkeypatch):
    stage = stage_with(Door(), monkeypatch)
    await stage.assign(reader(), [TopicPartition("other", 0)])
    assert stage.owned == frozenset()
