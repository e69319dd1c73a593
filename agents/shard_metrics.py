"""What agents.batching reports of its shards, as metrics and log lines: that package itself imports no Prometheus."""

import logging
import time
from contextlib import suppress

from aiokafka import TopicPartition
from prometheus_client import Counter

from agents import metrics
from agents.batching import Batch, Committed, SourceReset
from agents.progress import Progress
from schemas.topics import Topic

log = logging.getLogger(__name__)

_STATE_IS_OLDER = (
    "%s was deleted and recreated, but the state was folded from its predecessor. To rebuild the risk table: stop all "
    "workers, run `python -m kafka.admin -b $SIAGA_BROKER topics delete -t %s`, then `siaga topics`, and restart them"
)


class ShardMetrics:
    """Observer of one stage (see `agents.batching.Observer`)."""

    def __init__(self, stage: str, topic_prefix: str, progress: Progress) -> None:
        self._stage, self._prefix, self._progress = stage, topic_prefix, progress
        # A counter that never moved is exposed as 0 instead of being absent.
        for counter in (metrics.SHARD_OPENS, metrics.SHARD_FAILURES, metrics.RESTORED_RECORDS):
            counter.labels(stage)
        metrics.SHARD_REBUILDS.labels(stage)
        metrics.RESTORE_SECONDS.labels(stage)
        metrics.SHARDS_OPEN.labels(stage).set(0)

    def opened(self, source: TopicPartition, seconds: float, records: int) -> None:
        self._progress.opened(self._stage, source)
        metrics.SHARD_OPENS.labels(self._stage).inc()
        self._fences(source)  # exposed as 0: `increase` misses the first increment of a new series
        metrics.SHARDS_OPEN.labels(self._stage).inc()
        metrics.RESTORE_SECONDS.labels(self._stage).observe(seconds)
        metrics.RESTORED_RECORDS.labels(self._stage).inc(records)
        log.info("%s shard of %s[%d] open: %d state records in %.2f s", self._stage, *source, records, seconds)

    def closed(self, source: TopicPartition) -> None:
        self._progress.closed(self._stage, source)
        metrics.SHARDS_OPEN.labels(self._stage).dec()
        for gauge in (metrics.LAG_RECORDS, metrics.LAG_SECONDS, metrics.BROKER_AHEAD):
            with suppress(KeyError):
                gauge.remove(self._short(source.topic), str(source.partition))

    def fenced(self, source: TopicPartition) -> None:
        self._fences(source).inc()

    def failed(self, source: TopicPartition, error: BaseException) -> None:
        self._progress.failed(self._stage, source, error)
        metrics.SHARD_FAILURES.labels(self._stage).inc()
        if isinstance(error, SourceReset) and self._short(source.topic) == Topic.LEDGER:
            # A recreated input is read from its beginning, since Kafka deletes the offsets with the topic. The state of
            # the risk stage is not deleted with its ledger.
            state = source.topic.removesuffix(Topic.LEDGER) + Topic.STATE
            log.error(_STATE_IS_OLDER, source.topic, state)

    def lost(self, source: TopicPartition, offsets: int) -> None:
        metrics.GAPS.labels(self._short(source.topic)).inc(offsets)

    def recreated(self, source: TopicPartition) -> None:
        metrics.RECREATED.labels(self._short(source.topic)).inc()

    def rebuilding(self, source: TopicPartition, offsets: int) -> None:
        metrics.SHARD_REBUILDS.labels(self._stage).inc()

    def committed(self, source: TopicPartition, batch: Batch, cost: Committed) -> None:
        self._progress.committed(self._stage, source)
        now_ms = time.time() * 1000
        metrics.BATCH_RECORDS.labels(self._stage).observe(cost.records)
        metrics.FOLD_SECONDS.labels(self._stage).observe(cost.fold_seconds)
        metrics.TRANSACTION_SECONDS.labels(self._stage).observe(cost.transaction_seconds)
        age_ms = now_ms - batch.records[0].timestamp
        metrics.LAG_SECONDS.labels(self._short(source.topic), str(source.partition)).set(max(0.0, age_ms) / 1000)
        ahead_s = (batch.records[-1].timestamp - now_ms) / 1000
        metrics.BROKER_AHEAD.labels(self._short(source.topic), str(source.partition)).set(ahead_s)
        if batch.caught_up:
            # While the shard catches up the difference would be its lag.
            metrics.CLOCK_SKEW.set(ahead_s)

    def lag(self, source: TopicPartition, records: int) -> None:
        """Set the record lag of a source partition."""
        metrics.LAG_RECORDS.labels(self._short(source.topic), str(source.partition)).set(records)

    def _fences(self, source: TopicPartition) -> Counter:
        return metrics.SHARD_FENCES.labels(self._stage, self._short(source.topic), str(source.partition))

    def _short(self, topic: str) -> str:
        return topic.removeprefix(self._prefix)
