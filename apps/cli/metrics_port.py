"""/metrics of the commands that need none to work: `siaga webhook` and `siaga cap` serve it where a port is given."""

from agents import metrics
from agents.metrics_page import PortTaken, serve_metrics
from agents.settings import Settings
from apps.cli.options import CommandError


def serve_if_asked(settings: Settings) -> None:
    """Serve it when SIAGA_METRICS_PORT or --metrics-port is set. The default port is a worker's on the same machine."""
    if "metrics_port" not in settings.model_fields_set:
        return
    try:
        serve_metrics(settings, metrics.OUTWARD)
    except PortTaken as error:
        raise CommandError(str(error)) from None
