"""The Kafka settings of docker-compose.yml, interpreted by Kafka itself.

No image can be pulled where the tests run, but the image's entry point is a class in Kafka's jars: KafkaDockerWrapper
turns the KAFKA_* variables into server.properties and formats the storage. The test runs that class and then a broker
with the file that it wrote."""

import contextlib
import os
import subprocess
from pathlib import Path

import pytest

pytest.importorskip("yaml", reason="PyYAML is not installed (pip install 'siaga[deploy]')")

from apps.embedded.java import java_command
from apps.embedded.ports import free_port
from apps.embedded.probe import cluster_id
from apps.embedded.process import end, spawn
from tests.deploy.programs import wait_for

# The wrapper requires the two logging files of the image and extends them.
_LOGGING = """
Configuration:
  Appenders:
    Console: {name: STDOUT, PatternLayout: {pattern: "%p %m%n"}}
  Loggers:
    Root: {level: WARN, AppenderRef: [{ref: STDOUT}]}
"""
_ANSWERS_WITHIN_S = 180


@pytest.fixture
def image_directories(tmp_path: Path) -> dict[str, Path]:
    """The directories of the image that its entry point uses, and the data directory."""
    found = {name: tmp_path / name for name in ("default", "mounted", "final", "data")}
    for directory in found.values():
        directory.mkdir()
    (found["default"] / "server.properties").write_text("node.id=77\n")
    for name in ("log4j2.yaml", "tools-log4j2.yaml"):
        (found["default"] / name).write_text(_LOGGING)
    return found


def test_kafka_starts_on_the_settings_of_compose(compose_services, image_directories, tmp_path):
    settings = compose_services["kafka"]["environment"]
    ports = {"29093": free_port(), "19092": free_port(), "9092": free_port()}
    _run_entry_point(_on_loopback(settings, ports, image_directories["data"]), image_directories)
    properties = image_directories["final"] / "server.properties"
    assert "node.id=77" not in properties.read_text(), "the variables replace the image's defaults, as in the image"
    command = java_command("kafka.Kafka", [str(properties)], ["-Xmx256m", "-XX:+UseSerialGC"])
    broker = spawn(command, tmp_path / "kafka.log", cwd=tmp_path)
    try:
        for name in ("19092", "9092"):
            assert _answer(ports[name], broker, tmp_path / "kafka.log") == settings["CLUSTER_ID"]
    finally:
        end(broker, 10)


def _on_loopback(settings: dict[str, str], ports: dict[str, int], data: Path) -> dict[str, str]:
    """The same settings with free ports, the loopback address and a temporary directory for the volume."""
    moved = {}
    for name, value in settings.items():
        value = value.replace("/var/lib/kafka/data", str(data))
        value = value.replace("kafka:", "127.0.0.1:").replace("://:", "://127.0.0.1:")
        for port, free in ports.items():
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


def _answer(port: int, broker: subprocess.Popen[bytes], log: Path) -> str:
    """The cluster id that the broker returns on a port, once it answers."""

    def answer() -> str | None:
        assert broker.poll() is None, log.read_text()
        with contextlib.suppress(OSError):
            return cluster_id(port)
        return None

    return wait_for(f"an answer on port {port}", answer, _ANSWERS_WITHIN_S)
