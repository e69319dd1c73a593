"""Why the board cannot read the output topics: a closed set of causes, each with a line for operators.

The page says the same in the viewer's language (`trouble_...` of the catalogue). Text of an exception is for the log
only: it names classes and addresses, and no officer can act on it."""

import ssl
from enum import StrEnum

from aiokafka.errors import (
    AuthenticationFailedError,
    AuthenticationMethodNotSupported,
    ClusterAuthorizationFailedError,
    KafkaError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
    UnsupportedSaslMechanismError,
)

_REFUSED = (
    AuthenticationFailedError,
    AuthenticationMethodNotSupported,
    ClusterAuthorizationFailedError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
    UnsupportedSaslMechanismError,
    ssl.SSLError,
)


class TopicsMissing(LookupError):
    """An output topic does not exist."""


class Trouble(StrEnum):
    """What keeps the board from reading."""

    NONE = ""
    BROKER = "broker"
    TOPICS = "topics"
    REFUSED = "refused"
    FAULT = "fault"

    @classmethod
    def of(cls, error: BaseException) -> "Trouble":
        """The cause behind an error of reading. An unknown one is a defect of the board: FAULT."""
        if isinstance(error, TopicsMissing):
            return cls.TOPICS
        if isinstance(error, _REFUSED):
            return cls.REFUSED
        return cls.BROKER if isinstance(error, (KafkaError, OSError, TimeoutError)) else cls.FAULT


#: Cause to (reason, advice), for /healthz, the log and the last line.
LINES = {
    Trouble.BROKER: ("Kafka does not answer", "start the broker, or check the network and SIAGA_BROKER"),
    Trouble.TOPICS: ("an output topic does not exist", "run `siaga topics`"),
    Trouble.REFUSED: ("Kafka refuses the board's user", "check SIAGA_SASL_... and its right to read the outputs"),
    Trouble.FAULT: ("reading failed in an unforeseen way", "restart the board and report what its log says"),
}
