"""A worker process: its metrics page and its Faust worker. Every way not to start is one clear line."""

import gc
import logging
import time

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from agents.app import create_app
from agents.kafka.connection import kafka_python_options
from agents.kafka.refusals import refusal
from agents.kafka.topics import TopicError, open_admin, partition_counts
from agents.logs import configure_logging
from agents.metrics_page import PortTaken, serve_metrics
from agents.settings import Settings
from schemas.topics import SPECS

log = logging.getLogger(__name__)

BROKER_PATIENCE_S = 60.0
GC_THRESHOLDS = (200_000, 10, 100)
BROKER_TRY_S = 5.0
AGAIN_S = 0.5


class WorkerError(Exception):
    """The worker cannot start. One line that says why and what to do."""


def run_worker(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT. Raises WorkerError when it cannot start; exits with status 1 when it crashes."""
    configure_logging(settings)
    try:
        app = create_app(settings)
    except (ValueError, OSError) as error:
        raise WorkerError(f"{error}") from error
    check_topics(settings)
    try:
        serve_metrics(settings)
    except PortTaken as error:
        raise WorkerError(str(error)) from error
    # A worker holds a million small objects that never form cycles; the default thresholds walk them all again and
    # again (8 % of the risk fold's time at 60,000 incidents, and a pause that grows with the state). Nor need a batch's
    # records be walked while it is folded: with 50,000 that was 7 % of a worker's time in catch-up
    # (docs/performance.md).
    gc.set_threshold(*GC_THRESHOLDS)
    worker = app.Worker(override_logging=False, redirect_stdouts=False, quiet=True, debug=False)
    worker.spinner = None  # it writes escape sequences between the log's lines
    worker.execute_from_commandline()


def check_topics(settings: Settings) -> None:
    """Refuse to run on topics that are missing or have another partition count: a regency's history would be split.

    Waits up to BROKER_PATIENCE_S for the broker, so that a worker may be started before it.
    """
    names = [settings.topics[spec.topic] for spec in SPECS]
    counts = _patient_counts(settings, names)
    missing = [name for name in names if name not in counts]
    if missing:
        raise WorkerError(f"{', '.join(missing)}: no such topic; run `siaga topics` first")
    wrong = [f"{name} has {count}" for name, count in counts.items() if count != settings.partitions]
    if wrong:
        raise WorkerError(f"SIAGA_PARTITIONS is {settings.partitions} but {', '.join(wrong)} partitions")


def _patient_counts(settings: Settings, names: list[str]) -> dict[str, int]:
    """Partitions by topic; a broker that goes away between two answers is waited for again."""
    deadline = time.monotonic() + BROKER_PATIENCE_S
    while True:
        try:
            with _patient_admin(settings, deadline) as admin:
                return partition_counts(admin, names)
        except (TopicError, KafkaError) as error:
            if not getattr(error, "retriable", False) or time.monotonic() >= deadline:
                raise WorkerError(f"cannot describe the topics: {error}") from error
            log.warning("Kafka went away while the topics were looked at; trying again: %s", error)
            time.sleep(AGAIN_S)


def _patient_admin(settings: Settings, deadline: float) -> KafkaAdminClient:
    # It logs each attempt and retries a wrong password like a broker that is away; the lines below say it once.
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    options = kafka_python_options(settings)
    while True:
        if line := refusal(settings):
            raise WorkerError(line)
        try:
            return open_admin(options, BROKER_TRY_S)
        except KafkaError as error:
            if time.monotonic() >= deadline:
                raise WorkerError(f"no Kafka at {settings.broker}: {type(error).__name__}") from error
            log.warning("no Kafka at %s yet, waiting", settings.broker)
