"""What happens to shards, as metrics and log lines. The only link between the batching part and Prometheus."""

import logging
import time

from aiokafka import TopicPartition

from agents import metrics
from agents.batching.fold import Batch
from agents.batching.shard import Committed

log = logging.getLogger(__name__)


class ShardMetrics:
    """Observer of one stage (see `agents.batching.stage.Observer`)."""

    def __init__(self, stage: str) -> None:
        self._stage = stage
        # Touched once so that a counter that never moved is seen as 0, not as missing.
        for counter in (metrics.SHARD_OPENS, metrics.SHARD_FENCES, metrics.SHARD_FAILURES, metrics.RESTORED_RECORDS):
            counter.labels(stage)
        metrics.SHARDS_OPEN.labels(stage).set(0)

    def opened(self, source: TopicPartition, seconds: float, records: int) -> None:
        metrics.SHARD_OPENS.labels(self._stage).inc()
        metrics.SHARDS_OPEN.labels(self._stage).inc()
        metrics.RESTORE_SECONDS.labels(self._stage).observe(seconds)
        metrics.RESTORED_RECORDS.labels(self._stage).inc(records)
        log.info("%s shard of %s[%d] open: %d state records in %.2f s", self._stage, *source, records, seconds)

    def closed(self, source: TopicPartition) -> None:
        metrics.SHARDS_OPEN.labels(self._stage).dec()

    def fenced(self, source: TopicPartition) -> None:
        metrics.SHARD_FENCES.labels(self._stage).inc()

    def failed(self, source: TopicPartition, error: BaseException) -> None:
        metrics.SHARD_FAILURES.labels(self._stage).inc()

    def lost(self, source: TopicPartition, offsets: int) -> None:
        metrics.GAPS.labels(source.topic).inc(offsets)

    def committed(self, source: TopicPartition, batch: Batch, cost: Committed) -> None:
        now_ms = time.time() * 1000
        metrics.BATCH_RECORDS.labels(self._stage).observe(cost.records)
        metrics.FOLD_SECONDS.labels(self._stage).observe(cost.fold_seconds)
        metrics.TRANSACTION_SECONDS.labels(self._stage).observe(cost.transaction_seconds)
        metrics.LAG_SECONDS.labels(*source).set(max(0.0, now_ms - batch.records[0].timestamp) / 1000)
        metrics.CLOCK_SKEW.set((batch.records[-1].timestamp - now_ms) / 1000)


def count_lag(source: TopicPartition, records: int) -> None:
    """Set the record lag of a source partition."""
    metrics.LAG_RECORDS.labels(*source).set(records)
