"""The broker as commands see it: a sender that is connected, and one line when the broker fails. Exit status 1."""

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

from agents.batching import Fatal
from agents.kafka.connection import kafka_python_options
from agents.kafka.topic_reader import TopicMissing
from agents.kafka.topics import TopicError, open_admin, partition_counts
from agents.settings import SecurityProtocol, Settings, SettingsError
from apps.cli.options import CommandError
from apps.history.published import NewerMessage
from apps.publishing.sender import Sender
from schemas.ledger import NewerFrame

CONNECT_S = 10.0
COMPRESSIONS = ("none", "gzip", "snappy", "lz4", "zstd")
_REFUSED = (SaslAuthenticationFailedError, UnsupportedSaslMechanismError, AuthorizationError)
_UNREACHABLE = (KafkaConnectionError, KafkaTimeoutError, NetworkExceptionError)


class _LastCause(logging.Handler):
    """Keeps the exception of kafka-python's last failed connection.

    kafka-python's bootstrap retries a wrong password like an absent broker and then raises a bare time-out; the cause
    is only in its log."""

    cause: BaseException | None = None

    def emit(self, record: logging.LogRecord) -> None:
        for argument in record.args if isinstance(record.args, tuple) else ():
            if not isinstance(argument, BaseException) or isinstance(argument, KafkaTimeoutError):
                continue
            if not isinstance(self.cause, _REFUSED):  # a refusal says more than the disconnect that follows it
                self.cause = argument


@contextmanager
def ledger_errors(settings: Settings) -> Iterator[None]:
    """`broker_errors`, and a ledger that these settings do not fit. Exit status 2."""
    try:
        with broker_errors(settings):
            yield
    except SettingsError:
        raise
    except NewerFrame as error:
        raise CommandError(str(error)) from None
    except ValueError as error:
        raise CommandError(
            f"the ledger was not written with this clock, roster and number of partitions: {error}", exit_code=2
        ) from None


@contextmanager
def broker_errors(settings: Settings) -> Iterator[None]:
    """Turn kafka-python's exceptions into CommandError and suppress its own log lines."""
    _raise_refusal(settings)
    log, last = logging.getLogger("kafka"), _LastCause(logging.WARNING)
    log.addHandler(last)
    log.propagate = settings.log_level == "DEBUG"  # it logs each attempt; the line below replaces them
    try:
        yield
    except (TopicMissing, Fatal, NewerMessage) as error:
        raise CommandError(str(error)) from None
    except KafkaError as error:
        cause = last.cause if last.cause is not None and isinstance(error, KafkaTimeoutError) else error
        raise CommandError(f"broker {settings.broker} {_sentence(cause)}") from None
    finally:
        log.removeHandler(last)
        log.propagate = True


def open_sender(settings: Settings, topics: list[str], compression: str = "none") -> Sender:
    """A connected sender. Raises CommandError for a missing topic or codec, KafkaError for the broker."""
    options = kafka_python_options(settings)
    try:
        with open_admin(options, CONNECT_S) as admin:
            # Checked with the admin client: the producer would wait for the topic to appear.
            missing = sorted(set(topics) - partition_counts(admin, topics).keys())
    except TopicError as error:
        raise CommandError(str(error)) from None
    if missing:
        raise CommandError(f"no topic {', '.join(missing)} at {settings.broker}; run `siaga topics` first")
    try:
        return Sender(options, None if compression == "none" else compression, CONNECT_S)
    except RuntimeError as error:  # kafka-python: the codec's library is not installed
        raise CommandError(str(error), exit_code=2) from None


def _raise_refusal(settings: Settings) -> None:
    """kafka-python would retry a refusal for ten seconds, and may lose its reason with the closing connection."""
    if settings.security_protocol is SecurityProtocol.PLAINTEXT:
        return
    from agents.kafka.refusals import refusal  # aiokafka is slow to import, and few commands need it

    if line := refusal(settings):
        raise CommandError(line)


def _sentence(cause: BaseException) -> str:
    if isinstance(cause, _REFUSED):
        return f"refuses: {cause}"
    if isinstance(cause, _UNREACHABLE):
        return f"cannot be reached: {cause}"
    return f"failed: {type(cause).__name__}: {cause}"
