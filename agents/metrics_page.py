"""The page Prometheus reads, served from a thread of its own so that a busy worker still answers."""

import logging

from prometheus_client import CollectorRegistry, start_http_server

from agents import metrics
from agents.settings import Settings

log = logging.getLogger(__name__)


class PortTaken(OSError):
    """The metrics page cannot be served. One line that says where and what to do."""


def serve_metrics(settings: Settings, page: CollectorRegistry = metrics.WORKER) -> None:
    """Serve a program's /metrics on the settings' host and port. Raises PortTaken."""
    try:
        server, _ = start_http_server(settings.metrics_port, settings.metrics_host, page)
    except OSError as error:
        where = f"{settings.metrics_host}:{settings.metrics_port}"
        raise PortTaken(f"cannot serve metrics on {where}: {error.strerror}; choose another --metrics-port") from error
    log.info("metrics on http://%s:%d/metrics", settings.metrics_host, server.server_port)
