"""A real Kafka that lets in only the users of deploy/kubernetes/users.yaml, with their ACLs and no other right.

SCRAM-SHA-512 as there, without TLS: only loopback is spoken. A second listener without a password is the
administrator's, as Strimzi's operators have one of their own."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml
from kafka import KafkaAdminClient
from kafka.admin import ACL, ACLOperation, ACLPermissionType, ACLResourcePatternType, ResourcePattern, ResourceType

from apps.embedded.config import new_cluster_id, server_properties, write_server_properties
from apps.embedded.java import java_command, run_tool
from apps.embedded.ports import free_port
from apps.embedded.probe import cluster_id
from apps.embedded.process import end, spawn

PASSWORD = "only-on-loopback-in-a-test"
_KINDS = {
    "topic": ResourceType.TOPIC,
    "group": ResourceType.GROUP,
    "transactionalId": ResourceType.TRANSACTIONAL_ID,
}
_PATTERNS = {"literal": ACLResourcePatternType.LITERAL, "prefix": ACLResourcePatternType.PREFIXED}
_OPERATIONS = {
    "Read": ACLOperation.READ,
    "Write": ACLOperation.WRITE,
    "Describe": ACLOperation.DESCRIBE,
    "DescribeConfigs": ACLOperation.DESCRIBE_CONFIGS,
}
_SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule required;"


@dataclass(frozen=True)
class SecuredKafka:
    """Addresses of the running broker, and the file with everybody's password."""

    admin: str
    secured: str
    password_file: Path

    def settings(self, user: str | None) -> dict[str, str]:
        """SIAGA_* of a user; None is the administrator."""
        if user is None:
            return {"SIAGA_BROKER": self.admin}
        return {
            "SIAGA_BROKER": self.secured,
            "SIAGA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
            "SIAGA_SASL_MECHANISM": "SCRAM-SHA-512",
            "SIAGA_SASL_USERNAME": user,
            "SIAGA_SASL_PASSWORD_FILE": str(self.password_file),
        }


@contextmanager
def secured_kafka(users_file: Path, home: Path) -> Iterator[SecuredKafka]:
    """Format, start, give the users their rights, and stop in the end."""
    users = list(yaml.safe_load_all(users_file.read_text(encoding="utf-8")))
    admin, secured, controller = free_port(), free_port(), free_port()
    properties = home / "server.properties"
    write_server_properties(properties, _properties(home / "data", admin, secured, controller))
    _format(properties, [user["metadata"]["name"] for user in users])
    password_file = home / "password"
    password_file.write_text(PASSWORD)
    command = java_command("kafka.Kafka", [str(properties)], ["-Xmx384m", "-XX:+UseSerialGC"])
    broker = spawn(command, home / "kafka.log", cwd=home)
    try:
        _wait_answer(broker, admin, home / "kafka.log")
        _grant(f"127.0.0.1:{admin}", users)
        yield SecuredKafka(f"127.0.0.1:{admin}", f"127.0.0.1:{secured}", password_file)
    finally:
        end(broker, 10)


def _properties(data: Path, admin: int, secured: int, controller: int) -> dict[str, str]:
    outside = f"ADMIN://127.0.0.1:{admin},SECURED://127.0.0.1:{secured}"
    listeners = f"{outside},CONTROLLER://127.0.0.1:{controller}"
    return server_properties(data, admin, controller) | {
        "listeners": listeners,
        "advertised.listeners": listeners,
        "listener.security.protocol.map": "ADMIN:PLAINTEXT,SECURED:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "ADMIN",
        "sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "listener.name.secured.scram-sha-512.sasl.jaas.config": _SCRAM,
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "allow.everyone.if.no.acl.found": "false",
        "super.users": "User:ANONYMOUS",
    }


def _format(properties: Path, users: list[str]) -> None:
    scram = [f"--add-scram=SCRAM-SHA-512=[name={user},password={PASSWORD}]" for user in users]
    run_tool("kafka.tools.StorageTool", "format", "--standalone", "-t", new_cluster_id(), "-c", str(properties), *scram)


def _wait_answer(broker: subprocess.Popen, port: int, log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert broker.poll() is None, log.read_text()
        try:
            if cluster_id(port):
                return
        except OSError:
            pass
        time.sleep(0.1)
    raise AssertionError(f"Kafka does not answer: {log.read_text()[-2000:]}")


def _grant(bootstrap: str, users: list[dict]) -> None:
    acls = [
        ACL(
            principal=f"User:{user['metadata']['name']}",
            host="*",
            operation=_OPERATIONS[operation],
            permission_type=ACLPermissionType.ALLOW,
            resource_pattern=ResourcePattern(
                _KINDS[rule["resource"]["type"]], rule["resource"]["name"], _PATTERNS[rule["resource"]["patternType"]]
            ),
        )
        for user in users
        for rule in user["spec"]["authorization"]["acls"]
        for operation in rule["operations"]
    ]
    client = KafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        assert not client.create_acls(acls)["failed"]
    finally:
        client.close()
