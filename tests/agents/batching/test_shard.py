"""Laws of a shard, with a producer and a source that are plain objects: no Kafka is needed to see what it decides."""

from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata

from agents.batching.fold import Batch, Output
from agents.batching.options import BatchingOptions
from agents.batching.shard import BEGIN_KEY, POSITION_KEY, Shard, SourceGap, SourceReset, Sources

SOURCE = TopicPartition("in", 3)
STATE = TopicPartition("state", 3)


def records(*offsets: int) -> list[SimpleNamespace]:
    return [SimpleNamespace(offset=o, key=b"k", value=b"v", headers=(), timestamp=0) for o in offsets]


class Seen:
    """A fold that remembers the offsets it was given and how often it was told of a commit."""

    def __init__(self) -> None:
        self.offsets: list[int] = []
        self.commits = 0
        self.restored_note = None

    def restore(self, key: bytes, value: bytes | None) -> None:
        raise AssertionError("no state in these tests")

    def restored(self, note: str) -> None:
        self.restored_note = note

    def fold(self, batch: Batch) -> Iterator[Output]:
        self.offsets += [record.offset for record in batch.records]
        yield Output("out", 3, b"k", b"v")

    def idle(self) -> tuple[Output, ...]:
        return ()

    def note(self) -> str:
        return "noted"

    def closed(self) -> None:
        pass

    def committed(self) -> None:
        self.commits += 1


class Ledger:
    """Stands where a Transactor stands: keeps what was committed, fails when told to."""

    def __init__(self, fail: Exception | None = None) -> None:
        self.fail, self.started, self.closed = fail, False, False
        self.transactions: list[tuple[list[Output], OffsetAndMetadata]] = []

    async def start(self) -> None:
        self.started = True

    async def commit(self, outputs, source, position) -> None:
        if self.fail:
            raise self.fail
        self.transactions.append((list(outputs), position))

    async def close(self) -> None:
        self.closed = True


def sources(committed: OffsetAndMetadata | None = None, end: int = 100) -> Sources:
    async def committed_offset(tp: TopicPartition) -> OffsetAndMetadata | None:
        return committed

    async def end_offset(tp: TopicPartition) -> int:
        return end

    return Sources(committed_offset, end_offset)


def shard(next_offset: int = 0, state: TopicPartition | None = STATE, transactor: Ledger | None = None) -> Shard:
    made = Shard(SOURCE, Seen(), transactor or Ledger(), state, offset_every_ms=0)
    made.next_offset, made._has_begun = next_offset, True
    return made


async def test_outputs_state_position_and_group_offset_are_one_transaction():
    transactor = Ledger()
    made = shard(10, transactor=transactor)
    await made.process(Batch(records(10, 11), 10, 12, 12))
    [(outputs, position)] = transactor.transactions
    assert [output.key for output in outputs] == [b"k", POSITION_KEY]
    assert outputs[1].topic == "state" and outputs[1].partition == 3 and b'"offset": 12' in outputs[1].value
    assert position == OffsetAndMetadata(12, "noted")


async def test_with_state_the_groups_offset_follows_now_and_then_and_when_nothing_comes():
    transactor = Ledger()
    made = Shard(SOURCE, Seen(), transactor, STATE, offset_every_ms=60_000)
    await made.process(Batch(records(0), 0, 1, 9))
    await made.process(Batch(records(1), 1, 2, 9))
    await made.idle()
    assert [position and position.offset for _, position in transactor.transactions] == [1, None]
    assert b'"offset": 2' in transactor.transactions[1][0][1].value, "the state, which is the truth, does not lag"
    made._told_at -= 61
    await made.idle()
    await made.idle()
    assert transactor.transactions[2:] == [([], OffsetAndMetadata(2, "noted"))], "told once"


async def test_without_state_the_groups_offset_is_in_every_transaction():
    transactor = Ledger()
    made = Shard(SOURCE, Seen(), transactor, None, offset_every_ms=60_000)
    for offset in (0, 1, 2):
        await made.process(Batch(records(offset), offset, offset + 1, 9))
    assert [position.offset for _, position in transactor.transactions] == [1, 2, 3]


async def test_the_first_transaction_of_a_state_says_that_it_begins():
    transactor = Ledger()
    made = Shard(SOURCE, Seen(), transactor, STATE, offset_every_ms=0)
    await made.process(Batch(records(0), 0, 1, 9))
    await made.process(Batch(records(1), 1, 2, 9))
    assert [[output.key for output in outputs] for outputs, _ in transactor.transactions] == [
        [b"k", POSITION_KEY, BEGIN_KEY],
        [b"k", POSITION_KEY],
    ]


async def test_while_lost_state_is_built_again_nothing_is_published_or_counted_twice():
    transactor = Ledger()
    made = Shard(SOURCE, Seen(), transactor, STATE, offset_every_ms=0)
    made._quiet_until = 12
    assert made.rebuild_until == 12
    await made.process(Batch(records(8, 9), 0, 10, 20))
    await made.process(Batch(records(10, 11, 12, 13), 10, 14, 20))
    assert made.rebuild_until is None
    topics = [[output.topic for output in outputs] for outputs, _ in transactor.transactions]
    assert topics == [["state", "state"], ["state"], ["out", "state"]]
    told = [position and position.offset for _, position in transactor.transactions]
    assert told == [None, 12, 14], "the group's offset, which says what was published, does not go back"
    assert made.fold.offsets == [8, 9, 10, 11, 12, 13] and made.fold.commits == 1


async def test_the_position_lies_behind_the_markers_that_end_the_batch():
    made = shard(10)
    await made.process(Batch(records(10, 11), 10, 14, 14))
    assert made.next_offset == 14


async def test_records_the_state_already_holds_are_skipped():
    made = shard(12)
    await made.process(Batch(records(10, 11, 12, 13), 10, 14, 14))
    assert made.fold.offsets == [12, 13]


async def test_a_batch_the_state_holds_entirely_commits_nothing():
    transactor = Ledger()
    made = shard(14, transactor=transactor)
    assert await made.process(Batch(records(10, 11), 10, 14, 20)) is None
    assert transactor.transactions == [] and made.fold.commits == 0


async def test_holes_left_by_markers_inside_a_batch_are_no_gap():
    made = shard(10)
    await made.process(Batch(records(12, 15), 10, 16, 16))
    assert made.fold.offsets == [12, 15]


async def test_a_batch_that_starts_beyond_the_next_offset_is_a_gap():
    made = shard(10)
    with pytest.raises(SourceGap) as gap:
        await made.process(Batch(records(15), 15, 16, 16))
    assert (gap.value.expected, gap.value.found) == (10, 15)
    assert made.fold.offsets == []


async def test_a_source_that_ends_before_the_next_offset_was_created_anew_and_is_refused():
    made = shard(10)
    with pytest.raises(SourceReset, match=r"in\[3\] ends at 2"):
        await made.process(Batch(records(0, 1), 0, 2, 2))


async def test_a_source_found_created_anew_stays_refused_when_it_has_grown():
    transactor = Ledger()
    made = shard(10, transactor=transactor)
    await made._refuse()
    [([mark], position)] = transactor.transactions
    assert (mark.topic, position.offset) == ("state", 0)
    made._take(mark.key, mark.value)
    assert made._is_refused
    await made._refuse()
    assert len(transactor.transactions) == 1, "said once"


async def test_a_failed_transaction_is_not_told_to_the_fold_as_committed():
    made = shard(10, transactor=Ledger(fail=RuntimeError("broker away")))
    with pytest.raises(RuntimeError):
        await made.process(Batch(records(10), 10, 11, 11))
    assert made.fold.commits == 0 and made.next_offset == 10


async def test_opening_fences_before_it_asks_for_the_position():
    transactor, order = Ledger(), []

    async def committed(tp: TopicPartition) -> OffsetAndMetadata:
        order.append(("asked", transactor.started))
        return OffsetAndMetadata(7, "a note")

    opened = await Shard.open(
        SOURCE, Seen, transactor, None, Sources(committed, sources().end_offset), BatchingOptions()
    )
    assert order == [("asked", True)]
    assert (opened.next_offset, opened.fold.restored_note) == (7, "a note")


async def test_opening_on_a_source_created_anew_is_refused_and_lets_go_of_the_producer():
    transactor = Ledger()
    with pytest.raises(SourceReset):
        await Shard.open(SOURCE, Seen, transactor, None, sources(OffsetAndMetadata(50, ""), end=3), BatchingOptions())
    assert transactor.closed


async def test_a_group_that_never_committed_starts_at_the_beginning():
    opened = await Shard.open(SOURCE, Seen, Ledger(), None, sources(OffsetAndMetadata(-1, "")), BatchingOptions())
    assert opened.next_offset == 0
