"""Whoever has written far ahead of a reader waits for it: its share, not the others', and not for ever."""

import pytest
from aiokafka import TopicPartition

from agents.batching import BatchingOptions, Output
from agents.batching import backlog as backlog_module
from agents.batching.backlog import Backlog

A, B = TopicPartition("in", 0), TopicPartition("in", 1)
READ, OTHER = TopicPartition("between", 0), TopicPartition("between", 1)
OPTIONS = BatchingOptions(ahead_ms_max=400, still_ms=30_000)
#: What the reader takes for a byte; a record of 900 and the 100 that each counts for take 100 ms.
COST = 1e-4


def outputs(count: int, target: TopicPartition = READ) -> list[Output]:
    return [Output(*target, None, b"." * 900) for _ in range(count)]


@pytest.fixture
def backlog() -> Backlog:
    backlog = Backlog()
    backlog.opened(READ)
    backlog.opened(OTHER)
    backlog.folded(READ, 0, COST)
    return backlog


def test_a_source_waits_while_it_is_further_ahead_of_a_reader_than_the_bound(backlog):
    backlog.wrote(A, outputs(2), {READ: 2}, 1.0)
    assert backlog.room_s(A, OPTIONS) > 0
    assert backlog.room_s(A, OPTIONS) == pytest.approx(1.0), "as much again, at 200 ms a second"
    backlog.wrote(A, outputs(1), {READ: 3}, 1.0)
    assert backlog.room_s(A, OPTIONS) == 0 and backlog.room_s(B, OPTIONS) > 0
    backlog.folded(READ, 2, COST)
    assert backlog.room_s(A, OPTIONS) > 0


def test_the_bound_is_shared_by_all_who_have_written_what_lies_before_the_reader(backlog):
    backlog.wrote(A, outputs(3), {READ: 3}, 1.0)
    backlog.wrote(B, outputs(1), {READ: 4}, 1.0)
    assert backlog.room_s(A, OPTIONS) == 0, "a third of the others' flood"
    assert backlog.room_s(B, OPTIONS) > 0, "its own part is small"
    backlog.wrote(B, outputs(1), {READ: 5}, 1.0)
    backlog.folded(READ, 3, COST)
    assert backlog.room_s(A, OPTIONS) > 0 and backlog.room_s(B, OPTIONS) > 0


def test_each_partition_is_judged_by_itself(backlog):
    backlog.folded(OTHER, 0, COST / 1000)
    backlog.wrote(A, outputs(2) + outputs(100, OTHER), {READ: 2, OTHER: 100}, 1.0)
    assert backlog.room_s(A, OPTIONS) > 0


def test_before_a_reader_has_folded_anything_nobody_waits(backlog):
    backlog.wrote(A, outputs(1000, OTHER), {OTHER: 1000}, 1.0)
    assert backlog.room_s(A, OPTIONS) > 0


def test_what_the_reader_has_passed_already_does_not_count(backlog):
    backlog.folded(READ, 100, COST)
    backlog.wrote(A, outputs(50), {READ: 100}, 1.0)
    assert backlog.room_s(A, OPTIONS) > 0


def test_nobody_waits_for_a_partition_that_is_not_read_here(backlog):
    backlog.wrote(A, outputs(50), {READ: 50}, 1.0)
    backlog.closed(READ)
    assert backlog.room_s(A, OPTIONS) > 0
    backlog.wrote(A, outputs(50), {READ: 100}, 1.0)
    backlog.opened(READ)
    backlog.folded(READ, 0, COST)
    assert backlog.room_s(A, OPTIONS) > 0


def test_a_stage_does_not_wait_for_itself(backlog):
    """It might wait for a partition that waits for it."""
    backlog.wrote(OTHER, outputs(50), {READ: 50}, 1.0)
    assert backlog.room_s(OTHER, OPTIONS) > 0


def test_a_reader_that_stands_still_holds_nobody_back_and_the_log_says_so_once(backlog, monkeypatch, caplog):
    now = backlog_module.time.monotonic()
    monkeypatch.setattr(backlog_module.time, "monotonic", lambda: now)
    backlog.wrote(A, outputs(5), {READ: 5}, 1.0)
    now += 29
    assert backlog.room_s(A, OPTIONS) == 0
    now += 1
    assert backlog.room_s(A, OPTIONS) > 0 and backlog.room_s(A, OPTIONS) > 0
    assert [record.message for record in caplog.records] == [
        "nothing of between[0] was folded for 30 s; nobody waits for it any more"
    ]
    backlog.wrote(A, outputs(5), {READ: 10}, 1.0)
    backlog.folded(READ, 1, COST)
    assert backlog.room_s(A, OPTIONS) == 0, "it goes on"
