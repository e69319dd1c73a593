"""The Kafka of docker-compose.yml runs on its settings: who does not sign in gets nothing, each user its role's rights.

The services' commands run with their variables and secrets on this host; composed_kafka.py starts the broker."""

import json
import time
import urllib.request
from collections.abc import Iterator

import pytest
from kafka import KafkaAdminClient
from kafka.errors import KafkaError

pytest.importorskip("yaml", reason="PyYAML is not installed (pip install 'siaga[deploy]')")

from apps.embedded.java import run_tool
from apps.embedded.ports import LOOPBACK, free_port
from apps.embedded.probe import cluster_id
from deploy.compose_secrets import ADMIN, ADMIN_PROPERTIES, BROKER, make
from tests.chaos.traffic import incident
from tests.deploy.composed_kafka import EXTERNAL, INTERNAL, SIAGA, ComposedKafka, composed_kafka, siaga
from tests.deploy.programs import running, wait_for

WHOLE = ("--from-beginning", "--until-end")
WITHIN_S = 180


@pytest.fixture(scope="module")
def kafka(compose, tmp_path_factory) -> Iterator[ComposedKafka]:
    with composed_kafka(compose, tmp_path_factory.mktemp("composed")) as running_kafka:
        for made in (running_kafka.make_users(), running_kafka.run("topics")):
            assert made.returncode == 0, made.stdout + made.stderr
        yield running_kafka


def _report(name: str) -> str:
    return incident(name, "16.71", time.time() - 30, category="clash", severity=5).decode() + "\n"


def test_the_settings_replace_those_of_the_image(kafka):
    text = kafka.properties.read_text()
    assert "node.id=77" not in text, "the variables replace the image's defaults, as in the image"
    assert not [name for name in (BROKER, ADMIN) if (kafka.secrets / name).read_text() in text], "no password in it"


@pytest.mark.parametrize("listener", [INTERNAL, EXTERNAL])
def test_who_does_not_sign_in_gets_no_answer(kafka, listener):
    assert cluster_id(kafka.ports[listener]) is None
    with pytest.raises(KafkaError):
        KafkaAdminClient(bootstrap_servers=f"{LOOPBACK}:{kafka.ports[listener]}", api_version_auto_timeout_ms=3000)


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-512"])
@pytest.mark.parametrize("user", [BROKER, ADMIN, "siaga-operator", "admin"])
def test_no_default_password_lets_anybody_in(kafka, tmp_path, user, mechanism):
    for guess in (user, "kafka"):
        (tmp_path / "guess").write_text(guess)
        wrong = {"SIAGA_SASL_USERNAME": user, "SIAGA_SASL_PASSWORD_FILE": str(tmp_path / "guess")}
        done = kafka.run("toolbox", "topics", "--check", SIAGA_SASL_MECHANISM=mechanism, **wrong)
        assert done.returncode == 1 and "SaslAuthenticationFailed" in done.stderr, done.stdout + done.stderr


def test_the_published_port_takes_no_password_in_clear_text(kafka):
    done = siaga(kafka.outsider(ADMIN, SIAGA_SASL_MECHANISM="PLAIN"), "topics", "--check")
    assert done.returncode == 1 and "UnsupportedSaslMechanism" in done.stderr, done.stdout + done.stderr


def test_users_may_run_again_and_a_renewed_password_holds_from_then_on(kafka):
    password = kafka.secrets / "siaga-decider"

    def tail() -> int:
        return kafka.run("decider", "tail", "risk", *WHOLE).returncode

    assert tail() == 0
    password.unlink()
    assert make(kafka.secrets) == ["siaga-decider"]
    assert tail() == 1, "the broker has the one before"
    assert kafka.make_users().returncode == 0
    assert tail() == 0


def test_topics_may_run_again_and_finds_all_rights_and_no_others(kafka, compose):
    words = compose["services"]["topics"]["command"]
    only_checking = ["--check" if word == "--fix" else word for word in words]
    assert only_checking != words, "topics of an earlier release are set right"
    for run in (words, only_checking):
        done = kafka.run("topics", *run)
        assert done.returncode == 0, done.stdout + done.stderr
        assert not [line for line in done.stdout.splitlines() if "missing" in line or "surplus" in line]


def test_the_operator_reads_all_and_publishes_nothing(kafka):
    checked = kafka.run("toolbox", "topics", "--check")
    assert (
        checked.returncode == 0 and "note: not compared: this user may not read their configuration" in checked.stdout
    )
    assert kafka.run("toolbox", "tail", "rejected", *WHOLE).returncode == 0
    assert siaga(kafka.environment("toolbox"), "publish", "incidents", "-", stdin=_report("x-1")).returncode == 1


def test_a_reader_may_not_read_what_was_rejected_nor_a_publisher_read_at_all(kafka):
    assert kafka.run("board", "tail", "escalations", *WHOLE).returncode == 0
    assert kafka.run("board", "tail", "rejected", *WHOLE).returncode == 1
    assert siaga(kafka.outsider("siaga-publisher"), "tail", "risk", *WHOLE).returncode == 1


def test_kafkas_own_tools_sign_in_with_the_file_made_for_them(kafka):
    at = ["--bootstrap-server", f"{LOOPBACK}:{kafka.ports[INTERNAL]}"]
    signed_in = ["--command-config", str(kafka.secrets / ADMIN_PROPERTIES)]
    assert "siaga.ledger" in run_tool("org.apache.kafka.tools.TopicCommand", *at, *signed_in, "--list")


def test_a_report_sent_from_the_host_reaches_a_reader_through_a_worker(kafka):
    port = free_port()
    environment = kafka.environment("worker-1", SIAGA_METRICS_PORT=str(port), SIAGA_TICK_SECONDS="0.5")
    metrics = f"http://{LOOPBACK}:{port}/metrics"

    def open_shards() -> int:
        with urllib.request.urlopen(metrics, timeout=5) as answer:
            lines = answer.read().decode().splitlines()
        return sum(int(float(line.rsplit(" ", 1)[1])) for line in lines if line.startswith("siaga_shards_open{"))

    def told() -> bool:
        lines = kafka.run("board", "tail", "escalations", *WHOLE).stdout.splitlines()
        return any(json.loads(line)["regency"] == "16.71" for line in lines)

    with running([*SIAGA, "worker"], metrics, kafka.home / "worker.log", environment):
        wait_for("open shards", lambda: open_shards() > 0, WITHIN_S)
        sent = siaga(kafka.outsider("siaga-publisher"), "publish", "incidents", "-", stdin=_report("p-1"))
        assert sent.returncode == 0, sent.stderr
        wait_for("an escalation, as the board's user reads it", told, WITHIN_S, every_s=1)
