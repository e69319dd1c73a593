"""A Kafka with SASL_SSL (SCRAM-SHA-512), mutual TLS, and an authorizer that refuses what no ACL allows.

Its plain listener is a super user's: fixtures use it where a cluster has its own machinery.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kafka import KafkaAdminClient
from kafka.admin import UserScramCredentialUpsertion

from apps.embedded import EmbeddedBroker, Extra
from apps.embedded.ports import LOOPBACK, free_port
from tests.security.certificates import Authority

#: Searched for in logs, metrics and command lines.
PASSWORD = "s3cr3t-Kunci-Rahasia-77"
ADMIN = "cluster-admin"
_SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule required;"


@dataclass(frozen=True)
class Guarded:
    """Addresses, certificates and the password of the running broker."""

    broker: EmbeddedBroker
    sasl: str
    mutual_tls: str
    authority: Authority
    password_file: Path

    def settings(self, user: str, password_file: Path | None = None) -> dict[str, str]:
        """SIAGA_* of a user who signs in with the password."""
        return {
            "SIAGA_BROKER": self.sasl,
            "SIAGA_SECURITY_PROTOCOL": "SASL_SSL",
            "SIAGA_SASL_MECHANISM": "SCRAM-SHA-512",
            "SIAGA_SASL_USERNAME": user,
            "SIAGA_SASL_PASSWORD_FILE": str(password_file or self.password_file),
            "SIAGA_TLS_CA": str(self.authority.ca),
        }

    def certificate_settings(self, user: str) -> dict[str, str]:
        """SIAGA_* of a user who signs in with a client certificate."""
        certificate, key = self.authority.issue(user)
        return {
            "SIAGA_BROKER": self.mutual_tls,
            "SIAGA_SECURITY_PROTOCOL": "SSL",
            "SIAGA_TLS_CA": str(self.authority.ca),
            "SIAGA_TLS_CERT": str(certificate),
            "SIAGA_TLS_KEY": str(key),
        }

    def client(self, user: str) -> dict[str, object]:
        """The same as options of aiokafka or kafka-python."""
        from agents.kafka.connection import aiokafka_options
        from agents.settings import Settings

        return aiokafka_options(Settings.load(self.settings(user)))

    def add_users(self, *names: str) -> None:
        admin = KafkaAdminClient(bootstrap_servers=self.broker.bootstrap)
        try:
            wanted = [UserScramCredentialUpsertion(name, "SCRAM-SHA-512", PASSWORD) for name in names]
            failed = {user: error for user, error in admin.alter_user_scram_credentials(wanted).items() if error}
            assert not failed, failed
        finally:
            admin.close()


@contextmanager
def guarded_kafka(home: Path) -> Iterator[Guarded]:
    """Start it with the administrator as its only user."""
    authority = Authority(home / "pki")
    certificate, key = authority.issue("broker", address=LOOPBACK)
    keystore = home / "pki" / "keystore.pem"
    keystore.write_bytes(key.read_bytes() + certificate.read_bytes() + authority.ca.read_bytes())
    password_file = home / "password"
    password_file.write_text(PASSWORD + "\n")
    sasl, mutual_tls = free_port(), free_port()
    listeners = {"GUARDED": (sasl, "SASL_SSL"), "MUTUAL": (mutual_tls, "SSL")}
    extra = Extra(listeners, _properties(keystore, authority.ca))
    with EmbeddedBroker(home / "broker", extra=extra) as broker:
        guarded = Guarded(broker, f"{LOOPBACK}:{sasl}", f"{LOOPBACK}:{mutual_tls}", authority, password_file)
        guarded.add_users(ADMIN)
        yield guarded


def _properties(keystore: Path, trusted: Path) -> Mapping[str, str]:
    return {
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(keystore),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(trusted),
        "listener.name.mutual.ssl.client.auth": "required",
        "listener.name.mutual.ssl.principal.mapping.rules": "RULE:^CN=(.*?)$/$1/,DEFAULT",
        "sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "listener.name.guarded.scram-sha-512.sasl.jaas.config": _SCRAM,
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "allow.everyone.if.no.acl.found": "false",
        "quota.window.num": "2",  # a quota bites within seconds, not eleven
        "super.users": f"User:ANONYMOUS;User:{ADMIN}",
    }
