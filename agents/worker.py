"""A worker process: its metrics page and its Faust worker. Every reason not to start is one line."""

import logging
import time

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from agents.app import create_app
from agents.garbage_collection import set_worker_thresholds
from agents.health import Health
from agents.kafka.connection import kafka_python_options
from agents.kafka.refusals import refusal
from agents.kafka.topics import TopicError, open_admin, partition_counts
from agents.logs import configure_logging
from agents.metrics import PortTaken, serve_metrics
from agents.settings import Settings, SettingsError

log = logging.getLogger(__name__)

BROKER_WITHIN_S = 60.0
CONNECT_S = 5.0
RETRY_S = 0.5


class WorkerError(Exception):
    """The worker cannot start. One line that says why and what to do."""


def run_worker(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT; exits with status 1 when it crashes.

    Raises WorkerError when it cannot start, SettingsError for a roster, ruleset or sources file that is wrong."""
    configure_logging(settings)
    try:
        app = create_app(settings)
    except SettingsError:
        raise
    except (ValueError, OSError) as error:
        raise WorkerError(f"{error}") from error
    check_topics(settings)
    try:
        serve_metrics(settings, Health("worker", settings.topic_prefix))
    except PortTaken as error:
        raise WorkerError(str(error)) from error
    set_worker_thresholds()
    worker = app.Worker(override_logging=False, redirect_stdouts=False, quiet=True, debug=False)
    worker.spinner = None  # it writes escape sequences between the log's lines
    worker.execute_from_commandline()


def check_topics(settings: Settings) -> None:
    """Refuse topics that are missing or have another partition count, which would split a regency's history.

    Waits up to BROKER_WITHIN_S for the broker, so that a worker may be started before it. Raises WorkerError."""
    names = [settings.topics.of(spec) for spec in settings.load_topics()]
    counts = _wait_for_counts(settings, names)
    missing = [name for name in names if name not in counts]
    if missing:
        raise WorkerError(f"{', '.join(missing)}: no such topic; run `siaga topics` first")
    wrong = [f"{name} has {count}" for name, count in counts.items() if count != settings.partitions]
    if wrong:
        raise WorkerError(f"SIAGA_PARTITIONS is {settings.partitions} but {', '.join(wrong)} partitions")


def _wait_for_counts(settings: Settings, names: list[str]) -> dict[str, int]:
    """Partitions by topic; when the broker goes away between two requests, connect again."""
    deadline = time.monotonic() + BROKER_WITHIN_S
    while True:
        try:
            with _wait_for_broker(settings, deadline) as admin:
                return partition_counts(admin, names)
        except (TopicError, KafkaError) as error:
            if not getattr(error, "retriable", False) or time.monotonic() >= deadline:
                raise WorkerError(f"cannot describe the topics: {error}") from error
            log.warning("lost Kafka while describing the topics, retrying: %s", error)
            time.sleep(RETRY_S)


def _wait_for_broker(settings: Settings, deadline: float) -> KafkaAdminClient:
    # kafka-python logs each attempt and retries a wrong password like an absent broker; ours replace its log lines.
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    options = kafka_python_options(settings)
    while True:
        if line := refusal(settings):
            raise WorkerError(line)
        try:
            return open_admin(options, CONNECT_S)
        except KafkaError as error:
            if time.monotonic() >= deadline:
                raise WorkerError(f"no Kafka at {settings.broker}: {type(error).__name__}") from error
            log.warning("no Kafka at %s yet, waiting", settings.broker)
