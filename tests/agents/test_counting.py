"""Laws of counters that alerts and dashboards watch: each is seen as 0 before it first moves, or its first increment is never seen."""

import pytest
from aiokafka import TopicPartition

from agents.metrics import REGISTRY
from agents.observing import ShardMetrics

STAGE, PREFIX = "of-test-counting", "counting."
SHARD = TopicPartition(f"{PREFIX}ledger", 3)
FENCES = {"stage": STAGE, "topic": "ledger", "partition": "3"}


@pytest.fixture
def shards() -> ShardMetrics:
    return ShardMetrics(STAGE, PREFIX)


def test_a_shard_that_is_open_has_been_lost_no_time_and_then_once_more_each_time(shards):
    before = fences() or 0
    shards.opened(SHARD, 0.1, 0)
    assert fences() == before
    shards.fenced(SHARD)
    assert fences() == before + 1


def fences() -> float | None:
    return REGISTRY.get_sample_value("siaga_shard_fences_total", FENCES)
