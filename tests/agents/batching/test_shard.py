"""Laws of a shard, with a source that is a plain object: no Kafka is needed to see what it decides."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from types import SimpleNamespace

import pytest
from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata

from agents.batching.fold import Batch, Output
from agents.batching.options import BatchingOptions
from agents.batching.shard import BEGIN_KEY, POSITION_KEY, Prepared, Shard, SourceGap, SourceReset, Sources

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


def sources(committed: OffsetAndMetadata | None = None, end: int = 100) -> Sources:
    async def committed_offset(tp: TopicPartition) -> OffsetAndMetadata | None:
        return committed

    async def end_offset(tp: TopicPartition) -> int:
        return end

    return Sources(committed_offset, end_offset)


def shard(next_offset: int = 0, state: TopicPartition | None = STATE) -> Shard:
    made = Shard(SOURCE, Seen(), state)
    made.next_offset, made._has_begun = next_offset, True
    return made


def commit(made: Shard, batch: Batch) -> list[Prepared]:
    """What a lane does with a batch when nothing fails: the parts it became."""
    parts = []
    while batch is not None and (part := made.prepare(batch)) is not None:
        position = made.position(part)
        made.committed(part)
        if position is not None:
            made.told(position)
        parts.append(part)
        batch = made.rest(batch)
    return parts


def test_outputs_state_and_position_are_one_part():
    [part] = commit(shard(10), Batch(records(10, 11), 10, 12, 12))
    assert [output.key for output in part.outputs] == [b"k", POSITION_KEY]
    assert part.outputs[1].topic == "state" and part.outputs[1].partition == 3
    assert b'"offset": 12' in part.outputs[1].value and part.next_offset == 12


def test_the_group_is_told_a_position_once_with_the_folds_note():
    made = shard(10)
    part = made.prepare(Batch(records(10), 10, 11, 20))
    assert made.position(part) == OffsetAndMetadata(11, "noted")
    made.committed(part)
    made.told(OffsetAndMetadata(11, "noted"))
    assert made.position(None) is None
    assert made.position(made.prepare(Batch(records(11), 11, 12, 20))).offset == 12


def test_what_is_folded_and_not_committed_is_in_no_position():
    """Another partition of the lane commits meanwhile, and tells where all stand."""
    made = shard(10)
    made.fold.note = lambda: f"after {made.fold.offsets[-1]}"
    first, second = Batch(records(10), 10, 11, 20), Batch(records(11), 11, 12, 20)
    made.committed(made.prepare(first))
    part = made.prepare(second)
    assert made.standing(None) == OffsetAndMetadata(11, "after 10") == made.position(None)
    assert made.standing(part) == OffsetAndMetadata(12, "after 11") == made.position(part)


def test_the_first_part_of_a_state_says_that_it_begins():
    made = Shard(SOURCE, Seen(), STATE)
    [first] = commit(made, Batch(records(0), 0, 1, 9))
    [second] = commit(made, Batch(records(1), 1, 2, 9))
    assert [output.key for output in first.outputs] == [b"k", POSITION_KEY, BEGIN_KEY]
    assert [output.key for output in second.outputs] == [b"k", POSITION_KEY]


def test_an_idle_word_does_not_begin_a_state():
    made = Shard(SOURCE, Seen(), STATE)
    made.fold.idle = lambda: [Output("out", 3, None, None)]
    made.committed(made.idle())
    [first] = commit(made, Batch(records(0), 0, 1, 9))
    assert BEGIN_KEY in [output.key for output in first.outputs]


def test_without_state_only_the_folds_outputs_are_written():
    [part] = commit(shard(10, state=None), Batch(records(10), 10, 11, 11))
    assert [output.topic for output in part.outputs] == ["out"]


def test_while_lost_state_is_built_again_nothing_is_published_or_counted_twice():
    made = Shard(SOURCE, Seen(), STATE)
    made._quiet_until = 12
    assert made.rebuild_until == 12 and made.position(None) is None
    parts = commit(made, Batch(records(8, 9), 0, 10, 20))
    parts += commit(made, Batch(records(10, 11, 12, 13), 10, 14, 20))
    assert made.rebuild_until is None
    topics = [[output.topic for output in part.outputs] for part in parts]
    assert topics == [["state", "state"], ["state"], ["out", "state"]]
    assert made.fold.offsets == [8, 9, 10, 11, 12, 13] and made.fold.commits == 1


def test_a_quiet_part_without_records_does_not_hide_what_follows():
    made = shard(10)
    made._quiet_until = 12
    [part] = commit(made, Batch(records(12, 13), 10, 14, 20))
    assert not part.is_quiet and made.fold.offsets == [12, 13]


def test_the_position_lies_behind_the_markers_that_end_the_batch():
    made = shard(10)
    commit(made, Batch(records(10, 11), 10, 14, 14))
    assert made.next_offset == 14


def test_records_the_state_already_holds_are_skipped():
    made = shard(12)
    commit(made, Batch(records(10, 11, 12, 13), 10, 14, 14))
    assert made.fold.offsets == [12, 13]


def test_a_batch_the_state_holds_entirely_has_no_part():
    made = shard(14)
    assert made.prepare(Batch(records(10, 11), 10, 14, 20)) is None
    assert made.fold.offsets == []


def test_holes_left_by_markers_inside_a_batch_are_no_gap():
    made = shard(10)
    commit(made, Batch(records(12, 15), 10, 16, 16))
    assert made.fold.offsets == [12, 15]


def test_a_batch_that_starts_beyond_the_next_offset_is_a_gap():
    made = shard(10)
    with pytest.raises(SourceGap) as gap:
        made.prepare(Batch(records(15), 15, 16, 16))
    assert (gap.value.expected, gap.value.found) == (10, 15)
    assert made.fold.offsets == []


def test_lost_offsets_are_accepted_once_and_counted():
    made = shard(10)
    assert made.skip_lost(15) == 5
    part = made.prepare(Batch(records(15), 15, 16, 16))
    assert part.lost == range(10, 15)
    made.committed(part)
    assert made.fold.offsets == [15]
    assert made.prepare(Batch(records(16), 16, 17, 17)).lost == range(0)


def test_a_source_that_ends_before_the_next_offset_was_created_anew_and_is_refused():
    made = shard(10)
    with pytest.raises(SourceReset, match=r"in\[3\] ends at 2"):
        made.prepare(Batch(records(0, 1), 0, 2, 2))


def test_a_source_that_went_back_was_created_anew_however_long_it_is_again():
    made = shard(10)
    with pytest.raises(SourceReset, match=r"in\[3\] ends at 12 and was read up to 10"):
        made.prepare(Batch(records(0, 11), 0, 12, 12, went_back=True))
    commit(made, Batch(records(10, 11), 10, 12, 12, went_back=True))
    assert made.fold.offsets == [10, 11], "back to no further than where the shard is, as after a seek"


def test_a_refusal_is_written_once_and_a_shard_that_reads_it_is_refused():
    made = shard(10)
    [mark] = made.refusal()
    assert mark.topic == "state"
    made._take(mark.key, mark.value)
    assert made.is_refused and made.refusal() == []


def test_a_part_that_was_not_committed_is_not_told_to_the_fold():
    made = shard(10)
    made.prepare(Batch(records(10), 10, 11, 11))
    assert made.fold.commits == 0 and made.next_offset == 10


async def test_a_restored_shard_begins_where_the_group_says_with_its_note():
    restored = await Shard.restored(SOURCE, Seen, None, sources(OffsetAndMetadata(7, "a note")), BatchingOptions())
    assert (restored.next_offset, restored.fold.restored_note) == (7, "a note")


async def test_a_group_that_never_committed_starts_at_the_beginning():
    restored = await Shard.restored(SOURCE, Seen, None, sources(OffsetAndMetadata(-1, "")), BatchingOptions())
    assert restored.next_offset == 0


async def test_a_state_that_has_begun_tells_the_position_and_the_group_is_not_asked(monkeypatch):
    """It knows nothing of a shard that moved within seconds of its first transaction, and whether to believe that takes
    five more.
    """

    async def read_state(client: dict, partitions: list, take: Callable) -> int:
        take(STATE, SimpleNamespace(key=BEGIN_KEY, value=b'{"quiet_until": 0}'))
        take(STATE, SimpleNamespace(key=POSITION_KEY, value=b'{"offset": 7}'))
        return 2

    async def ask_the_group(tp: TopicPartition) -> None:
        raise AssertionError("asked")

    monkeypatch.setattr("agents.batching.shard.read_to_end", read_state)
    restored = await Shard.restored(SOURCE, Seen, STATE, replace(sources(), committed=ask_the_group), BatchingOptions())
    assert (restored.next_offset, restored.restored_records, restored.rebuild_until) == (7, 2, None)
    assert restored.position(None) == OffsetAndMetadata(7, "noted")


async def test_of_a_state_that_is_gone_the_group_tells_what_was_published(monkeypatch):
    async def read_state(client: dict, partitions: list, take: Callable) -> int:
        return 0

    monkeypatch.setattr("agents.batching.shard.read_to_end", read_state)
    restored = await Shard.restored(SOURCE, Seen, STATE, sources(OffsetAndMetadata(7, "a note")), BatchingOptions())
    assert (restored.next_offset, restored.rebuild_until) == (0, 7)
