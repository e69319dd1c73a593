"""Laws of a shard. No Kafka is needed to see what it decides."""

import json
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata

from agents.batching import Batch, Fatal, Output, SourceReset, Unreadable
from agents.batching.commit.shard import BEGIN_KEY, POSITION_KEY, Folded, Shard, SourceGap
from agents.batching.offsets.start import Start, Verdict

SOURCE = TopicPartition("in", 3)
STATE = TopicPartition("state", 3)


def records(*offsets: int) -> list[SimpleNamespace]:
    return [SimpleNamespace(offset=o, key=b"k", value=b"v", headers=(), timestamp=0) for o in offsets]


class Seen:
    """A fold that remembers the offsets it folded and counts its commits."""

    def __init__(self) -> None:
        self.offsets: list[int] = []
        self.commits = 0
        self.restored_note = None
        self.restored_records: list[tuple[bytes, bytes | None]] = []

    def restore(self, key: bytes, value: bytes | None) -> None:
        self.restored_records.append((key, value))

    def restored(self, note: str) -> None:
        self.restored_note = note

    def fold(self, batch: Batch) -> Iterator[Output]:
        self.offsets += [record.offset for record in batch.records]
        yield Output("out", 3, b"k", b"v")

    def idle(self) -> list[Output]:
        return [Output("out", 3, None, None)]

    def note(self) -> str:
        return f"after {self.offsets[-1]}" if self.offsets else ""

    def closed(self) -> None:
        pass

    def committed(self) -> None:
        self.commits += 1


class Scene:
    """A shard and its fold: one without state that starts at `offset`, or one with state that was restored there."""

    def __init__(self, offset: int = 0, *, with_state: bool = True) -> None:
        self.shard = Shard(SOURCE, self._new_fold, STATE if with_state else None)
        if with_state:
            self.shard.restore(POSITION_KEY, json.dumps({"offset": offset}).encode())
            self.shard.restore(BEGIN_KEY, b'{"quiet_until": 0}')
        self.shard.start(None if with_state else Start(Verdict.GROUP, offset))

    def _new_fold(self) -> Seen:
        self.fold = Seen()
        return self.fold

    def commit(self, batch: Batch) -> list[Folded]:
        """What a lane does with a batch when nothing fails: the parts it became."""
        parts, left = [], batch
        while left is not None and (part := self.shard.fold(left)) is not None:
            offset = self.shard.offset_to_commit(part)
            self.shard.committed(part)
            if offset is not None:
                self.shard.group_committed(offset.offset)
            parts.append(part)
            left = self.shard.unfolded(left)
        return parts


class Lost(Scene):
    """A shard whose state is missing, of a source whose group had read it up to `published`."""

    def __init__(self, published: int = 0) -> None:
        self.shard = Shard(SOURCE, self._new_fold, STATE)
        self.shard.start(Start(Verdict.GROUP, published, "a note") if published else Start(Verdict.UNREAD))


def keys(part: Folded) -> list[bytes | None]:
    return [output.key for output in part.outputs]


def test_outputs_state_and_position_are_one_part():
    [part] = Scene(10).commit(Batch(records(10, 11), 10, 12, 12))
    assert keys(part) == [b"k", POSITION_KEY] and part.next_offset == 12
    assert part.outputs[1].topic == "state" and part.outputs[1].partition == 3
    assert json.loads(part.outputs[1].value) == {"topic": "in", "offset": 12, "format": 1}


def test_without_state_only_the_folds_outputs_are_written():
    [part] = Scene(10, with_state=False).commit(Batch(records(10), 10, 11, 11))
    assert [output.topic for output in part.outputs] == ["out"]


def test_an_offset_is_committed_for_the_group_once_with_the_folds_note():
    made = Scene(10)
    part = made.shard.fold(Batch(records(10), 10, 11, 20))
    assert made.shard.offset_to_commit(part) == OffsetAndMetadata(11, "after 10")
    made.shard.committed(part)
    made.shard.group_committed(11)
    assert made.shard.offset_to_commit(None) is None
    assert made.shard.offset_to_commit(made.shard.fold(Batch(records(11), 11, 12, 20))).offset == 12


def test_what_is_folded_and_not_committed_is_in_no_offset():
    """Another partition of the lane commits meanwhile, and with it the offsets of all."""
    made = Scene(10)
    first, second = Batch(records(10), 10, 11, 20), Batch(records(11), 11, 12, 20)
    made.shard.committed(made.shard.fold(first))
    part = made.shard.fold(second)
    assert made.shard.offset_after(None) == OffsetAndMetadata(11, "after 10") == made.shard.offset_to_commit(None)
    assert made.shard.offset_after(part) == OffsetAndMetadata(12, "after 11") == made.shard.offset_to_commit(part)


def test_the_first_part_of_a_state_says_that_it_begins():
    made = Lost()
    [first] = made.commit(Batch(records(0), 0, 1, 9))
    [second] = made.commit(Batch(records(1), 1, 2, 9))
    assert (keys(first), keys(second)) == ([b"k", POSITION_KEY, BEGIN_KEY], [b"k", POSITION_KEY])


def test_an_idle_output_is_of_no_records_and_noted_at_the_same_offset():
    made = Scene(10)
    made.commit(Batch(records(10), 10, 11, 11))
    part = made.shard.idle()
    assert (part.records, part.fold_seconds, part.lost) == (0, 0.0, range(0))
    assert made.shard.offset_after(part) == OffsetAndMetadata(11, "after 10")


def test_an_idle_output_does_not_begin_a_state():
    made = Lost()
    made.shard.committed(made.shard.idle())
    [first] = made.commit(Batch(records(0), 0, 1, 9))
    assert BEGIN_KEY in keys(first)


def test_while_lost_state_is_rebuilt_nothing_is_published_or_counted_twice():
    made = Lost(published=12)
    assert made.shard.rebuild_until == 12 and made.shard.offset_to_commit(None) is None
    parts = made.commit(Batch(records(8, 9), 0, 10, 20))
    parts += made.commit(Batch(records(10, 11, 12, 13), 10, 14, 20))
    assert made.shard.rebuild_until is None
    topics = [[output.topic for output in part.outputs] for part in parts]
    assert topics == [["state", "state"], ["state"], ["out", "state"]]
    assert made.fold.offsets == [8, 9, 10, 11, 12, 13] and made.fold.commits == 1


def test_a_rebuild_that_was_interrupted_is_continued_where_it_was():
    """The next owner restores what was written, publishes nothing before offset 12, and then tells the group."""
    [first] = Lost(published=12).commit(Batch(records(8, 9), 0, 10, 20))
    again = Shard(SOURCE, Seen, STATE)
    for output in first.outputs:
        again.restore(output.key, output.value)
    again.start(None)
    assert (again.has_state, again.next_offset, again.rebuild_until) == (True, 10, 12)
    part = again.fold(Batch(records(10, 11), 10, 12, 20))
    assert part.is_rebuild and keys(part) == [POSITION_KEY]
    assert again.offset_to_commit(part) == OffsetAndMetadata(12, "after 11")


class OfAnEarlierFormat(Seen):
    """A fold that cannot read any state."""

    def restored(self, note: str) -> None:
        super().restored(note)
        if self.restored_records:
            raise Unreadable("state of format 3, this version reads 4")


def test_state_that_the_fold_cannot_read_is_deleted_with_the_first_part_of_the_rebuilt_one():
    """Its position says up to where all was published: the group's offset may be behind it."""
    folds = []
    shard = Shard(SOURCE, lambda: folds.append(OfAnEarlierFormat()) or folds[-1], STATE)
    for key, value in (
        (POSITION_KEY, b'{"offset": 12}'),
        (BEGIN_KEY, b'{"quiet_until": 0}'),
        (b"a", b"x"),
        (b"b", b""),
    ):
        shard.restore(key, value)
    shard.restore(b"b", None)
    with pytest.raises(Unreadable):
        shard.start(None)
    shard.rebuild()
    assert (shard.next_offset, shard.rebuild_until, len(folds)) == (0, 12, 2)
    first = shard.fold(Batch(records(8, 9), 0, 10, 20))
    assert [(output.key, output.value) for output in first.outputs[:1]] == [(b"a", None)]
    assert keys(first) == [b"a", POSITION_KEY, BEGIN_KEY] and json.loads(first.outputs[-1].value)["quiet_until"] == 12
    shard.committed(first)
    second = shard.fold(Batch(records(10, 11), 10, 12, 20))
    assert keys(second) == [POSITION_KEY]


@pytest.mark.parametrize("key", [POSITION_KEY, BEGIN_KEY])
def test_a_position_of_a_newer_format_says_so_with_both_numbers(key):
    shard = Shard(SOURCE, Seen, STATE)
    line = (
        rf"^state record {key.decode()} of in\[3\] is of format 2, this version reads up to 1: start the version that"
    )
    with pytest.raises(Fatal, match=line):
        shard.restore(key, b'{"offset": 12, "quiet_until": 0, "format": 2}')


def test_a_rebuilt_part_without_records_does_not_hide_what_follows():
    made = Lost(published=12)
    [part] = made.commit(Batch(records(12, 13), 0, 14, 20))
    assert not part.is_rebuild and made.fold.offsets == [12, 13]


def test_the_next_offset_lies_behind_the_markers_that_end_the_batch():
    made = Scene(10)
    made.commit(Batch(records(10, 11), 10, 14, 14))
    assert made.shard.next_offset == 14


def test_records_the_state_already_holds_are_skipped():
    made = Scene(12)
    made.commit(Batch(records(10, 11, 12, 13), 10, 14, 14))
    assert made.fold.offsets == [12, 13]


def test_a_batch_the_state_holds_entirely_has_no_part():
    made = Scene(14)
    assert made.shard.fold(Batch(records(10, 11), 10, 14, 20)) is None
    assert made.fold.offsets == []


def test_holes_left_by_markers_inside_a_batch_are_no_gap():
    made = Scene(10)
    made.commit(Batch(records(12, 15), 10, 16, 16))
    assert made.fold.offsets == [12, 15]


def test_a_gap_is_raised_before_anything_changes():
    made = Scene(10)
    with pytest.raises(SourceGap, match=r"in\[3\] continues at 15, expected 10") as gap:
        made.shard.fold(Batch(records(15), 15, 16, 16))
    assert (gap.value.expected, gap.value.found) == (10, 15)
    assert made.fold.offsets == []


def test_lost_offsets_are_accepted_once_and_counted():
    made = Scene(9)
    assert made.commit(Batch(records(9), 9, 10, 16))[0].lost == range(0)
    assert made.shard.skip_lost(15) == 5
    part = made.shard.fold(Batch(records(15), 15, 16, 16))
    assert part.lost == range(10, 15)
    made.shard.committed(part)
    assert made.fold.offsets == [9, 15]
    assert made.shard.fold(Batch(records(16), 16, 17, 17)).lost == range(0)


def test_a_recreated_source_is_refused():
    with pytest.raises(SourceReset, match=r"in\[3\] was read up to 10.* ends at 2"):
        Scene(10).shard.fold(Batch(records(0, 1), 0, 2, 2))


def test_a_refusal_is_written_once_and_a_shard_that_reads_it_is_refused():
    made = Scene(10)
    [mark] = made.shard.refusal()
    assert mark[:2] == ("state", 3) and mark.value, "a record without value would be compacted away"
    made.shard.restore(mark.key, mark.value)
    assert made.shard.is_refused and made.shard.refusal() == []


def test_the_fold_restores_every_record_of_the_state_but_the_shards_own():
    made = Scene(10)
    for key, value in ((b"a", b"1"), (b"b", None)):
        made.shard.restore(key, value)
    assert made.fold.restored_records == [(b"a", b"1"), (b"b", None)]


def test_a_part_took_as_long_as_the_fold_gave_outputs(monkeypatch):
    clock, processor = [7.0], [70.0]

    class Slow(Seen):
        def fold(self, batch: Batch) -> Iterator[Output]:
            for output in super().fold(batch):
                clock[0] += 2.5
                processor[0] += 0.5
                yield output

    clocks = SimpleNamespace(perf_counter=lambda: clock[0], thread_time=lambda: processor[0])
    monkeypatch.setattr("agents.batching.commit.shard.time", clocks)
    shard = Shard(SOURCE, Slow, None)
    shard.start(Start(Verdict.UNREAD))
    part = shard.fold(Batch(records(0), 0, 1, 1))
    assert (part.fold_seconds, part.processor_seconds) == (2.5, 0.5)


def test_the_fold_learns_only_of_commits():
    made = Scene(10)
    made.shard.fold(Batch(records(10), 10, 11, 11))
    assert made.fold.commits == 0 and made.shard.next_offset == 10


def test_without_state_a_shard_starts_at_the_group_offset_with_its_note():
    shard = Shard(SOURCE, Seen, None)
    shard.start(Start(Verdict.GROUP, 7, "a note"))
    assert shard.next_offset == 7 and shard.offset_to_commit(None) is None


def test_a_shard_that_notes_its_offsets_owes_the_group_its_first():
    shard = Shard(SOURCE, Seen, None)
    shard.start(Start(Verdict.NOTE, 7), is_noted=True)
    assert shard.is_first_commit_due and shard.offset_to_commit(None).offset == 7
    shard.group_committed(7)
    assert not shard.is_first_commit_due and shard.offset_to_commit(None) is None


def test_a_state_that_has_begun_says_where_to_read_on():
    made = Scene(7)
    assert made.shard.has_state and made.shard.rebuild_until is None
    assert made.shard.offset_to_commit(None) == OffsetAndMetadata(7, "") and made.fold.restored_note == ""


def test_of_lost_state_the_group_says_what_was_published():
    made = Lost(published=7)
    assert (made.shard.has_state, made.shard.next_offset, made.shard.rebuild_until) == (False, 0, 7)
    assert made.fold.restored_note == "a note"


def test_state_without_its_beginning_is_thrown_away():
    folds = []
    shard = Shard(SOURCE, lambda: folds.append(Seen()) or folds[-1], STATE)
    shard.restore(POSITION_KEY, b'{"offset": 9}')
    shard.start(Start(Verdict.GROUP, 12))
    assert (shard.next_offset, shard.rebuild_until, len(folds)) == (0, 12, 2)
