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

from agents.cli.options import CommandError
from agents.settings import Settings

CONNECT_S = 10.0


@contextmanager
def broker_errors(settings: Settings) -> Iterator[None]:
    """Turn kafka-python's exceptions into CommandError, and keep its own log lines off the terminal."""
    # It logs each failed connection attempt; the one line below says it once. Debugging brings them back.
    if settings.log_level != "DEBUG":
        logging.getLogger("kafka").setLevel(logging.CRITICAL)
    try:
        yield
    except (SaslAuthenticationFailedError, UnsupportedSaslMechanismError, AuthorizationError) as error:
        raise CommandError(f"broker {settings.broker} refuses: {error}") from None
    except (KafkaConnectionError, KafkaTimeoutError, NetworkExceptionError) as error:
        raise CommandError(f"broker {settings.broker} cannot be reached: {error}") from None
    except KafkaError as error:
        raise CommandError(f"broker {settings.broker}: {type(error).__name__}: {error}") from None
