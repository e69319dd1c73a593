"""Logs: one line per event that matters, text or JSON, at most one line per cause in ten seconds.

A broker that is away makes its clients repeat themselves hundreds of times a second (17,490 lines in 36 s were seen). A cause
is a logger and its message template, so a flood about one thing does not hide another.
"""

import json
import logging
import sys
import time
from collections.abc import Callable

from agents.settings import LogFormat, Settings

FLOOD_PAUSE_S = 10.0
#: Loggers of the clients, which repeat themselves while the broker is away.
_CLIENTS = ("aiokafka", "kafka", "faust", "mode")
#: Normal between two transactions: the broker is still writing the markers of the first.
_BUSINESS_AS_USUAL = ("NotEnoughReplicasError", "ConcurrentTransactions")
_STANDARD_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


class FloodGate(logging.Filter):
    """Lets the first line of a cause through, then one per pause, saying how many were held back."""

    def __init__(self, pause_s: float = FLOOD_PAUSE_S, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._pause_s, self._now = pause_s, now
        self._last: dict[tuple[str, str], float] = {}
        self._held: dict[tuple[str, str], int] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if not record.name.startswith(_CLIENTS):
            return True
        if any(word in record.getMessage() for word in _BUSINESS_AS_USUAL):
            return False
        cause = (record.name, str(record.msg))
        now = self._now()
        if now - self._last.get(cause, -self._pause_s) < self._pause_s:
            self._held[cause] = self._held.get(cause, 0) + 1
            return False
        self._last[cause] = now
        held = self._held.pop(cause, 0)
        if held:
            record.msg, record.args = f"{record.getMessage()} ({held} more like it were held back)", ()
        return True


class OneLine(logging.Formatter):
    """Text on one line: a message cannot forge another by a line break in it."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        return text if record.exc_info else text.replace("\r", "\\r").replace("\n", "\\n")


class JsonLine(logging.Formatter):
    """One JSON object per line: time (Unix seconds), level, logger, message, and what was given as `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": round(record.created, 3),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: value for name, value in vars(record).items() if name not in _STANDARD_FIELDS}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


def configure_logging(settings: Settings) -> None:
    """Log to standard error as the settings say. Replaces handlers set before."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLine() if settings.log_format is LogFormat.JSON else OneLine())
    handler.addFilter(FloodGate())
    logging.basicConfig(level=settings.log_level.value, handlers=[handler], force=True)
    for noisy in _CLIENTS:
        # aiokafka builds debug strings for every request even when nobody reads them.
        logging.getLogger(noisy).setLevel(logging.WARNING)
