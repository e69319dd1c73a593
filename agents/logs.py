"""Logs: one line per event that matters, text or JSON, at most one line per cause in ten seconds.

A broker that is away makes its clients repeat themselves hundreds of times a second (17,490 lines in 36 s were seen). A
cause is a logger and its message template, so a flood about one thing does not hide another."""

import json
import logging
import sys
import time
from collections.abc import Callable

from agents.settings import LogFormat, Settings

FLOOD_PAUSE_S = 10.0
#: So many causes are remembered before old ones are forgotten.
CAUSES_MAX = 1000
#: Loggers of the clients, which repeat themselves while the broker is away.
_CLIENTS = ("aiokafka", "kafka", "faust", "mode")
#: Normal between two transactions: the broker is still writing the markers of the first.
_BUSINESS_AS_USUAL = ("NotEnoughReplicasError", "ConcurrentTransactions")
#: Control characters, and what some readers take for a line break, written out.
_VISIBLE = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))}
_VISIBLE |= {ord("\n"): "\\n", ord("\r"): "\\r", ord("\t"): "\\t", 0x2028: "\\u2028", 0x2029: "\\u2029"}
_STANDARD_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


class FloodGate(logging.Filter):
    """Lets the first line of a cause through, then one per pause, saying how many were held back.

    The clients' lines are gated at every level, ours from warnings on; ours are told apart by what they name (a
    partition, say), errors aside, so that one shard's trouble does not hide another's."""

    def __init__(self, pause_s: float = FLOOD_PAUSE_S, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._pause_s, self._now = pause_s, now
        self._last: dict[tuple, float] = {}
        self._held: dict[tuple, int] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        from_client = record.name.startswith(_CLIENTS)
        if not from_client and record.levelno < logging.WARNING:
            return True
        if from_client and any(word in record.getMessage() for word in _BUSINESS_AS_USUAL):
            return False
        cause = (record.name, str(record.msg), () if from_client else _named(record))
        now = self._now()
        if now - self._last.get(cause, -self._pause_s) < self._pause_s:
            self._held[cause] = self._held.get(cause, 0) + 1
            return False
        if len(self._last) >= CAUSES_MAX:
            self._forget(now)
        self._last[cause] = now
        held = self._held.pop(cause, 0)
        if held:
            record.msg, record.args = f"{record.getMessage()} ({held} more like it were held back)", ()
        return True

    def _forget(self, now: float) -> None:
        for cause in [cause for cause, at in self._last.items() if now - at >= self._pause_s]:
            del self._last[cause]
            self._held.pop(cause, None)


def _named(record: logging.LogRecord) -> tuple[str, ...]:
    arguments = record.args if isinstance(record.args, tuple) else ()
    return tuple(str(argument) for argument in arguments if not isinstance(argument, BaseException))


class OneLine(logging.Formatter):
    """Text on one line: a message cannot forge another by a line break in it, nor speak to the terminal that shows it.

    A traceback keeps its lines, each indented so that none can pass for a record.
    """

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        exception = record.exc_info and self.formatException(record.exc_info)
        plain = logging.makeLogRecord(vars(record) | {"exc_info": None, "exc_text": None, "stack_info": None})
        lines = [super().format(plain), *(exception.splitlines() if exception else ())]
        return "\n  | ".join(line.translate(_VISIBLE) for line in lines)


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
        return json.dumps(line, default=str)


def configure_logging(settings: Settings) -> None:
    """Log to standard error as the settings say. Replaces handlers set before."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLine() if settings.log_format is LogFormat.JSON else OneLine())
    handler.addFilter(FloodGate())
    logging.basicConfig(level=settings.log_level.value, handlers=[handler], force=True)
    for noisy in _CLIENTS:
        # aiokafka builds debug strings for every request even when nobody reads them.
        logging.getLogger(noisy).setLevel(logging.WARNING)
