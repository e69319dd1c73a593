"""Why a broker refuses a connection: password, SASL mechanism or certificate.

The Kafka clients retry a wrong password as they retry a broker that is down: for ever, with many log lines and without
the reason. One connection of our own finds it."""

import asyncio
import ssl

from aiokafka.conn import create_conn
from aiokafka.errors import KafkaError, SaslAuthenticationFailed, UnsupportedSaslMechanismError

from agents.kafka.connection import aiokafka_options
from agents.settings import Settings

CONNECT_S = 5.0
REFUSED = (SaslAuthenticationFailed, UnsupportedSaslMechanismError, ssl.SSLError)


def refusal(settings: Settings) -> str | None:
    """One line when a broker refuses our password, mechanism or certificate, or its certificate is not trusted.

    None when one accepts us, and when none answers, which a client may wait for. Raises SettingsError."""
    return asyncio.run(_refusal(settings))


async def _refusal(settings: Settings) -> str | None:
    options = aiokafka_options(settings)
    refused = None
    for server in options.pop("bootstrap_servers"):
        host, _, port = server.rpartition(":")
        try:
            connection = await create_conn(
                host.strip("[]"), int(port), client_id="siaga", request_timeout_ms=int(CONNECT_S * 1000), **options
            )
        except REFUSED as error:
            refused = f"broker {server} refuses: {_reason(error)}"
        except (KafkaError, OSError, TimeoutError):
            continue
        else:
            connection.close()
            return None
    return refused


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"no TLS with it: {(error.reason or str(error)).replace('_', ' ').lower()}"
    return " ".join(str(error).split())
