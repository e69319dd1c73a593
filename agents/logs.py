"""Logs: text or JSON, one line per record. Warnings, and all lines of the Kafka clients, are limited by cause.

While a broker is unreachable its clients log the same hundreds of times a second (17,490 lines in 36 s were measured).
Each cause passes one line in ten seconds; `FloodGate` says what a cause is."""

import json
import logging
import sys
import time
from collections.abc import Callable

from agents.settings import LogFormat, Settings

FLOOD_PAUSE_S = 10.0
#: Causes kept in memory; beyond that, those older than the pause are dropped.
CAUSES_MAX = 1000
#: Loggers of the clients, which repeat themselves while the broker is unreachable.
_CLIENTS = ("aiokafka", "kafka", "faust", "mode")
#: Errors that are normal between two transactions, while the broker writes the markers of the first. The answer to a
#: produce request then says NotEnoughReplicas (KIP-890).
_EXPECTED = ("NotEnoughReplicasError", "ConcurrentTransactions")
#: Escapes for control characters and for what some readers take for a line break.
_VISIBLE = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))}
_VISIBLE |= {ord("\n"): "\\n", ord("\r"): "\\r", ord("\t"): "\\t", 0x2028: "\\u2028", 0x2029: "\\u2029"}
_STANDARD_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


#: Logger, message template, arguments that count.
Cause = tuple[str, str, tuple[str, ...]]


class FloodGate(logging.Filter):
    """Passes the first line of a cause, then one per pause with the number of suppressed lines.

    Lines of the clients are limited at every level, Siaga's own from WARNING on. A cause is a logger and its message
    template, so one error does not hide another. The cause of Siaga's lines includes their arguments (a partition, for
    example) except exceptions, so that one shard's errors do not hide another's."""

    def __init__(self, pause_s: float = FLOOD_PAUSE_S, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._pause_s, self._now = pause_s, now
        self._last: dict[Cause, float] = {}
        self._suppressed: dict[Cause, int] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        from_client = record.name.startswith(_CLIENTS)
        if not from_client and record.levelno < logging.WARNING:
            return True
        if from_client and any(word in record.getMessage() for word in _EXPECTED):
            return False
        cause = (record.name, str(record.msg), () if from_client else _named(record))
        now = self._now()
        if now - self._last.get(cause, -self._pause_s) < self._pause_s:
            self._suppressed[cause] = self._suppressed.get(cause, 0) + 1
            return False
        if len(self._last) >= CAUSES_MAX:
            self._forget(now)
        self._last[cause] = now
        suppressed = self._suppressed.pop(cause, 0)
        if suppressed:
            record.msg, record.args = f"{record.getMessage()} ({suppressed} similar lines suppressed)", ()
        return True

    def _forget(self, now: float) -> None:
        for cause in [cause for cause, at in self._last.items() if now - at >= self._pause_s]:
            del self._last[cause]
            self._suppressed.pop(cause, None)


def _named(record: logging.LogRecord) -> tuple[str, ...]:
    arguments = record.args if isinstance(record.args, tuple) else ()
    return tuple(str(argument) for argument in arguments if not isinstance(argument, BaseException))


class OneLine(logging.Formatter):
    """Text on one line: no message can forge a second record with a line break, or send escape sequences to a terminal.

    A traceback keeps its lines, each with a prefix so that none can pass for a record."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        exception = record.exc_info and self.formatException(record.exc_info)
        plain = logging.makeLogRecord(vars(record) | {"exc_info": None, "exc_text": None, "stack_info": None})
        lines = [super().format(plain), *(exception.splitlines() if exception else ())]
        return "\n  | ".join(line.translate(_VISIBLE) for line in lines)


class JsonLine(logging.Formatter):
    """One JSON object per line: time (Unix seconds), level, logger, message, and the fields of `extra`."""

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
    """Log to standard error in the format and level of the settings. Replaces earlier handlers."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLine() if settings.log_format is LogFormat.JSON else OneLine())
    handler.addFilter(FloodGate())
    logging.basicConfig(level=settings.log_level.value, handlers=[handler], force=True)
    for noisy in _CLIENTS:
        # aiokafka builds debug strings for every request even when nobody reads them.
        logging.getLogger(noisy).setLevel(logging.WARNING)
