"""TLS and SASL against a real broker that requires them: both clients, each mechanism, one line when refused."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from kafka import KafkaAdminClient
from kafka.admin import ScramMechanism, UserScramCredentialUpsertion

from agents.kafka.connection import aiokafka_options
from agents.settings import Settings
from apps.embedded import EmbeddedBroker
from apps.embedded.ports import free_port
from tests.apps.cli.siaga import Siaga, loud

OPENSSL = shutil.which("openssl")
pytestmark = pytest.mark.skipif(
    OPENSSL is None, reason="openssl, which makes the test's certificates, is not installed"
)
PASSWORD = "hush-hush"


class SecureBroker(EmbeddedBroker):
    """Two more listeners: `login` wants SASL over TLS, `mutual` a client certificate."""

    def __init__(self, directory: Path, pem: Path) -> None:
        super().__init__(directory)
        self.login, self.mutual = f"localhost:{free_port()}", f"localhost:{free_port()}"
        self._pem = pem

    def _prepare(self) -> None:
        super()._prepare()
        path = self.directory / "server.properties"
        properties = dict(line.split("=", 1) for line in path.read_text().splitlines())
        for name in ("listeners", "advertised.listeners"):
            properties[name] += f",LOGIN://{self.login},MUTUAL://{self.mutual}"
        properties["listener.security.protocol.map"] += ",LOGIN:SASL_SSL,MUTUAL:SSL"
        properties["inter.broker.listener.name"] = "PLAINTEXT"
        module = "org.apache.kafka.common.security"
        plain, scram = f"{module}.plain.PlainLoginModule", f"{module}.scram.ScramLoginModule"
        properties |= {
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(self._pem),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(self._pem.with_name("cert.pem")),
            "listener.name.mutual.ssl.client.auth": "required",
            "listener.name.login.sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
            "listener.name.login.plain.sasl.jaas.config": f'{plain} required user_worker="{PASSWORD}";',
            "listener.name.login.scram-sha-256.sasl.jaas.config": f"{scram} required;",
            "listener.name.login.scram-sha-512.sasl.jaas.config": f"{scram} required;",
        }
        path.write_text("".join(f"{name}={value}\n" for name, value in properties.items()))


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate that is authority, broker and client; and another authority that signed nothing."""
    directory = tmp_path_factory.mktemp("pki")
    for name in ("", "other-"):
        key, cert = directory / f"{name}key.pem", directory / f"{name}cert.pem"
        what = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
        what += ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(cert)]
        subprocess.run([str(OPENSSL), *what], check=True, capture_output=True)
    (directory / "both.pem").write_text((directory / "key.pem").read_text() + (directory / "cert.pem").read_text())
    return directory


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory, pki: Path) -> Iterator[SecureBroker]:
    with SecureBroker(tmp_path_factory.mktemp("secure-broker"), pki / "both.pem") as broker:
        with KafkaAdminClient(bootstrap_servers=broker.bootstrap) as admin:
            for mechanism in (ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512):  # one of a user in a request
                user = UserScramCredentialUpsertion("worker", mechanism, PASSWORD)
                assert admin.alter_user_scram_credentials([user]) == {"worker": None}
        yield broker


def login(secure: SecureBroker, pki: Path, mechanism: str) -> dict[str, str]:
    return {
        "SIAGA_BROKER": secure.login,
        "SIAGA_SECURITY_PROTOCOL": "SASL_SSL",
        "SIAGA_TLS_CA": str(pki / "cert.pem"),
        "SIAGA_SASL_MECHANISM": mechanism,
        "SIAGA_SASL_USERNAME": "worker",
        "SIAGA_SASL_PASSWORD": PASSWORD,
    }


async def names_by_aiokafka(environ: dict[str, str]) -> list[str]:
    admin = AIOKafkaAdminClient(**aiokafka_options(Settings.load(environ)))
    await admin.start()
    try:
        return await admin.list_topics()
    finally:
        await admin.close()


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
async def test_both_clients_sign_in_with_each_mechanism(
    secure: SecureBroker, pki: Path, mechanism: str, fresh_prefix: str
):
    environ = login(secure, pki, mechanism) | {"SIAGA_TOPIC_PREFIX": fresh_prefix}
    done = Siaga(environ)("topics")
    assert (done.status, done.err) == (0, "")
    assert fresh_prefix + "incidents" in await names_by_aiokafka(environ)


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-512"])
def test_not_even_debug_logs_of_the_clients_hold_the_password(
    secure: SecureBroker, pki: Path, mechanism: str, fresh_prefix: str
):
    """No command of ours lets them; `faust worker --loglevel debug` does, and so may who looks for a fault."""
    done = loud(login(secure, pki, mechanism) | {"SIAGA_TOPIC_PREFIX": fresh_prefix}, "topics")
    assert done.status == 0
    for debugging in ("DEBUG:kafka.admin.client:", "DEBUG:kafka.net.connection:", "DEBUG:aiokafka.conn:"):
        assert debugging in done.err
    assert PASSWORD not in done.err


async def test_both_clients_sign_in_with_a_certificate(secure: SecureBroker, pki: Path, fresh_prefix: str):
    environ = {
        "SIAGA_BROKER": secure.mutual,
        "SIAGA_SECURITY_PROTOCOL": "SSL",
        "SIAGA_TLS_CA": str(pki / "cert.pem"),
        "SIAGA_TLS_CERT": str(pki / "cert.pem"),
        "SIAGA_TLS_KEY": str(pki / "key.pem"),
        "SIAGA_TOPIC_PREFIX": fresh_prefix,
    }
    done = Siaga(environ)("topics")
    assert (done.status, done.err) == (0, "")
    assert fresh_prefix + "incidents" in await names_by_aiokafka(environ)


def test_a_password_file_signs_in(secure: SecureBroker, pki: Path, tmp_path: Path):
    file = tmp_path / "password"
    file.write_text(PASSWORD + "\n")
    environ = login(secure, pki, "SCRAM-SHA-512") | {"SIAGA_SASL_PASSWORD": "", "SIAGA_SASL_PASSWORD_FILE": str(file)}
    assert Siaga(environ)("topics").status == 0


def test_a_refused_login_or_certificate_is_one_line(secure: SecureBroker, pki: Path):
    guess = {"SIAGA_SASL_PASSWORD": "guess-guess"}
    wrong = {
        "refuses: ": login(secure, pki, "PLAIN") | guess,
        "invalid credentials": login(secure, pki, "SCRAM-SHA-512") | guess,
        "certificate is not trusted": login(secure, pki, "PLAIN") | {"SIAGA_TLS_CA": str(pki / "other-cert.pem")},
    }
    runs = {said: Siaga(environ).start("topics", stderr=subprocess.PIPE, text=True) for said, environ in wrong.items()}
    for said, run in runs.items():
        _, err = run.communicate(timeout=60)
        assert (run.returncode, len(err.splitlines())) == (1, 1), err
        assert said in err and "guess" not in err
