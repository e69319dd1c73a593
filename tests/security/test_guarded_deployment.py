"""The whole path on a broker that trusts nobody: every command signs in by TLS and SCRAM, and none tells its secret."""

import asyncio
import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.batching.options import BatchingOptions
from agents.cli.main import COMMANDS
from agents.kafka_clients import aiokafka_options
from agents.settings import Settings
from tests.agents.cli.siaga import Siaga
from tests.agents.deployment import until
from tests.agents.test_worker import incident, turnout
from tests.security.deployment import STRANGER, USERS, GuardedDeployment
from tests.security.guarded import PASSWORD, Guarded
from tests.security.processes import command_line, listening

linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, which only Linux has")


@pytest.fixture(scope="module")
def worker(deployment: GuardedDeployment) -> Iterator[subprocess.Popen]:
    """A worker that has folded an incident which a publisher sent; it logs all it can."""
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


def test_a_publisher_reports_a_worker_folds_a_reader_sees(worker, deployment: GuardedDeployment):
    seen = deployment.siaga("reader")("tail", "escalations", "--from-beginning", "--until-end")
    assert (seen.status, seen.err) == (0, "")
    assert [(e["regency"], e["change"]) for e in seen.objects] == [("16.71", "raised")]


def test_recorded_and_simulated_elections_are_sent_signed_in(worker, deployment: GuardedDeployment, tmp_path: Path):
    recorded = tmp_path / "turnout.jsonl"
    recorded.write_bytes(turnout(1, "TPS-1", 100) + b"\n")
    publisher = deployment.siaga("publisher")
    replayed = publisher("replay", "--turnout", str(recorded), "--speed", "max")
    assert replayed.status == 0, replayed.err
    options = ("--speed", "0", "--turnout-every", "0", "--flareups", "none", "--start", "23:00", "--quiet")
    simulated = publisher("simulate", *options)
    assert simulated.status == 0, simulated.err
    assert simulated.err.split()[0].isdecimal()


def test_an_operator_verifies_and_audits(worker, deployment: GuardedDeployment):
    asyncio.run(deployment.drained())
    operator = deployment.siaga("operator")
    for arguments in (("topics", "--check"), ("audit",), ("tail", "rejected", "--from-beginning", "--until-end")):
        done = operator(*arguments)
        assert (done.status, done.err) == (0, ""), (arguments, done.out, done.err)


@linux
def test_a_board_reads_as_a_reader_and_listens_on_loopback_alone(worker, deployment: GuardedDeployment, free_port: int):
    board = deployment.siaga("reader").start("board", "--board-port", str(free_port), stderr=subprocess.PIPE)
    try:
        deadline = time.monotonic() + 30
        while fetch(f"http://127.0.0.1:{free_port}/healthz")[0] != 200:
            assert board.poll() is None and time.monotonic() < deadline, "the board is not healthy"
            time.sleep(0.1)
        rows = json.loads(fetch(f"http://127.0.0.1:{free_port}/api/risk")[1])["rows"]
        assert {row["regency"]: row["level"] for row in rows}["16.71"] != "normal"
        assert listening(board.pid) == {("127.0.0.1", free_port)}
    finally:
        board.terminate()
        _, said = board.communicate(timeout=15)
    assert PASSWORD not in said.decode()


@linux
def test_a_worker_listens_for_prometheus_on_loopback_and_for_nobody_else(worker, deployment: GuardedDeployment):
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
    siaga = Siaga(environment | {"SIAGA_SASL_PASSWORD": PASSWORD, "SIAGA_LOG_LEVEL": "DEBUG"})
    shown = [siaga(command, "--help") for command in ("worker", "topics")]
    # A wrong setting beside the secret, and all that kafka-python says when it debugs.
    shown += [siaga("worker", SIAGA_PARTITIONS="many"), siaga("tail", "risk", "--until-end")]
    for done in shown:
        assert PASSWORD not in done.out.decode() + done.err
    settings = Settings.load(environment | {"SIAGA_SASL_PASSWORD": PASSWORD})
    options = BatchingOptions(client=aiokafka_options(settings))
    assert PASSWORD not in f"{settings!r} {settings} {options!r} {settings.model_dump_json()}"


def test_no_flag_takes_a_password(deployment: GuardedDeployment):
    """It would show in the list of processes."""
    for command in COMMANDS:
        module = __import__(f"agents.cli.{command}", fromlist=["command"]) if _exists(command) else None
        flags = [flag for parameter in module.command.params for flag in parameter.opts] if module else []
        assert not [flag for flag in flags if "password" in flag and flag != "--sasl-password-file"], command


def _exists(command: str) -> bool:
    from importlib.util import find_spec

    return find_spec(f"agents.cli.{command}") is not None


@pytest.mark.parametrize("wrong", ["password", "certificate"])
def test_whoever_is_refused_hears_it_once_and_at_once(guarded: Guarded, tmp_path: Path, wrong: str):
    guess = tmp_path / "guess"
    guess.write_text("tebak-Tebakan-41")
    environment = guarded.settings(STRANGER, guess if wrong == "password" else None)
    if wrong == "certificate":
        environment["SIAGA_TLS_CA"] = ""  # the system's authorities did not sign it
    siaga = Siaga(environment | {"SIAGA_METRICS_PORT": "0", "SIAGA_BOARD_PORT": "0"})
    runs = {c: siaga.start(c, stderr=subprocess.PIPE, text=True) for c in ("worker", "board", "audit", "topics")}
    for command, run in runs.items():
        _, said = run.communicate(timeout=60)
        assert (run.returncode, len(said.splitlines())) == (1, 1), (command, said)
        assert " refuses: " in said, (command, said)
        assert "tebak" not in said and "Traceback" not in said


async def test_a_worker_is_let_in_by_a_certificate_alone(guarded: Guarded, deployment: GuardedDeployment):
    with_certificate = guarded.certificate_settings(USERS["processor"])
    without = dict.fromkeys(("SIAGA_SASL_MECHANISM", "SIAGA_SASL_USERNAME", "SIAGA_SASL_PASSWORD_FILE"), "")
    deployment.start("c", **with_certificate, **without)
    await until(lambda: deployment.metric("siaga_clock_skew_seconds", "c") or _joined(deployment, "c"), 40, "let in")
    deployment.kill("c")


def _joined(deployment: GuardedDeployment, name: str) -> bool:
    return deployment.metric('siaga_shard_opens_total{stage="risk"}', name) > 0


def test_an_audit_of_a_broker_that_is_away_is_one_line():
    done = Siaga({"SIAGA_BROKER": "127.0.0.1:1"})("audit")
    assert (done.status, len(done.error_lines)) == (1, 1), done.err
