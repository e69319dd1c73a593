"""Counters that alerts and dashboards watch: each is exposed as 0 first, or its first increment is never seen."""

import pytest
from aiokafka import TopicPartition

from agents import metrics
from agents.health import Health
from agents.metrics import REGISTRY
from agents.progress import Progress
from agents.shard_metrics import ShardMetrics
from schemas.escalation import LEVELS_AFTER
from schemas.vocabulary import Change, Level

STAGE, PREFIX = "of-test-counting", "counting."
SHARD = TopicPartition(f"{PREFIX}ledger", 3)
FENCES = {"stage": STAGE, "topic": "ledger", "partition": "3"}


@pytest.fixture
def shards() -> ShardMetrics:
    return ShardMetrics(STAGE, PREFIX, Progress(Health("worker", PREFIX)))


def test_fences_of_a_shard_are_0_once_it_is_open_and_count_each_loss(shards):
    before = fences() or 0
    shards.opened(SHARD, 0.1, 0)
    assert fences() == before
    shards.fenced(SHARD)
    assert fences() == before + 1


def test_every_possible_escalation_is_exposed_as_0_and_no_other():
    metrics.touch_counters()
    seen = {
        (sample.labels["change"], sample.labels["level"])
        for family in metrics.ESCALATIONS.collect()
        for sample in family.samples
    }
    possible = {(change, level) for change, levels in LEVELS_AFTER.items() for level in levels}
    assert seen == possible


def test_every_change_has_its_levels_and_only_calm_ends_at_normal():
    assert LEVELS_AFTER.keys() == set(Change)
    moving = set(Change) - {Change.STALE, Change.RECOVERED}
    assert {change for change in moving if Level.NORMAL in LEVELS_AFTER[change]} == {"cleared"}


def fences() -> float | None:
    return REGISTRY.get_sample_value("siaga_shard_fences_total", FENCES)
