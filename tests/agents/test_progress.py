"""What of a worker counts as blocked: work that does not move, whatever keeps it from moving."""

import asyncio

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError

from agents.health import Health
from agents.progress import GROUP_SILENT_S, Progress, Ticks

SHARD = TopicPartition("siaga.incidents", 3)
OWNED = {("intake", SHARD)}
PART = "intake siaga.incidents/3"


@pytest.fixture
def health() -> Health:
    return Health("worker", "siaga.")


@pytest.fixture
def progress(health: Health) -> Progress:
    return Progress(health)


def blocked(health: Health) -> dict[str, str]:
    """Reasons by part."""
    return {stuck.part: stuck.reason for stuck in health.stuck(after_s=0)}


def look(progress: Progress, *, is_caught_up: bool) -> None:
    progress.look_at_shards(OWNED, lambda source: is_caught_up)


def test_a_shard_that_does_not_open_is_blocked_also_without_work(health, progress):
    look(progress, is_caught_up=True)
    assert blocked(health) == {PART: "its state is being restored"}


def test_an_open_shard_with_nothing_to_read_works(health, progress):
    progress.opened("intake", SHARD)
    look(progress, is_caught_up=True)
    assert blocked(health) == {}


def test_an_open_shard_with_work_that_commits_nothing_is_blocked(health, progress):
    progress.opened("intake", SHARD)
    look(progress, is_caught_up=False)
    assert blocked(health) == {PART: "nothing of it was committed"}


def test_a_shard_that_commits_works_however_much_waits(health, progress):
    progress.opened("intake", SHARD)
    look(progress, is_caught_up=False)
    progress.committed("intake", SHARD)
    look(progress, is_caught_up=False)
    assert blocked(health) == {}
    look(progress, is_caught_up=False)
    assert blocked(health) == {PART: "nothing of it was committed"}


def test_a_shard_that_fails_again_and_again_is_blocked_with_the_error(health, progress):
    for _ in range(3):
        progress.opened("intake", SHARD)
        progress.failed("intake", SHARD, KeyError("segments"))
        progress.closed("intake", SHARD)
        look(progress, is_caught_up=False)
    assert blocked(health) == {PART: "KeyError: 'segments'"}
    (stuck,) = health.stuck(after_s=0)
    assert "defect" in stuck.advice


def test_an_error_of_kafka_advises_to_look_at_the_brokers(health, progress):
    progress.failed("intake", SHARD, KafkaConnectionError("no broker"))
    look(progress, is_caught_up=False)
    (stuck,) = health.stuck(after_s=0)
    assert "brokers" in stuck.advice


def test_a_partition_that_went_to_another_worker_is_no_longer_blocked_here(health, progress):
    look(progress, is_caught_up=False)
    progress.look_at_shards(set(), lambda source: True)
    assert blocked(health) == {}


def test_a_worker_that_stands_by_is_not_blocked(health, progress):
    progress.look_at_shards(set(), lambda source: True)
    progress.look_at_group(0.1, is_rebalancing=False)
    assert blocked(health) == {}


def test_a_group_that_does_not_answer_or_does_not_settle_is_blocked(health, progress):
    progress.look_at_group(GROUP_SILENT_S + 1, is_rebalancing=False)
    assert blocked(health) == {"group": "no broker answers for the group of the workers"}
    progress.look_at_group(0.1, is_rebalancing=True)
    assert blocked(health) == {"group": "the partitions are being divided among the workers"}
    progress.look_at_group(0.1, is_rebalancing=False)
    assert blocked(health) == {}


async def test_a_tick_that_no_broker_takes_is_blocked_and_none_is_sent_behind_it(health, monkeypatch):
    monkeypatch.setattr("agents.progress.LOOK_EVERY_S", 0.0)
    ticks = Ticks(health)
    ticks.sent(SHARD)
    await asyncio.sleep(0)
    ticks.look(frozenset({SHARD}))
    assert blocked(health) == {"ticks siaga.incidents/3": "no broker takes a clock tick"}
    assert not ticks.may_send(SHARD)
    ticks.delivered(SHARD, None)
    assert blocked(health) == {} and ticks.may_send(SHARD)


def test_a_tick_that_was_given_up_says_why_and_the_next_is_sent(health):
    ticks = Ticks(health)
    ticks.sent(SHARD)
    ticks.delivered(SHARD, KafkaConnectionError("no broker"))
    assert list(blocked(health)) == ["ticks siaga.incidents/3"] and ticks.may_send(SHARD)
