"""The law of ownership: once a lane owns a partition, no lane that claimed it before can commit for it.

The log of claims, transactions and fencing are plain objects here with Kafka's rules; the steps are those of the code.
`test_exactly_once.py` has the same with a broker.
"""

import asyncio
import itertools
import random
from collections import defaultdict
from dataclasses import dataclass, field

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import ProducerFenced
from hypothesis import given
from hypothesis import strategies as st

from agents.batching import BatchingOptions
from agents.batching.commit import ownership
from agents.batching.commit.ownership import OwnerLost, take_ownership
from agents.batching.commit.spec import StageSpec

SOURCES = [TopicPartition("in", number) for number in range(3)]


def spec_of(stage: str = "law") -> StageSpec:
    options = BatchingOptions(lanes=1)
    return StageSpec(stage, "group", None, "state", options, None, "owners", 2)  # type: ignore[arg-type]


@dataclass
class Broker:
    """A log for each partition of the claims; the epoch of each transactional id; what was committed for whom."""

    rnd: random.Random
    log: dict[TopicPartition, list] = field(default_factory=lambda: defaultdict(list))
    epochs: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    finished: list[str] = field(default_factory=list)

    async def moment(self) -> None:
        """Let other lanes run, for a random while."""
        for _ in range(self.rnd.randrange(4)):
            await asyncio.sleep(0)

    def producer(self, transactional_id: str, *_: object) -> "Producer":
        return Producer(self, transactional_id)

    async def claims(self, ends: dict[TopicPartition, int], spec: StageSpec) -> set:
        """As `ownership._claims`: the records up to these ends, once every transaction before them is resolved."""
        found = {}
        for tp, end in ends.items():
            while any(entry[2] is None for entry in self.log[tp][:end]):
                await asyncio.sleep(0)
            for output, _, is_committed in self.log[tp][:end]:
                if is_committed:
                    found[output.key] = output.value
        return {ownership._claim_of(key) for key, value in found.items() if value is not None}


class Producer:
    def __init__(self, broker: Broker, transactional_id: str) -> None:
        self.broker, self.id, self.epoch = broker, transactional_id, -1

    async def start(self) -> None:
        await self.broker.moment()
        self.broker.epochs[self.id] += 1
        self.epoch = self.broker.epochs[self.id]

    def check(self) -> None:
        if self.epoch != self.broker.epochs[self.id]:
            raise ProducerFenced

    async def commit(self, outputs, offsets) -> dict[TopicPartition, int]:
        """Records first, resolved later: others may append, and fence this producer, in between."""
        self.check()
        entries, ends = [], {}
        for output in outputs:
            tp = TopicPartition(output.topic, output.partition)
            entry = [output, self.id, None]
            self.broker.log[tp].append(entry)
            entries.append(entry)
            ends[tp] = len(self.broker.log[tp])
        await self.broker.moment()
        is_committed = self.epoch == self.broker.epochs[self.id]
        for entry in entries:
            entry[2] = is_committed
        self.check()
        return ends

    async def finish_markers(self, written) -> None:
        await self.broker.moment()
        self.check()
        self.broker.finished.append(self.id)

    async def close(self) -> None:
        pass


@dataclass
class Lane:
    """Takes ownership of its sources, then commits for them as long as it can."""

    broker: Broker
    id: str
    sources: list[TopicPartition]
    spec: StageSpec
    history: list[tuple[str, str, TopicPartition]]

    async def run(self, commits: int) -> None:
        producer = Producer(self.broker, self.id)
        try:
            await producer.start()
            await take_ownership(producer, self.id, self.sources, self.spec)  # type: ignore[arg-type]
            producer.check()  # a lane that was fenced meanwhile owns nothing: its first transaction fails
            self.history += [("owns", self.id, source) for source in self.sources]
            for _ in range(commits):
                await self.broker.moment()
                producer.check()
                self.history += [("wrote", self.id, source) for source in self.sources]
        except ProducerFenced:
            pass


@pytest.fixture
def broker(monkeypatch) -> Broker:
    return prepared(monkeypatch, 1)


def prepared(monkeypatch, seed: int) -> Broker:
    broker = Broker(random.Random(seed))
    monkeypatch.setattr(ownership, "Transactor", broker.producer)
    monkeypatch.setattr(ownership, "_claims", broker.claims)
    monkeypatch.setattr(ownership, "PAUSE_S", 0)
    return broker


SETS = st.sets(st.sampled_from(SOURCES), min_size=1).map(sorted)


@given(st.integers(0, 10**9), st.lists(st.tuples(SETS, st.integers(0, 4)), min_size=2, max_size=5))
def test_no_earlier_owner_commits_once_a_later_one_owns_a_partition(seed, lanes):
    async def day() -> list[tuple[str, str, TopicPartition]]:
        with pytest.MonkeyPatch.context() as patch:
            broker = prepared(patch, seed)
            history: list[tuple[str, str, TopicPartition]] = []
            running = [
                Lane(broker, f"lane-{n}", sources, spec_of(), history).run(commits)
                for n, (sources, commits) in enumerate(lanes)
            ]
            await asyncio.wait_for(asyncio.gather(*running), 60)
            return history

    owners: dict[TopicPartition, str] = {}
    for event, lane, source in asyncio.run(day()):
        if event == "owns":
            owners[source] = lane
        assert owners[source] == lane, "it wrote after another lane owned its partition"


async def test_claims_of_earlier_owners_are_deleted_once_they_are_fenced(broker):
    history: list = []
    for name in ("first", "second", "third"):
        await Lane(broker, name, SOURCES[:2], spec_of(), history).run(1)
    ends = {tp: len(log) for tp, log in broker.log.items()}
    assert {claim.owner for claim in await broker.claims(ends, spec_of())} == {"third"}


async def test_markers_of_an_earlier_owner_are_finished(broker):
    history: list = []
    await Lane(broker, "first", SOURCES[:1], spec_of(), history).run(1)
    await Lane(broker, "second", SOURCES[:1], spec_of(), history).run(1)
    assert "first" in broker.finished


async def test_a_lane_of_other_partitions_or_another_stage_is_left_alone(broker):
    history: list = []
    await Lane(broker, "here", SOURCES[:1], spec_of(), history).run(1)
    await Lane(broker, "beside", SOURCES[1:2], spec_of(), history).run(1)
    await Lane(broker, "elsewhere", SOURCES[:1], spec_of("other"), history).run(1)
    assert broker.epochs["here"] == 1


async def test_a_worker_of_release_09_which_claims_nothing_is_fenced_by_the_id_it_has(broker):
    old = Producer(broker, "group-law-lane-0-of-1")
    await old.start()
    await Lane(broker, "new", SOURCES[:1], spec_of(), []).run(1)
    with pytest.raises(ProducerFenced):
        await old.commit([], {})


async def test_an_owner_that_others_fence_for_ever_is_given_up_with_its_name(broker, monkeypatch):
    async def disturbed(self, written) -> None:
        raise ProducerFenced

    history: list = []
    await Lane(broker, "first", SOURCES[:1], spec_of(), history).run(0)
    monkeypatch.setattr(Producer, "finish_markers", disturbed)
    second = Producer(broker, "second")
    await second.start()
    with pytest.raises(OwnerLost, match="law before, was fenced by others 40 times"):
        await take_ownership(second, "second", SOURCES[:1], spec_of())  # type: ignore[arg-type]


def test_keys_name_stage_source_and_owner():
    keys = {
        ownership._Claim(stage, source, owner).key
        for stage, source, owner in itertools.product(("a", "b"), SOURCES, ("x", "y"))
    }
    assert len(keys) == 12 and {ownership._claim_of(key).key for key in keys} == keys
