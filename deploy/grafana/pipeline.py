"""*Pipeline*: do the workers keep up? Throughput, lag, latency, transactions, shards, rejected records."""

from grafana_foundation_sdk.builders import table
from panels import Column, Panel, Query, grid, number, quantiles, series, signed_series

TITLE, UID = "Siaga: Pipeline", "siaga-pipeline"
DESCRIPTION = "Workers, shards and transactions. Its alerts are explained in docs/operating/runbook.md."


def panels() -> list[Panel]:
    """Panels in reading order."""
    return [*_numbers(), *_flow(), *_lag(), *_latency(), *_shards(), *_edges(), *_board(), *_outward(), _what_runs()]


def _numbers() -> list[Panel]:
    return [
        number(
            "Workers up", "none", "Workers whose metrics Prometheus can read.", Query('sum(up{job="siaga-worker"})')
        ),
        number(
            "Records waiting",
            "short",
            "In all source partitions.",
            Query("sum(siaga:lag_records:sum)"),
            warn=10_000,
            bad=50_000,
        ),
        number(
            "Clock behind",
            "s",
            "Distance of the slowest ledger partition's clock from now; empty in a replay.",
            Query("time() - siaga:clock_timestamp_seconds:min"),
            warn=15,
            bad=60,
        ),
        number(
            "Escalation p99, 1 h",
            "s",
            "From the append of the record to the committed escalation.",
            Query("siaga:escalation_latency_seconds:p99_1h"),
            warn=1,
            bad=5,
        ),
        number(
            "Shards open",
            "none",
            "Over all workers; intake has one for each input partition, risk one for each ledger partition.",
            Query("sum(siaga_shards_open)"),
        ),
        number(
            "Gaps",
            "none",
            "Source offsets gone before they were read. Anything but 0 means lost input.",
            Query("sum(siaga_source_gaps_total) or vector(0)"),
            bad=1,
        ),
    ]


def _flow() -> list[Panel]:
    records = Query("sum by (topic, outcome) (rate(siaga_records_total[$__rate_interval]))", "{{topic}} {{outcome}}")
    entries = Query(
        "sum by (kind, outcome) (rate(siaga_ledger_entries_total[$__rate_interval]))", "{{kind}} {{outcome}}"
    )
    return [
        series(
            "Input records", "recps", "Input by outcome: admitted to the ledger or rejected.", records, stacked=True
        ),
        series(
            "Ledger entries folded", "recps", "Entries by kind and outcome; ticks are the clock.", entries, stacked=True
        ),
    ]


def _lag() -> list[Panel]:
    records = Query("max by (topic, partition) (siaga_lag_records)", "{{topic}} {{partition}}")
    seconds = Query("max by (topic) (siaga_lag_seconds)", "{{topic}}")
    return [
        series(
            "Records waiting by partition",
            "short",
            "Records behind the end of each source partition. If only one line rises, its shard is stuck.",
            records,
        ),
        series(
            "Age of the last batch", "s", "Age of the oldest record of the last batch when it was committed.", seconds
        ),
    ]


def _latency() -> list[Panel]:
    return [
        series(
            "From record to escalation",
            "s",
            "Append of the input record to the committed escalation, over all regencies.",
            *quantiles("siaga_escalation_latency_seconds", "", "", 0.5, 0.99),
        ),
        series(
            "Transaction time",
            "s",
            "First send to committed transaction.",
            *quantiles("siaga_transaction_seconds", "stage", "{{stage}}", 0.5, 0.99),
        ),
        series(
            "Records in a transaction",
            "short",
            "Batches grow with the load: group commit.",
            *quantiles("siaga_batch_records", "stage", "{{stage}}", 0.5, 0.99),
        ),
        series(
            "Time in the fold",
            "s",
            "Computing time of each batch.",
            *quantiles("siaga_fold_seconds", "stage", "{{stage}}", 0.5, 0.99),
        ),
    ]


def _shards() -> list[Panel]:
    def grown(metric: str, what: str) -> Query:
        return Query(f"sum by (stage) (increase({metric}[$__rate_interval]))", f"{{{{stage}}}} {what}")

    return [
        series(
            "Shards open by worker",
            "none",
            "Number of open partitions of each worker.",
            Query("sum by (instance, stage) (siaga_shards_open)", "{{instance}} {{stage}}"),
            stacked=True,
        ),
        series(
            "Openings, fences, failures",
            "none",
            "A move opens a shard, a takeover fences it, an error fails it and opens it again.",
            grown("siaga_shard_opens_total", "opened"),
            grown("siaga_shard_fences_total", "fenced"),
            grown("siaga_shard_failures_total", "failed"),
            grown("siaga_shard_rebuilds_total", "state rebuilt"),
        ),
        series(
            "Restore time",
            "s",
            "Time to fence the earlier owner and to restore the state.",
            *quantiles("siaga_restore_seconds", "stage", "{{stage}}", 0.5, 0.99),
        ),
        series(
            "State records read while restoring",
            "short",
            "A multiple of the regencies and stations of a partition means that compaction does not run.",
            grown("siaga_restored_records_total", "read"),
        ),
    ]


def _edges() -> list[Panel]:
    rejected = Query("sum by (topic, reason) (rate(siaga_rejected_total[$__rate_interval]))", "{{topic}} {{reason}}")
    skew = Query("max by (instance) (siaga_clock_skew_seconds)", "{{instance}}")
    return [
        series(
            "Rejected records",
            "recps",
            "By topic and reason; the records are in siaga.rejected.",
            rejected,
            stacked=True,
        ),
        signed_series(
            "Clock skew",
            "s",
            "Kafka's append time minus the worker's clock at the last batch; far below zero while it catches up.",
            skew,
        ),
    ]


def _board() -> list[Panel]:
    behind = Query("max by (instance) (siaga_board_behind_seconds)", "{{instance}} behind")
    newest = Query(
        "time() - max by (instance) (siaga_board_last_update_timestamp_seconds > 0)", "{{instance}} newest row"
    )
    unread = Query("max by (instance) (siaga_board_lag_records)", "{{instance}} not read")
    unreadable = Query("sum by (instance) (siaga_board_unreadable_records_total)", "{{instance}} unreadable")
    viewers = Query("sum by (instance) (siaga_board_viewers)", "{{instance}} viewers")
    connections = Query("sum by (instance) (siaga_board_connections)", "{{instance}} connections")
    refused = Query("sum by (reason) (increase(siaga_board_refused_total[$__rate_interval]))", "refused: {{reason}}")
    return [
        series(
            "Board behind",
            "s",
            "Time since its viewers last had all that Kafka held, at best about 1 s; and the age of its newest row.",
            behind,
            newest,
        ),
        series(
            "From append to the viewers",
            "s",
            "From Kafka's append of a row or escalation to the board's sending; includes the skew of both clocks.",
            *quantiles("siaga_board_delay_seconds", "", "", 0.5, 0.99),
        ),
        series(
            "Records the board lacks",
            "short",
            "Not read yet, or unreadable: the board shows older data of their regencies.",
            unread,
            unreadable,
        ),
        series(
            "Connections to the board",
            "short",
            "Viewers, all open connections, and what was refused: another host or origin, a limit (address, full,"
            " descriptors), a client that does not read (unread) or sends too much (excess).",
            viewers,
            connections,
            refused,
        ),
    ]


def _outward() -> list[Panel]:
    settled = Query(
        "sum by (sender, outcome) (increase(siaga_outward_escalations_total[$__rate_interval]))",
        "{{sender}} {{outcome}}",
    )
    retries = Query("sum by (sender) (increase(siaga_outward_retries_total[$__rate_interval]))", "{{sender}} retried")
    waiting = Query(
        "max by (sender) (time() - siaga_outward_waiting_since_timestamp_seconds)"
        " or max by (sender) (0 * siaga_outward_retries_total)",
        "{{sender}} oldest waiting",
    )
    success = Query(
        "time() - max by (sender) (siaga_outward_last_success_timestamp_seconds)", "{{sender}} since the last delivery"
    )
    return [
        series(
            "Escalations sent to receivers",
            "short",
            "Delivered, rejected permanently, unreadable, and retried posts; empty where no sender runs.",
            settled,
            retries,
        ),
        series(
            "Receivers: waiting and last delivery",
            "s",
            "Age of the oldest undelivered escalation, 0 when none waits; time since a delivery is long on calm days.",
            waiting,
            success,
        ),
    ]


def _what_runs() -> table.Panel:
    return grid(
        "What runs",
        "Version and ruleset of each worker; two rulesets at once mean an unfinished roll-out.",
        {"instance": "Worker", "version": "Version", "ruleset": "Ruleset", "clock": "Clock"},
        Column("Running", "max by (instance, version, ruleset, clock) (siaga_build_info)", "none"),
        height=6,
    )
