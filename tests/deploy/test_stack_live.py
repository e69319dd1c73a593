"""The whole stack, from a published flare-up to the webhooks that receive it, until its reports are retracted.

Kafka with only the users of deploy/kubernetes/users.yaml, two workers, the board, a sender of escalations, Prometheus
and Alertmanager.
"""

import json
import math
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

pytest.importorskip("yaml", reason="PyYAML is not installed (pip install 'siaga[deploy]')")

from apps.embedded.ports import free_port
from tests.chaos.traffic import incident, turnout
from tests.deploy import kafka_users, runbook
from tests.deploy.programs import PrometheusApi, alertmanager, prometheus, running, wait_for
from tests.deploy.webhook import Webhook, listening
from tests.security.guarded import ADMIN, Guarded, guarded_kafka

ROOT = Path(__file__).resolve().parents[2]
SIAGA = [sys.executable, "-m", "apps.cli.main"]
EXPANDED = {"$__rate_interval": "5m", "$province": ".*", "$source": ".*"}
# (incident of Bawaslu's numbering, regency, source): words of two agencies make Palembang awas, one Ogan Komering Ilir
# siaga.
FLARE_UP = ((1, "16.71", "bawaslu"), (1, "16.71", "kpu"), (3, "16.02", "bawaslu"))
WITHIN_S = 180
# Panels whose value a flare-up must raise above 0.
RAISED = {"Escalations in 10 minutes", "Rejected records"}
# A panel without a value here: every shard was open before the first scrape.
WITHOUT_VALUE = {"Restore time"}
# 6 partitions of each of two inputs and of the ledger.
SHARDS = 18


@dataclass
class Stack:
    """The running stack; `siaga` runs a command as one of its users."""

    kafka: Guarded
    home: Path
    webhook: Webhook
    api: PrometheusApi

    def siaga(self, user: str, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess:
        """Run a command as a user until it exits."""
        return subprocess.run(
            [*SIAGA, *arguments],
            env=_environment(self.home, self.kafka, user),
            cwd=ROOT,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def publish(self, revision: int, status: str) -> None:
        lines = "".join(_incident(*report, revision, status) + "\n" for report in FLARE_UP)
        done = self.siaga("siaga-publisher", "publish", "incidents", "-", stdin=lines)
        assert done.returncode == 0, done.stderr


def _environment(home: Path, kafka: Guarded, user: str, **more: str) -> dict[str, str]:
    base = {name: os.environ[name] for name in ("PATH", "HOME", "SIAGA_HOME") if name in os.environ}
    return base | {"SIAGA_DATA_DIR": str(home / "siaga")} | kafka.settings(user) | more


def _incident(number: int, regency: str, source: str, revision: int, status: str) -> str:
    changes = {
        "origin": "bawaslu",
        "incident_id": f"i-{number}",
        "revision": revision,
        "category": "clash",
        "severity": 5,
    }
    name = f"e-{source}-{number}-{revision}"
    return incident(name, regency, time.time() - 30, **changes, status=status, source=source).decode()


def _quick_rules(home: Path) -> Path:
    """The packaged ruleset with one change: a level is kept for seconds after its cause, not for half an hour."""
    packaged = ROOT / "schemas" / "rulesets" / "sumsel-pilkada-2024.toml"
    text = packaged.read_text(encoding="utf-8")
    for slow, quick in (
        ("keep = { value = 30,", "keep = { value = 0.02,"),
        ("step = { value = 15,", "step = { value = 1,"),
    ):
        assert text.count(slow) == 1, f"{packaged.name} has no {slow!r} any more"
        text = text.replace(slow, quick)
    file = home / "quick.toml"
    file.write_text(text, encoding="utf-8")
    return file


@contextmanager
def _worker(home: Path, kafka: Guarded, name: str) -> Iterator[str]:
    """A worker, from when its shards are open; host:port of its metrics."""
    address = f"127.0.0.1:{free_port()}"
    more = {
        "SIAGA_INSTANCE": name,
        "SIAGA_METRICS_PORT": address.rpartition(":")[2],
        "SIAGA_TICK_SECONDS": "0.5",
        "SIAGA_RULES": str(home / "quick.toml"),
    }
    environment = _environment(home, kafka, "siaga-processor", **more)
    with running([*SIAGA, "worker"], f"http://{address}/metrics", home / f"{name}.log", environment):
        wait_for(f"{name}: shards open", lambda: _open_shards(address) > 0, WITHIN_S)
        yield address


def _open_shards(address: str) -> int:
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    return sum(int(float(line.rsplit(" ", 1)[1])) for line in lines if line.startswith("siaga_shards_open{"))


@contextmanager
def _board(home: Path, kafka: Guarded) -> Iterator[str]:
    address = f"127.0.0.1:{free_port()}"
    more = {"SIAGA_BOARD_PORT": address.rpartition(":")[2]}
    environment = _environment(home, kafka, "siaga-reader", **more)
    with running([*SIAGA, "board"], f"http://{address}/metrics", home / "board.log", environment):
        yield address


@contextmanager
def _sender(home: Path, kafka: Guarded, webhook: Webhook) -> Iterator[str]:
    """`siaga webhook` with a sender's rights; host:port of its metrics."""
    address = f"127.0.0.1:{free_port()}"
    more = {"SIAGA_METRICS_PORT": address.rpartition(":")[2], "SIAGA_WEBHOOK_SECRET": "a secret of the tests, 32 bytes"}
    environment = _environment(home, kafka, "siaga-sender", **more)
    command = [
        *SIAGA,
        "webhook",
        "--url",
        f"http://{webhook.address}/escalations",
        "--name",
        "stack",
        "--from-beginning",
    ]
    with running(command, f"http://{address}/metrics", home / "webhook.log", environment):
        yield address


@pytest.fixture(scope="module")
def stack(deploy, program, tmp_path_factory) -> Iterator[Stack]:
    home = tmp_path_factory.mktemp("stack")
    _quick_rules(home)
    manager_binary, prometheus_binary = program("prometheus-alertmanager"), program("prometheus")
    with ExitStack() as held:
        webhook = held.enter_context(listening())
        kafka = held.enter_context(guarded_kafka(home))
        kafka_users.create(kafka, kafka_users.rights_by_user(deploy / "kubernetes" / "users.yaml"))
        made = subprocess.run([*SIAGA, "topics"], env=_environment(home, kafka, ADMIN), cwd=ROOT, check=False)
        assert made.returncode == 0
        workers = [held.enter_context(_worker(home, kafka, name)) for name in ("worker-1", "worker-2")]
        wait_for("all shards open", lambda: sum(map(_open_shards, workers)) == SHARDS, WITHIN_S)
        board = held.enter_context(_board(home, kafka))
        sender = held.enter_context(_sender(home, kafka, webhook))
        manager = held.enter_context(alertmanager(manager_binary, deploy, home, webhook.address))
        targets = {
            "siaga-worker": workers,
            "siaga-board": [board],
            "siaga-webhook": [sender],
            "alertmanager": [manager.address],
        }
        api = held.enter_context(prometheus(prometheus_binary, deploy, home, targets, manager))
        stack = Stack(kafka, home, webhook, api)
        wait_for(
            "workers, board, sender and Alertmanager scraped", lambda: len(api.query("up == 1")) == len(workers) + 3
        )
        stack.publish(1, "verified")
        station = turnout("t-1", "16.71", time.time() - 30).decode() + "\n"
        for topic, line in (("turnout", station), ("incidents", "{no json\n")):
            sent = stack.siaga("siaga-publisher", "publish", "--no-validate", topic, "-", stdin=line)
            assert sent.returncode == 0, sent.stderr
        yield stack


def test_a_flare_up_is_notified_to_the_room_and_resolved(stack):
    alerts = {("SiagaRegencyAwas", "16.71", "firing"), ("SiagaRegencySiaga", "16.02", "firing")}
    wait_for("awas and siaga in one message of the province", lambda: stack.webhook.latest("16") == alerts, WITHIN_S)
    received = {body["regency"] for path, body in stack.webhook.messages if path == "/escalations"}
    assert received >= {"16.71", "16.02"}, "the receiver has the escalations before Alertmanager has grouped the alerts"
    stack.publish(2, "retracted")
    wait_for("the end of the alarm", lambda: stack.webhook.room("16")[-1]["status"] == "resolved", WITHIN_S)
    assert stack.api.firing() == {"SiagaWatchdog", "SiagaRoomWatchdog"}, "a healthy stack raises no alert"


def test_each_user_has_its_rights_and_no_others(stack):
    whole = ("--from-beginning", "--until-end")
    escalations = stack.siaga("siaga-reader", "tail", "escalations", *whole)
    assert escalations.returncode == 0 and '"level":"awas"' in escalations.stdout
    assert stack.siaga("siaga-reader", "tail", "rejected", *whole).returncode == 1
    assert "invalid_json" in stack.siaga("siaga-operator", "tail", "rejected", *whole).stdout
    assert stack.siaga("siaga-operator", "topics", "--check").returncode == 0
    assert stack.siaga("siaga-publisher", "tail", "risk", *whole).returncode == 1
    line = _incident(9, "16.71", "operator", 1, "reported") + "\n"
    assert stack.siaga("siaga-operator", "publish", "incidents", "-", stdin=line).returncode == 1


def test_the_operator_may_run_the_runbooks_commands_and_a_worker_may_not(stack):
    whole = ("--from-beginning", "--until-end")
    # Without these options a tail starts at the end and waits for new records; an audit needs the workers' rules.
    options = {"tail": whole, "audit": ("--rules", str(stack.home / "quick.toml"))}
    # A command about one escalation names one; here none is refused.
    named = [words for words in runbook.commands() if {"ID", "NAME"} & set(words)]
    assert {words[0] for words in named} <= {"webhook"}
    for words in runbook.commands():
        if words in named:
            continue
        more = options.get(words[0], ())
        done = stack.siaga("siaga-operator", *words, *more)
        assert done.returncode == 0, f"siaga {' '.join(words)}: {done.stdout[-500:]}{done.stderr}"
    assert any(words[0] == "audit" for words in runbook.commands())
    # It may read what it writes, to find whether it has written before; the configuration is the operator's.
    assert stack.siaga("siaga-processor", "topics", "--check").returncode == 1


def test_every_dashboard_query_has_a_value_with_real_workers(stack, deploy):
    wait_for(
        "a rejected record and an escalation seen",
        lambda: stack.api.query("sum(siaga_rejected_total) > 0 and on() sum(siaga_escalations_total) > 0"),
    )
    empty = []
    for file in sorted((deploy / "grafana" / "dashboards").glob("*.json")):
        for panel in json.loads(file.read_text(encoding="utf-8"))["panels"]:
            for target in panel["targets"]:
                expression = target["expr"]
                for variable, value in EXPANDED.items():
                    expression = expression.replace(variable, value)
                found = [float(sample["value"][1]) for sample in stack.api.query(expression)]
                least = 0 if panel["title"] in RAISED else -math.inf
                if not any(value > least or panel["title"] in WITHOUT_VALUE for value in found):
                    empty.append(f"{file.stem}: {panel['title']}: {expression}")
    assert not empty, "\n".join(empty)
