"""The Kafka of docker-compose.yml, interpreted by Kafka itself, and `siaga` as the services that use it.

No image can be pulled where the tests run, but the image's entry point is a class in Kafka's jars: KafkaDockerWrapper
turns the KAFKA_* variables into server.properties and formats the storage. It is run, and then a broker with the file
that it wrote and the secrets that deploy/compose_secrets.py made."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apps.embedded.java import java_command
from apps.embedded.ports import LOOPBACK, free_port
from apps.embedded.process import end, spawn
from deploy import compose_secrets
from tests.deploy.compose_reading import outside, secrets_of
from tests.deploy.programs import wait_for

ROOT = Path(__file__).resolve().parents[2]
SIAGA = [sys.executable, "-m", "apps.cli.main"]
#: Of the listeners in docker-compose.yml.
INTERNAL, EXTERNAL, CONTROLLER = "19092", "9092", "29093"
_ANSWERS_WITHIN_S = 180
# The wrapper requires the two logging files of the image and extends them.
_LOGGING = """
Configuration:
  Appenders:
    Console: {name: STDOUT, PatternLayout: {pattern: "%p %m%n"}}
  Loggers:
    Root: {level: WARN, AppenderRef: [{ref: STDOUT}]}
"""


@dataclass(frozen=True)
class ComposedKafka:
    """The running broker. `ports` are the free ones by those of the file; `log` is what the broker prints."""

    document: dict[str, Any]
    home: Path
    ports: dict[str, int]
    log: Path

    @property
    def secrets(self) -> Path:
        return self.home / "secrets"

    @property
    def properties(self) -> Path:
        """What the image's entry point made of the variables."""
        return self.home / "final" / "server.properties"

    def environment(self, service: str, **more: str) -> dict[str, str]:
        """The variables of a service of ours, for a process on this host."""
        base = {name: os.environ[name] for name in ("PATH", "HOME", "SIAGA_HOME") if name in os.environ}
        own = self.document["services"][service]["environment"]
        moved = {name: outside(value, self.document, self.secrets) for name, value in own.items()}
        moved["SIAGA_BROKER"] = f"{LOOPBACK}:{self.ports[INTERNAL]}"
        return base | moved | {"SIAGA_DATA_DIR": str(self.home / "siaga")} | more

    def outsider(self, user: str, **more: str) -> dict[str, str]:
        """The variables of a program on the host: it signs in at the published port."""
        own = {
            "SIAGA_BROKER": f"{LOOPBACK}:{self.ports[EXTERNAL]}",
            "SIAGA_SASL_USERNAME": user,
            "SIAGA_SASL_PASSWORD_FILE": str(self.secrets / user),
        }
        return self.environment("toolbox") | own | more

    def make_users(self) -> subprocess.CompletedProcess[str]:
        """The service `users` with the secrets that compose gives it."""
        mounted = self.home / "mounted-secrets"
        mounted.mkdir(exist_ok=True)
        for name, path in secrets_of(self.document["services"]["users"]).items():
            (mounted / name).write_bytes(Path(outside(path, self.document, self.secrets)).read_bytes())
        entry = [str(ROOT / word.removeprefix("/")) for word in self.document["services"]["users"]["entrypoint"][1:]]
        return subprocess.run(
            [sys.executable, *entry, str(mounted)], env=self.environment("users") | {"PYTHONPATH": str(ROOT)}, cwd=ROOT,
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip

    def run(self, service: str, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """A command in the place of a service's own; without arguments, the service's own."""
        words = arguments or tuple(self.document["services"][service]["command"])
        return siaga(self.environment(service, **more), *words)


def siaga(environment: dict[str, str], *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run a command until it exits."""
    return subprocess.run(
        [*SIAGA, *arguments], env=environment, cwd=ROOT, input=stdin,
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


@contextmanager
def composed_kafka(document: dict[str, Any], home: Path) -> Iterator[ComposedKafka]:
    """Format and start it with secrets of its own."""
    kafka = ComposedKafka(
        document, home, {port: free_port() for port in (INTERNAL, EXTERNAL, CONTROLLER)}, home / "kafka.log"
    )
    compose_secrets.make(kafka.secrets)
    settings = _on_loopback(kafka)
    _run_entry_point(settings, _image_directories(home))
    jvm = ["-Xmx256m", "-XX:+UseSerialGC", settings["KAFKA_OPTS"]]
    broker = spawn(java_command("kafka.Kafka", [str(kafka.properties)], jvm), kafka.log, cwd=home)

    def listening(port: int) -> bool:
        assert broker.poll() is None, kafka.log.read_text()
        with socket.socket() as attempt:
            return attempt.connect_ex((LOOPBACK, port)) == 0

    try:
        for name in (INTERNAL, EXTERNAL):
            wait_for(f"a listener on {name}", lambda port=kafka.ports[name]: listening(port), _ANSWERS_WITHIN_S)
        yield kafka
    finally:
        end(broker, 10)


def _image_directories(home: Path) -> dict[str, Path]:
    """The directories of the image that its entry point uses, and the data directory."""
    found = {name: home / name for name in ("default", "mounted", "final", "data")}
    for directory in found.values():
        directory.mkdir()
    (found["default"] / "server.properties").write_text("node.id=77\n")
    for name in ("log4j2.yaml", "tools-log4j2.yaml"):
        (found["default"] / name).write_text(_LOGGING)
    return found


def _on_loopback(kafka: ComposedKafka) -> dict[str, str]:
    """The same settings with free ports, the loopback address and a temporary directory for the volume."""
    moved = {}
    for name, value in kafka.document["services"]["kafka"]["environment"].items():
        value = outside(value, kafka.document, kafka.secrets)
        value = value.replace("/var/lib/kafka/data", str(kafka.home / "data"))
        value = value.replace("kafka:", f"{LOOPBACK}:").replace("://:", f"://{LOOPBACK}:")
        for port, free in kafka.ports.items():
            value = value.replace(f":{port}", f":{free}")
        moved[name] = value
    return moved


def _run_entry_point(settings: dict[str, str], directories: dict[str, Path]) -> None:
    options = [f"--{name}-configs-dir={directories[name]}" for name in ("default", "mounted", "final")]
    command = java_command("kafka.docker.KafkaDockerWrapper", ["setup", *options], ["-Xmx128m", "-XX:+UseSerialGC"])
    environment = {"PATH": os.environ["PATH"]} | settings
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=180, check=False)
    output = done.stdout + done.stderr
    assert done.returncode == 0 and "Formatting" in output, output
