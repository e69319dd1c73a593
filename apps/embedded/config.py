"""A node's configuration: broker and controller, on loopback, alone or one of a cluster."""

import uuid
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from apps.embedded import private
from apps.embedded.ports import LOOPBACK

_MIB = 1 << 20
#: Copies of a partition in a cluster of so many nodes or more.
REPLICAS = 3
SESSION_TIMEOUT_MS = 6_000

_LOGGING = """\
handlers=java.util.logging.FileHandler
.level=INFO
java.util.logging.FileHandler.pattern={pattern}
java.util.logging.FileHandler.limit={limit_bytes}
java.util.logging.FileHandler.count=3
java.util.logging.FileHandler.append=true
java.util.logging.FileHandler.formatter=java.util.logging.SimpleFormatter
java.util.logging.SimpleFormatter.format=%1$tF %1$tT.%1$tL %4$s %3$s: %5$s%6$s%n
"""


def new_cluster_id() -> str:
    """A random id in Kafka's format, 22 characters, without a leading dash, which Kafka's tools take for an option."""
    cluster = urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
    return "A" + cluster[1:] if cluster[0] == "-" else cluster


@dataclass(frozen=True)
class Extra:
    """Listeners on loopback beside the plain one, and properties that are added or overridden.

    `listeners` by name: (port, Kafka's security protocol). Clients of the plain listener are `User:ANONYMOUS`; with an
    authorizer that must be one of `super.users`, since the broker connects to itself there."""

    listeners: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    properties: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Member:
    """One node of a cluster of several. All know the controller ports of all, by node id: the quorum is fixed.

    `controllers` are the ports where the others reach them, `listens` the one where this node's own listens."""

    node: int
    cluster_id: str
    controllers: Mapping[int, int]
    listens: int


def server_properties(
    data: Path, port: int, controller_port: int, extra: Extra | None = None, member: Member | None = None
) -> dict[str, str]:
    """Kafka's `server.properties` as a mapping; a comment gives the reason of a value that is not the default."""
    plain = _plain_properties(data, port, controller_port)
    if member is not None:
        plain = _clustered(plain, port, member)
    if extra is None:
        return plain
    addresses = "".join(f",{name}://{LOOPBACK}:{there}" for name, (there, _) in extra.listeners.items())
    protocols = "".join(f",{name}:{protocol}" for name, (_, protocol) in extra.listeners.items())
    listeners = {
        "listeners": plain["listeners"] + addresses,
        "advertised.listeners": plain["advertised.listeners"] + addresses,
        "listener.security.protocol.map": plain["listener.security.protocol.map"] + protocols,
        "inter.broker.listener.name": "PLAINTEXT",
    }
    return plain | listeners | dict(extra.properties)


def _plain_properties(data: Path, port: int, controller_port: int) -> dict[str, str]:
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        "listeners": f"PLAINTEXT://{LOOPBACK}:{port},CONTROLLER://{LOOPBACK}:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://{LOOPBACK}:{port},CONTROLLER://{LOOPBACK}:{controller_port}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "controller.listener.names": "CONTROLLER",
        "controller.quorum.bootstrap.servers": f"{LOOPBACK}:{controller_port}",
        "log.dirs": str(data),
        "auto.create.topics.enable": "false",  # a misspelt topic is an error, not a new topic
        "group.initial.rebalance.delay.ms": "0",  # do not wait for further members
        # A killed broker may register only after its old session has expired (9 s by default).
        "broker.session.timeout.ms": "3000",
        "broker.heartbeat.interval.ms": "500",
        "group.min.session.timeout.ms": "1000",  # for tests that kill members
        # One node: one replica of everything, few partitions of internal topics.
        "default.replication.factor": "1",
        # No other node can take the partitions. After resigning them, a stopping broker treats a transaction's
        # partitions as deleted and reports it committed without writing markers to them (docs/upstream.md).
        "controlled.shutdown.enable": "false",
        "min.insync.replicas": "1",
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "4",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "transaction.state.log.num.partitions": "4",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        "share.coordinator.state.topic.num.partitions": "1",
        "offsets.retention.minutes": str(180 * 24 * 60),  # as long as Siaga's topics keep records
        "log.cleaner.dedupe.buffer.size": str(16 * _MIB),  # 128 MiB by default, a large part of a small heap
    }


def _clustered(alone: dict[str, str], port: int, member: Member) -> dict[str, str]:
    """What a node of several has otherwise than one that is alone."""
    nodes = len(member.controllers)
    replicas = min(REPLICAS, nodes)
    copies = {
        name: str(replicas if name.endswith("factor") else min_insync(replicas))
        for name in alone
        if name.endswith(("replication.factor", ".min.isr", "min.insync.replicas"))
    }
    voters = ",".join(f"{node}@{LOOPBACK}:{there}" for node, there in sorted(member.controllers.items()))
    own = member.controllers[member.node]
    found = {name: value for name, value in alone.items() if name != "controller.quorum.bootstrap.servers"}
    return (
        found
        | copies
        | {
            "node.id": str(member.node),
            "listeners": f"PLAINTEXT://{LOOPBACK}:{port},CONTROLLER://{LOOPBACK}:{member.listens}",
            "advertised.listeners": f"PLAINTEXT://{LOOPBACK}:{port},CONTROLLER://{LOOPBACK}:{own}",
            "controller.quorum.voters": voters,
            # A node that stops hands its partitions to the others first.
            "controlled.shutdown.enable": "true",
            # So long a killed broker's partitions have no leader. Shorter, and a pause on a busy machine is a death.
            "broker.session.timeout.ms": str(SESSION_TIMEOUT_MS),
        }
    )


def min_insync(replicas: int) -> int:
    """Replicas that must have a record before it is acknowledged: one may be absent, and two copies are written."""
    return max(1, min(2, replicas - 1))


def write_server_properties(path: Path, properties: dict[str, str]) -> None:
    """Java's properties format: a backslash in a path must be doubled."""
    lines = (f"{name}={value}".replace("\\", "\\\\") for name, value in properties.items())
    private.write_text(path, "\n".join(lines) + "\n")


def write_logging_properties(path: Path, directory: Path) -> None:
    """java.util.logging into `directory`/broker.0.log, bounded: three files of 8 MiB, 0 the newest."""
    pattern = str(directory).replace("%", "%%").replace("\\", "\\\\") + "/broker.%g.log"
    private.write_text(path, _LOGGING.format(pattern=pattern, limit_bytes=8 * _MIB))
