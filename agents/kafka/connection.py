"""Settings as the options of the two Kafka clients: broker, TLS and SASL.

Both clients take an `ssl.SSLContext`, which checks certificate and host name. Both would log the password at level
DEBUG, which is prevented here (docs/upstream.md)."""

import logging
import ssl
from typing import Any

from agents.settings import Settings, SettingsError

#: These log whole requests, and a SASL/PLAIN request consists of user and password; the first logs them as bytes.
_BYTES_LOGGER = "kafka.protocol.parser"
_REQUEST_LOGGERS = ("aiokafka.conn", "kafka.net.connection", _BYTES_LOGGER)


class _Password(str):
    """A password in a client's options; the client logs its options with `repr`."""

    def __repr__(self) -> str:
        return "'**********'"


def aiokafka_options(settings: Settings) -> dict[str, Any]:
    """Connection options for aiokafka's producers, consumers and admin client. Raises SettingsError."""
    return _connection(settings)


def kafka_python_options(settings: Settings) -> dict[str, Any]:
    """Connection options for kafka-python's KafkaProducer, KafkaConsumer and KafkaAdminClient. Raises SettingsError."""
    return _connection(settings)


def tls_context(settings: Settings) -> ssl.SSLContext | None:
    """The TLS context of the settings, None without TLS. Raises SettingsError naming the file that cannot be used."""
    if not settings.security_protocol.tls:
        return None
    try:
        context = ssl.create_default_context(cafile=settings.tls_ca)
    except OSError as error:  # ssl.SSLError is one
        raise SettingsError(f"SIAGA_TLS_CA: {settings.tls_ca}: {error.strerror or error}") from None
    if settings.tls_cert:
        try:
            context.load_cert_chain(settings.tls_cert, settings.tls_key, password=_no_passphrase)
        except OSError as error:
            raise SettingsError(
                f"SIAGA_TLS_CERT, SIAGA_TLS_KEY: {settings.tls_cert}: {error.strerror or error}"
            ) from None
    return context


def _no_passphrase() -> str:
    """OpenSSL would prompt on the terminal and block a service; an encrypted key is an error instead."""
    raise SettingsError("SIAGA_TLS_KEY: the key is encrypted; give one without a passphrase")


def _connection(settings: Settings) -> dict[str, Any]:
    options: dict[str, Any] = {
        "bootstrap_servers": settings.bootstrap_servers,
        "security_protocol": settings.security_protocol.value,
    }
    if context := tls_context(settings):
        options["ssl_context"] = context
    if settings.security_protocol.sasl and settings.sasl_mechanism:
        options["sasl_mechanism"] = settings.sasl_mechanism.value
        options["sasl_plain_username"] = settings.sasl_username
        options["sasl_plain_password"] = _Password(settings.password())
        for name in _REQUEST_LOGGERS:
            logging.getLogger(name).addFilter(_is_no_login)
    return options


def _is_no_login(record: logging.LogRecord) -> bool:
    if record.levelno > logging.DEBUG:
        return True
    return record.name != _BYTES_LOGGER and "SaslAuthenticate" not in record.getMessage()
