"""A worker process: its metrics page and its Faust worker. Every way not to start is one clear line."""

import logging
from collections.abc import Callable

from prometheus_client import start_http_server

from agents import metrics
from agents.app import create_app
from agents.logs import configure_logging
from agents.settings import Settings

log = logging.getLogger(__name__)


class WorkerError(Exception):
    """The worker cannot start. One line that says why and what to do."""


def run_worker(settings: Settings, on_ready: Callable[[], None] | None = None) -> None:
    """Run until SIGTERM or SIGINT. Raises WorkerError when it cannot start; exits with status 1 when it crashes."""
    configure_logging(settings)
    try:
        app = create_app(settings)
    except (ValueError, OSError) as error:
        raise WorkerError(f"{error}") from error
    check_topics(settings)
    serve_metrics(settings)
    worker = app.Worker(override_logging=False, redirect_stdouts=False, quiet=True, debug=False)
    worker.execute_from_commandline()


def check_topics(settings: Settings) -> None:
    """Refuse to run on topics that are missing or have another partition count: a regency's history would be split."""
    from agents.topics import TopicsError, verify_partitions

    try:
        verify_partitions(settings)
    except TopicsError as error:
        raise WorkerError(str(error)) from error


def serve_metrics(settings: Settings) -> None:
    """Serve /metrics from a thread of its own."""
    try:
        server, _ = start_http_server(settings.metrics_port, settings.metrics_host, metrics.REGISTRY)
    except OSError as error:
        where = f"{settings.metrics_host}:{settings.metrics_port}"
        raise WorkerError(f"cannot serve metrics on {where}: {error.strerror}; choose another --metrics-port") from error
    log.info("metrics on http://%s:%d/metrics", settings.metrics_host, server.server_port)


