"""Every metric Siaga exposes, named in one place (base units, bounded labels), and the page Prometheus reads.

`topic` and `stage` are constants of Siaga; `regency` and `name` are bounded by the roster; `source` is a name of the
settings or one of at most `SOURCES_MAX` others (the rest count as `other`); `level`, `reason` and `outcome` are enums.
No text that a publisher chooses freely becomes a label."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import orjson
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

from agents.health import Health
from agents.settings import Settings
from schemas.escalation import LEVELS_AFTER
from schemas.ledger import INCIDENT, TURNOUT
from schemas.topics import INPUTS
from schemas.vocabulary import RejectReason

SOURCES_MAX = 64
_LATENCY_S = (0.005, 0.01, 0.02, 0.03, 0.04, 0.06, 0.08, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 15, 60)
_RESTORE_S = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60)
_BATCH = (1, 3, 10, 30, 100, 300, 1000, 3000, 10_000)

_Metric = TypeVar("_Metric", Counter, Gauge, Histogram)

log = logging.getLogger(__name__)

REGISTRY = CollectorRegistry()
#: Each program's /metrics holds its own metrics only: those of another program would read 0 there and look measured.
WORKER, BOARD, SENDERS = CollectorRegistry(), CollectorRegistry(), CollectorRegistry()
_PAGES = {"siaga_board_": (BOARD,), "siaga_outward_": (SENDERS,), "siaga_stuck_": (WORKER, BOARD, SENDERS)}


def _counter(name: str, about: str, *labels: str) -> Counter:
    return _on_its_page(Counter(name, about, labels, registry=REGISTRY), name)


def _gauge(name: str, about: str, *labels: str) -> Gauge:
    return _on_its_page(Gauge(name, about, labels, registry=REGISTRY), name)


def _histogram(name: str, about: str, *labels: str, buckets: Sequence[float]) -> Histogram:
    return _on_its_page(Histogram(name, about, labels, buckets=buckets, registry=REGISTRY), name)


def _on_its_page(metric: _Metric, name: str) -> _Metric:
    for page in next((pages for prefix, pages in _PAGES.items() if name.startswith(prefix)), (WORKER,)):
        page.register(metric)
    return metric


# Intake and fold
RECORDS = _counter("siaga_records_total", "Input records by outcome: admitted, rejected.", "topic", "outcome")
REJECTED = _counter("siaga_rejected_total", "Rejected input records by reason.", "topic", "reason")
SOURCE_RECORDS = _counter("siaga_source_records_total", "Admitted records by publishing system.", "source")
SOURCE_LAST_SEEN = _gauge(
    "siaga_source_last_record_timestamp_seconds", "Unix time a source's last record was admitted.", "source"
)
SOURCE_DELAY = _gauge("siaga_source_event_delay_seconds", "Clock minus event time of a source's last record.", "source")
ENTRIES = _counter("siaga_ledger_entries_total", "Ledger entries folded, by kind and outcome.", "kind", "outcome")

LEDGER_QUARANTINED = _counter(
    "siaga_ledger_quarantined_records_total",
    "Ledger records that are no frames: left where they lie, never folded.",
    "partition",
)

# Lag
LAG_RECORDS = _gauge("siaga_lag_records", "Records behind the end of a source partition.", "topic", "partition")
LAG_SECONDS = _gauge(
    "siaga_lag_seconds", "Age of the oldest record of the last batch when it was committed.", "topic", "partition"
)
CLOCK = _gauge("siaga_clock_timestamp_seconds", "The fold's clock of a ledger partition, Unix time.", "partition")
CLOCK_SKEW = _gauge("siaga_clock_skew_seconds", "Broker append time minus this worker's wall time at the last batch.")
BROKER_AHEAD = _gauge(
    "siaga_broker_clock_ahead_seconds",
    "Append time of a source's newest record read minus this worker's wall time: ahead above 0.",
    "topic",
    "partition",
)

# Shards
BATCH_RECORDS = _histogram("siaga_batch_records", "Source records per transaction.", "stage", buckets=_BATCH)
TRANSACTION_SECONDS = _histogram(
    "siaga_transaction_seconds", "From the first send to the committed transaction.", "stage", buckets=_LATENCY_S
)
FOLD_SECONDS = _histogram("siaga_fold_seconds", "Time spent in the fold per batch.", "stage", buckets=_LATENCY_S)
SHARDS_OPEN = _gauge("siaga_shards_open", "Shards this worker holds open.", "stage")
SHARD_OPENS = _counter("siaga_shard_opens_total", "Shards opened: fenced the earlier owner and restored.", "stage")
SHARD_FENCES = _counter("siaga_shard_fences_total", "Shards lost to another owner.", "stage", "topic", "partition")
SHARD_FAILURES = _counter("siaga_shard_failures_total", "Shards closed on another error, to be reopened.", "stage")
SHARD_REBUILDS = _counter(
    "siaga_shard_rebuilds_total", "Shards whose state was missing and is rebuilt from the source.", "stage"
)
RESTORE_SECONDS = _histogram("siaga_restore_seconds", "Time to fence and restore a shard.", "stage", buckets=_RESTORE_S)
RESTORED_RECORDS = _counter("siaga_restored_records_total", "State records read while restoring.", "stage")
GAPS = _counter("siaga_source_gaps_total", "Source offsets deleted before they were read.", "topic")
RECREATED = _counter("siaga_source_recreated_total", "Source partitions found deleted and recreated.", "topic")

# Risk table
LEVEL = _gauge("siaga_regency_level", "Level of a regency: 0 normal, 1 waspada, 2 siaga, 3 awas.", "regency", "name")
SCORE = _gauge("siaga_regency_score", "Score of a regency, 0 to 100.", "regency", "name")
DATA_STATUS = _gauge("siaga_regency_data_status", "Data of a regency: 0 live, 1 stale, 2 silent.", "regency", "name")
STATIONS_REPORTED = _gauge(
    "siaga_regency_stations_reported", "Polling stations that reported turnout.", "regency", "name"
)
STATIONS_EXPECTED = _gauge("siaga_regency_stations_expected", "Polling stations in the roster.", "regency", "name")
VOTED = _gauge("siaga_regency_voted", "Voters so far, sum over reporting stations.", "regency", "name")
REGISTERED = _gauge("siaga_regency_registered", "Voters entitled at the reporting stations.", "regency", "name")
STATIONS_CONFLICTING = _gauge(
    "siaga_regency_stations_conflicting",
    "Stations of which two agencies reported different counts of one moment.",
    "regency",
    "name",
)
STATIONS_UNLISTED = _gauge(
    "siaga_regency_stations_unlisted",
    "Stations that reported and are not in the station roster; in no total.",
    "regency",
    "name",
)
CANDIDATES = _gauge(
    "siaga_regency_candidate_pairs",
    "Pairs of incidents that may be one under two numbers, until people decide.",
    "regency",
    "name",
)
ESCALATIONS = _counter("siaga_escalations_total", "Escalations published.", "change", "level")
ESCALATION_LATENCY = _histogram(
    "siaga_escalation_latency_seconds",
    "From the input record's append to the committed escalation.",
    buckets=_LATENCY_S,
)
STUCK = _gauge(
    "siaga_stuck_seconds",
    "Seconds without progress of a part that has work; absent when every part works.",
    "role",
    "part",
)
BUILD = _gauge("siaga_build_info", "Always 1; version and ruleset as labels.", "version", "ruleset", "clock")

# Board
BOARD_VIEWERS = _gauge("siaga_board_viewers", "Live connections of the board.")
BOARD_LAST_UPDATE = _gauge(
    "siaga_board_last_update_timestamp_seconds",
    "Append time (Kafka's clock, Unix time) of the newest row sent to viewers.",
)
BOARD_BEHIND = _gauge("siaga_board_behind_seconds", "Seconds since the board was last at the end of every partition.")
BOARD_LAG_RECORDS = _gauge("siaga_board_lag_records", "Offsets between the board and the ends of its partitions.")
BOARD_DELAY = _histogram(
    "siaga_board_delay_seconds",
    "From a record's append (row, province, escalation) until it is sent to viewers.",
    buckets=_LATENCY_S,
)
BOARD_UNREADABLE = _counter(
    "siaga_board_unreadable_records_total", "Records the board could not parse and does not show."
)
BOARD_CONNECTIONS = _gauge("siaga_board_connections", "Open connections to the board, viewers and others.")
BOARD_REFUSED = _counter(
    "siaga_board_refused_total",
    "Requests and connections refused or cut off: host, origin, address, full, descriptors, unread, excess.",
    "reason",
)

# Senders: `siaga webhook` and `siaga cap`. `sender` is `cap` or `webhook-NAME`, one per process.
OUTWARD_ESCALATIONS = _counter(
    "siaga_outward_escalations_total",
    "Escalations by final outcome: delivered, refused by the receiver, unreadable.",
    "sender",
    "outcome",
)
OUTWARD_RETRIES = _counter("siaga_outward_retries_total", "Posts that failed and are retried.", "sender")
OUTWARD_LAST_SUCCESS = _gauge(
    "siaga_outward_last_success_timestamp_seconds", "Unix time of the last delivered escalation.", "sender"
)
OUTWARD_WAITING_SINCE = _gauge(
    "siaga_outward_waiting_since_timestamp_seconds",
    "Append time of the escalation a partition waits for; absent when none waits.",
    "sender",
    "partition",
)


OUTWARD_REFUSED = _gauge(
    "siaga_outward_refused_escalations",
    "Escalations given up after a day, until they are sent again or dropped by people.",
    "sender",
    "partition",
)


def touch_counters() -> None:
    """Expose the counters that alerts use as 0: `rate` and `increase` miss the first increment of a new series."""
    for topic in INPUTS:
        for outcome in ("admitted", "rejected"):
            RECORDS.labels(topic.value, outcome)
        for reason in RejectReason:
            REJECTED.labels(topic.value, reason.value)
    for kind in (INCIDENT, TURNOUT):
        for outcome in ("id_reused", "surplus"):
            ENTRIES.labels(kind, outcome)
    for change, levels in LEVELS_AFTER.items():
        for level in levels:
            ESCALATIONS.labels(change, level.value)


_named_sources: set[str] = set()
_known_sources: set[str] = set()


def name_sources(sources: Iterable[str]) -> None:
    """Reserve a label for each of these, however many other sources publish first."""
    _named_sources.update(sources)


def source_label(source: str) -> str:
    """The label of a publishing system: its name if reserved or among the first SOURCES_MAX, else `other`.

    The bound keeps publishers from growing the memory of the worker and of Prometheus."""
    if source not in _named_sources and source not in _known_sources:
        if len(_known_sources) >= SOURCES_MAX:
            return "other"
        _known_sources.add(source)
    return source


def count_sources(records: Mapping[str, int], delays_ms: Mapping[str, int], now_s: float) -> None:
    """Count a batch's admitted records by source. `delays_ms`: clock minus event time of each source's last record."""
    for source, count in records.items():
        label = source_label(source)
        SOURCE_RECORDS.labels(label).inc(count)
        SOURCE_LAST_SEEN.labels(label).set(now_s)
        SOURCE_DELAY.labels(label).set(delays_ms[source] / 1000)


class PortTaken(OSError):
    """The metrics port cannot be bound. One line with the address and the flag to change it."""


def set_stuck(health: Health) -> None:
    """Set `siaga_stuck_seconds` to what is stuck now."""
    STUCK.clear()
    for stuck in health.stuck():
        STUCK.labels(health.role, stuck.part).set(stuck.since_s)


def serve_metrics(settings: Settings, health: Health, page: CollectorRegistry = WORKER) -> None:
    """Serve /metrics and /healthz on the settings' host and port, in a thread of its own so that a busy worker still
    answers. /healthz is `Health.report` as JSON: status 503 while a part is stuck, else 200.

    Raises PortTaken."""
    try:
        server, _ = start_http_server(settings.metrics_port, settings.metrics_host, page)
    except OSError as error:
        where = f"{settings.metrics_host}:{settings.metrics_port}"
        raise PortTaken(f"cannot serve metrics on {where}: {error.strerror}; choose another --metrics-port") from error
    server.set_app(_with_health(server.get_app(), health))
    log.info("metrics on http://%s:%d/metrics", settings.metrics_host, server.server_port)


def _with_health(metrics_page: Any, health: Health) -> Any:
    """A WSGI application: the metrics page, and /healthz beside it."""

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"] != "/healthz":
            set_stuck(health)
            pages: Iterable[bytes] = metrics_page(environ, start_response)
            return pages
        body = orjson.dumps(health.report())
        status = "503 Service Unavailable" if health.stuck() else "200 OK"
        start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]

    return answer
