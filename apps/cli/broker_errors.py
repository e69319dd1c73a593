"""One clear line when the broker is away, refuses us, or lacks a topic. Exit status 1."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from kafka.errors import (
    AuthorizationError,
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    NetworkExceptionError,
    SaslAuthenticationFailedError,
    UnsupportedSaslMechanismError,
)

from agents.settings import SecurityProtocol, Settings
from apps.cli.options import CommandError

CONNECT_S = 10.0
_REFUSED = (SaslAuthenticationFailedError, UnsupportedSaslMechanismError, AuthorizationError)
_AWAY = (KafkaConnectionError, KafkaTimeoutError, NetworkExceptionError)


class _LastCause(logging.Handler):
    """Remembers why kafka-python's last connection failed.

    Its bootstrap retries a wrong password as it does a broker that is away, and then raises a bare time-out: the cause
    is only in its log."""

    cause: BaseException | None = None

    def emit(self, record: logging.LogRecord) -> None:
        for argument in record.args if isinstance(record.args, tuple) else ():
            if not isinstance(argument, BaseException) or isinstance(argument, KafkaTimeoutError):
                continue
            if not isinstance(self.cause, _REFUSED):  # a refusal says more than the hang-up that follows it
                self.cause = argument


@contextmanager
def broker_errors(settings: Settings) -> Iterator[None]:
    """Turn kafka-python's exceptions into CommandError, and keep its own log lines off the terminal."""
    _refused_at_once(settings)
    log, last = logging.getLogger("kafka"), _LastCause(logging.WARNING)
    log.addHandler(last)
    log.propagate = settings.log_level == "DEBUG"  # it logs each attempt; the one line below says it once
    try:
        yield
    except KafkaError as error:
        cause = last.cause if last.cause is not None and isinstance(error, KafkaTimeoutError) else error
        raise CommandError(f"broker {settings.broker} {_sentence(cause)}") from None
    finally:
        log.removeHandler(last)
        log.propagate = True


def _refused_at_once(settings: Settings) -> None:
    """kafka-python would retry a refusal for ten seconds, and may lose its reason with the closing connection."""
    if settings.security_protocol is SecurityProtocol.PLAINTEXT:
        return
    from agents.kafka.refusals import refusal  # aiokafka is slow to import, and few commands need it

    if line := refusal(settings):
        raise CommandError(line)


def _sentence(cause: BaseException) -> str:
    if isinstance(cause, _REFUSED):
        return f"refuses: {cause}"
    if isinstance(cause, _AWAY):
        return f"cannot be reached: {cause}"
    return f"failed: {type(cause).__name__}: {cause}"
