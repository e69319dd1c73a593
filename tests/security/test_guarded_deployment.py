"""The whole path on a guarded broker: every command signs in by TLS and SCRAM, and none shows its secret."""

import asyncio
import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaConnectionError as AiokafkaUnconnected
from click.testing import CliRunner
from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from agents.batching import BatchingOptions
from agents.kafka.connection import aiokafka_options
from agents.settings import Settings
from apps.cli.main import COMMANDS, main
from tests.agents.deployment import until
from tests.agents.test_worker import incident, turnout
from tests.apps.cli.siaga import Siaga, loud
from tests.apps.integrations.webhook.receiver import receiving
from tests.security.deployment import STRANGER, USERS, GuardedDeployment
from tests.security.guarded import PASSWORD, Guarded
from tests.security.processes import command_line, listening

linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, which only Linux has")


@pytest.fixture(scope="module")
def worker(deployment: GuardedDeployment) -> Iterator[subprocess.Popen]:
    """A worker that has folded a published incident, with every log line that it has."""
    process = deployment.start("a", SIAGA_LOG_LEVEL="DEBUG", SIAGA_LOG_FORMAT="json")
    sent = deployment.siaga("publisher")("publish", "incidents", stdin=incident(1, severity=5, category="clash"))
    assert (sent.status, sent.err.splitlines()[-1]) == (0, "1 read, 1 sent, 0 rejected")
    asyncio.run(deployment.drained())
    return process


def fetch(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, ""
    except OSError:
        return 0, ""


def test_a_published_incident_is_folded_and_read(worker, deployment: GuardedDeployment):
    seen = deployment.siaga("reader")("tail", "escalations", "--from-beginning", "--until-end")
    assert (seen.status, seen.err) == (0, "")
    assert [(e["regency"], e["change"]) for e in seen.objects] == [("16.71", "raised")]


def test_a_reader_may_run_cap_and_explain(worker, deployment: GuardedDeployment):
    reader = deployment.siaga("reader")
    written = reader("cap", "--from-beginning", "--until-end")
    assert (written.status, written.err) == (0, "")
    assert b"<identifier>siaga-exercise-" in written.out and len(written.out.splitlines()) == 1
    explained = reader("explain", "16.71", "--lang", "en")
    # Whose word stands is in the state, which a reader may not read: the command says so and goes on.
    assert explained.err == "whose word stands is left out: this user may not read the state\n"
    assert explained.status == 0 and b"16.71" in explained.out


def test_explain_at_folds_for_an_operator_and_shows_a_reader_the_last_change(worker, deployment: GuardedDeployment):
    arguments = ("explain", "16.71", "--lang", "en", "--at", datetime.now(UTC).isoformat())
    folded, last = deployment.siaga("operator")(*arguments), deployment.siaga("reader")(*arguments)
    assert (folded.status, folded.err) == (0, "") and b"Palembang (16.71) is at " in folded.out
    assert last.status == 0 and "this user may not read it" in last.err and b"Palembang raised to " in last.out


async def test_a_sender_posts_what_a_reader_may_not(worker, deployment: GuardedDeployment, tmp_path: Path):
    async with receiving() as receiver:
        (tmp_path / "url").write_text(f"{receiver.url}?token=Kunci-Rahasia-41\n")
        more = {"SIAGA_WEBHOOK_URL_FILE": str(tmp_path / "url"), "SIAGA_WEBHOOK_SECRET": "s" * 32}
        logs = {role: tmp_path / f"{role}.log" for role in ("reader", "sender")}
        running = []
        for role, log in logs.items():
            siaga = Siaga(deployment.siaga(role).environment | more)
            with log.open("wb") as stream:
                running.append(siaga.start("webhook", "--name", "law", "--from-beginning", stderr=stream))
        try:
            await until(lambda: receiver.posts, 180, "the sender's post")
            await until(lambda: "cannot read" in logs["reader"].read_text(), 180, "the reader's refusal")
        finally:
            for process in running:
                process.kill()
                process.wait()
    assert [post.regency for post in receiver.posts] == ["16.71"]
    assert "no right to it" in logs["reader"].read_text()
    for log in logs.values():
        assert PASSWORD not in log.read_text() and "Kunci" not in log.read_text()


def test_a_publisher_may_run_replay_and_simulate(worker, deployment: GuardedDeployment, tmp_path: Path):
    recorded = tmp_path / "turnout.jsonl"
    recorded.write_bytes(turnout(1, "TPS-1", 100) + b"\n")
    publisher = deployment.siaga("publisher")
    replayed = publisher("replay", "--turnout", str(recorded), "--speed", "max")
    assert replayed.status == 0, replayed.err
    options = ("--speed", "0", "--turnout-every", "0", "--flareups", "none", "--start", "23:00", "--quiet")
    simulated = publisher("simulate", *options)
    assert simulated.status == 0, simulated.err
    assert simulated.err.split()[0].isdecimal()


def test_an_operator_may_check_audit_and_tail(worker, deployment: GuardedDeployment):
    asyncio.run(deployment.drained())
    operator = deployment.siaga("operator")
    for arguments in (("topics", "--check"), ("audit",), ("tail", "rejected", "--from-beginning", "--until-end")):
        done = operator(*arguments)
        assert (done.status, done.err) == (0, ""), (arguments, done.out, done.err)


@linux
def test_a_board_reads_as_a_reader_and_listens_on_loopback_alone(worker, deployment: GuardedDeployment, free_port: int):
    board = deployment.siaga("reader").start("board", "--board-port", str(free_port), stderr=subprocess.PIPE)
    try:
        deadline = time.monotonic() + 120
        while fetch(f"http://127.0.0.1:{free_port}/healthz")[0] != 200:
            assert board.poll() is None and time.monotonic() < deadline, "the board is not healthy"
            time.sleep(0.1)
        rows = json.loads(fetch(f"http://127.0.0.1:{free_port}/api/risk")[1])["rows"]
        assert {row["regency"]: row["level"] for row in rows}["16.71"] != "normal"
        assert listening(board.pid) == {("127.0.0.1", free_port)}
    finally:
        board.terminate()
        _, said = board.communicate(timeout=60)
    assert PASSWORD not in said.decode()


@linux
def test_a_worker_listens_on_loopback_with_its_metrics_alone(worker, deployment: GuardedDeployment):
    """Faust would serve its tables and graphs on port 6066."""
    port = deployment.ports["a"]
    assert listening(worker.pid) == {("127.0.0.1", port)}
    for route in ("/", "/router", "/graph", "/stats/", "/production/", "/tables"):
        _, page = fetch(f"http://127.0.0.1:{port}{route}")
        assert all(line.startswith(("#", "siaga_")) for line in page.splitlines()), route


@linux
def test_the_secret_is_in_no_log_metric_or_command_line(worker, deployment: GuardedDeployment):
    log = deployment.log("a").read_text()
    assert log and PASSWORD not in log
    assert "siaga_build_info" in deployment.metrics("a") and PASSWORD not in deployment.metrics("a")
    assert PASSWORD not in command_line(worker.pid)
    assert all(json.loads(line)["message"] for line in log.splitlines())


def test_no_help_and_no_setting_shows_the_secret(guarded: Guarded, deployment: GuardedDeployment):
    environment = guarded.settings(USERS["reader"])
    del environment["SIAGA_SASL_PASSWORD_FILE"]
    environment["SIAGA_SASL_PASSWORD"] = PASSWORD
    for command in COMMANDS:
        shown = CliRunner().invoke(main, [command, "--help"], env=environment)
        assert shown.exit_code == 0 and "Usage: " in shown.output, command
        assert PASSWORD not in shown.output, command
    beside = Siaga(environment)("worker", SIAGA_PARTITIONS="many")  # a wrong setting beside the secret
    assert beside.status == 2 and PASSWORD not in beside.err
    # Debug lines of a client; every mechanism is tested in tests/apps/cli/test_secure_broker.py.
    clients = loud(environment | {"SIAGA_TOPIC_PREFIX": deployment.prefix}, "tail", "risk", "--until-end")
    assert clients.status == 0 and "DEBUG:kafka.net.connection:" in clients.err and PASSWORD not in clients.err
    settings = Settings.load(environment)
    options = BatchingOptions(client=aiokafka_options(settings))
    assert PASSWORD not in f"{settings!r} {settings} {options!r} {settings.model_dump_json()}"


def test_no_flag_takes_a_password(deployment: GuardedDeployment):
    """It would show in the list of processes."""
    for command in COMMANDS:
        module = __import__(f"apps.cli.{command}", fromlist=["command"]) if _exists(command) else None
        flags = [flag for parameter in module.command.params for flag in parameter.opts] if module else []
        assert not [flag for flag in flags if "password" in flag and flag != "--sasl-password-file"], command


def _exists(command: str) -> bool:
    from importlib.util import find_spec

    return find_spec(f"apps.cli.{command}") is not None


@pytest.mark.parametrize("wrong", ["password", "certificate", "name"])
def test_a_refused_client_ends_with_one_line(guarded: Guarded, tmp_path: Path, wrong: str):
    guess = tmp_path / "guess"
    guess.write_text("tebak-Tebakan-41")
    environment = guarded.settings(STRANGER, guess if wrong == "password" else None)
    if wrong == "certificate":
        environment["SIAGA_TLS_CA"] = ""  # the system's authorities did not sign it
    if wrong == "name":
        environment["SIAGA_BROKER"] = by_another_name(guarded)  # signed by whom we trust, for somebody else
    siaga = Siaga(environment | {"SIAGA_WEBHOOK_URL": "https://example.org/", "SIAGA_WEBHOOK_SECRET": "s" * 32})
    commands = ("worker --metrics-port 0", "board --board-port 0", "audit", "topics", "webhook", "cap", "explain 16.71")
    runs = {c: siaga.start(*c.split(), stderr=subprocess.PIPE, text=True) for c in commands}
    for command, run in runs.items():
        _, said = run.communicate(timeout=180)
        assert (run.returncode, len(said.splitlines())) == (1, 1), (command, said)
        assert " refuses: " in said and (wrong != "name" or "certificate is not trusted" in said), (command, said)
        assert "tebak" not in said and "Traceback" not in said


def by_another_name(guarded: Guarded) -> str:
    """The address of a broker whose certificate holds for 127.0.0.1 alone."""
    return guarded.sasl.replace("127.0.0.1", "localhost")


async def test_neither_client_connects_to_a_broker_of_another_name(guarded: Guarded):
    """A certificate of our authority for another machine does not make a broker. The clients themselves are tested: a
    command's own line comes from an earlier check."""
    options = guarded.client(USERS["reader"])
    with KafkaAdminClient(**options):
        pass
    options["bootstrap_servers"] = [by_another_name(guarded)]
    with pytest.raises(KafkaError):
        KafkaAdminClient(**options, bootstrap_timeout_ms=3000)
    consumer = AIOKafkaConsumer(**options)
    with pytest.raises(AiokafkaUnconnected):
        try:
            await consumer.start()
        finally:
            await consumer.stop()
    options["ssl_context"].check_hostname = False
    with KafkaAdminClient(**options):
        pass  # it was the name


async def test_a_worker_is_let_in_by_a_certificate_alone(guarded: Guarded, deployment: GuardedDeployment):
    with_certificate = guarded.certificate_settings(USERS["processor"])
    without = dict.fromkeys(("SIAGA_SASL_MECHANISM", "SIAGA_SASL_USERNAME", "SIAGA_SASL_PASSWORD_FILE"), "")
    deployment.start("c", **with_certificate, **without)
    await until(lambda: deployment.metric("siaga_clock_skew_seconds", "c") or _joined(deployment, "c"), 180, "let in")
    deployment.kill("c")


def _joined(deployment: GuardedDeployment, name: str) -> bool:
    return deployment.metric('siaga_shard_opens_total{stage="risk"}', name) > 0


def test_an_audit_of_a_broker_that_is_away_is_one_line():
    done = Siaga({"SIAGA_BROKER": "127.0.0.1:1"})("audit")
    assert (done.status, len(done.error_lines)) == (1, 1), done.err
