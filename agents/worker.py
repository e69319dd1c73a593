"""A worker process: its metrics page and its Faust worker. Every reason not to start is one line."""

from agents.app import create_app
from agents.garbage_collection import set_worker_thresholds
from agents.health import Health, end_when_hopeless
from agents.logs import configure_logging
from agents.metrics import PortTaken, serve_metrics
from agents.settings import Settings, SettingsError
from agents.start_checks import StartRefused, check_start


class WorkerEnded(Exception):
    """The worker has ended by itself. One line that says why and what to do."""


def run_worker(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT; exits with status 1 when it crashes.

    Raises StartRefused when it cannot start, WorkerEnded when it cannot go on, SettingsError for a roster, ruleset or
    sources file that is wrong."""
    configure_logging(settings)
    health = Health("worker", settings.topic_prefix)
    try:
        app = create_app(settings, health)
    except SettingsError:
        raise
    except (ValueError, OSError) as error:
        raise StartRefused(f"{error}") from error
    check_start(settings)
    try:
        serve_metrics(settings, health)
    except PortTaken as error:
        raise StartRefused(str(error)) from error
    set_worker_thresholds()
    end_when_hopeless(health)
    worker = app.Worker(override_logging=False, redirect_stdouts=False, quiet=True, debug=False)
    worker.spinner = None  # it writes escape sequences between the log's lines
    try:
        worker.execute_from_commandline()
    finally:
        if app.ended_by is not None:
            raise WorkerEnded(str(app.ended_by)) from None
