"""Starts the services of the docker-compose.yml in this directory and tries them. Prints a line for each check; exit
status 1 where one failed. Run by deploy/check/compose, in its namespaces.

    python3 composed.py COMPOSE SERVICE ...    COMPOSE is the program
"""

import json
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

#: On a machine that is busy with other work.
HEALTHY_WITHIN_S = 240
ANSWERS_WITHIN_S = 120
#: stop_grace_period of the workers.
STOPS_WITHIN_S = 30
ONE_SHOT = ("users", "topics")
BOARD = "http://127.0.0.1:8080/healthz"
#: Where alertmanager.yml sends, on the Docker host.
ALERTS_PORT = 9095
WHO = "grep -hE '^(Uid|CapEff|CapBnd|NoNewPrivs)' /proc/self/status; touch /written 2>/dev/null && echo written"
REACH = """
import socket, sys
for address in sys.argv[1:]:
    host, port = address.rsplit(":", 1)
    try:
        socket.create_connection((host, int(port)), 3).close()
        print(address)
    except OSError:
        pass
"""


class Alerts:
    """What Alertmanager posts to the Docker host, by path."""

    def __init__(self) -> None:
        received = self.received = dict[str, str]()

        class Receiver(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                received[self.path] = received.get(self.path, "") + body
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """No line for a request."""

        server = ThreadingHTTPServer(("0.0.0.0", ALERTS_PORT), Receiver)
        threading.Thread(target=server.serve_forever, daemon=True).start()


class Composed:
    """The services that are started, by Compose's and the engine's commands."""

    def __init__(self, program: str, services: list[str]) -> None:
        self.program, self.services = program, services
        self.alerts = Alerts()

    @property
    def lasting(self) -> list[str]:
        return [name for name in self.services if name not in ONE_SHOT]

    def compose(self, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return run(self.program, *words, stdin=stdin, within_s=HEALTHY_WITHIN_S)

    def container(self, service: str) -> dict[str, Any]:
        """What the engine says of a service's container, also of one that has ended."""
        found = run("docker", "ps", "-aq", "--filter", f"label=com.docker.compose.service={service}").stdout.split()
        assert found, f"{service} has no container"
        described: dict[str, Any] = json.loads(run("docker", "inspect", found[0]).stdout)[0]
        return described

    def health(self, service: str) -> str:
        state = self.container(service)["State"]
        return str(state.get("Health", {}).get("Status", state["Status"]))

    def inside(self, service: str, *words: str) -> str:
        return run("docker", "exec", self.container(service)["Id"], *words).stdout

    def value(self, expression: str) -> float:
        """By promtool, which its configuration gives the password; NaN without a sample."""
        configuration = "--http.config.file=/etc/prometheus/promtool.yml"
        words = ("promtool", "query", "instant", configuration, "http://127.0.0.1:9090", expression)
        found = self.inside("prometheus", *words)
        return float(found.split("=> ")[1].split(" ")[0]) if "=> " in found else float("nan")

    def tool(self, service: str, *words: str) -> subprocess.CompletedProcess[str]:
        """The runbook's way to type a command."""
        return self.compose("run", "--rm", "-T", service, *words)


def run(*words: str, stdin: str = "", within_s: float = ANSWERS_WITHIN_S) -> subprocess.CompletedProcess[str]:
    """A command, to its end."""
    return subprocess.run(words, input=stdin, capture_output=True, text=True, timeout=within_s, check=False)


def wait_for(what: str, condition: Callable[[], object], within_s: float = HEALTHY_WITHIN_S) -> float:
    """Seconds until the condition was true."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() < began + within_s, f"not within {within_s} s: {what}"
        time.sleep(1)
    return time.monotonic() - began


def start(all_of: Composed) -> str:
    done = all_of.compose("up", "-d", "--no-build", *all_of.services)
    assert done.returncode == 0, done.stderr[-1500:]
    ended = {name: all_of.container(name)["State"]["ExitCode"] for name in ONE_SHOT}
    assert set(ended.values()) == {0}, ended
    states: dict[str, str] = {}

    def healthy() -> bool:
        states.update({name: all_of.health(name) for name in all_of.lasting})
        return set(states.values()) == {"healthy"}

    try:
        took = wait_for("every service healthy", healthy)
    except AssertionError:
        raise AssertionError(states) from None
    return f"users and topics ended with 0; {', '.join(all_of.lasting)} healthy after {took:.0f} s more"


def hardening(all_of: Composed) -> str:
    for name in all_of.lasting:
        found = all_of.container(name)
        lines = all_of.inside(name, "sh", "-c", WHO).splitlines()
        values = dict(line.split(":\t", 1) for line in lines if ":" in line)
        assert "written" not in lines and values["Uid"].split()[0] != "0", (name, lines)
        assert int(values["CapEff"], 16) == int(values["CapBnd"], 16) == 0 and values["NoNewPrivs"] == "1", (
            name,
            lines,
        )
        assert found["HostConfig"]["Memory"] > 0, (name, "no limit")
    return f"{len(all_of.lasting)} services: not root, no capability, no new privileges, a root that is not written"


def networks(all_of: Composed) -> str:
    """From the board, by name and by address; an address outside has no route."""
    inside = all_of.container("kafka")["NetworkSettings"]["Networks"].values()
    kafka = [f"{network['IPAddress']}:19092" for network in inside]
    asked = ["kafka:19092", *kafka, "kafka:29093", "192.0.2.1:443", "alertmanager:9093", "grafana:3000"]
    reached = all_of.inside("board", "python", "-c", REACH, *asked).split()
    assert set(reached) == {"kafka:19092", *kafka}, reached
    return f"of {', '.join(asked)} the board reaches Kafka's listener alone"


def toolbox(all_of: Composed) -> str:
    checked = all_of.tool("toolbox", "topics", "--check")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    status = all_of.tool("toolbox", "status")
    assert status.returncode == 0, status.stdout + status.stderr
    return f"topics --check has nothing to say; status: {status.stdout.splitlines()[0]!r}"


def escalation(all_of: Composed) -> str:
    """A publisher on the host signs in at the published port."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    report = {
        "event_id": "check-1", "incident_id": "check-1", "revision": 1, "regency": "16.71", "category": "clash",
        "severity": 5, "status": "reported", "occurred_at": now, "reported_at": now, "source": "kpu-sumsel",
    }  # fmt: skip
    settings = {
        "SIAGA_BROKER": "127.0.0.1:9092", "SIAGA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
        "SIAGA_SASL_MECHANISM": "SCRAM-SHA-512", "SIAGA_SASL_USERNAME": "siaga-publisher",
        "SIAGA_SASL_PASSWORD_FILE": "/secret",
    }  # fmt: skip
    image = all_of.container("board")["Config"]["Image"]
    variables = [word for name, value in settings.items() for word in ("-e", f"{name}={value}")]
    sent = run(
        "docker", "run", "--rm", "-i", "--network", "host", *variables,
        "-v", f"{run('pwd').stdout.strip()}/secrets/siaga-publisher:/secret:ro", image, "publish", "incidents", "-",
        stdin=json.dumps(report) + "\n",
    )  # fmt: skip
    assert sent.returncode == 0, sent.stdout + sent.stderr

    def escalated() -> bool:
        return '"16.71"' in all_of.tool("toolbox", "tail", "escalations", "--from-beginning", "--until-end").stdout

    return f"a clash in 16.71, published at 127.0.0.1:9092, is an escalation after {wait_for('it', escalated):.0f} s"


def targets(all_of: Composed) -> str:
    """All that can be scraped, and the rules of the files."""
    if "prometheus" not in all_of.services:
        return "Prometheus does not run here"
    scraped = [name for name in all_of.lasting if name != "kafka"]
    wait_for("all targets up", lambda: all_of.value("count(up == 1)") == len(scraped))
    assert all_of.value("count(up)") == len(scraped), "a target beside those"
    rules = sum(
        line.strip().startswith(("- alert:", "- record:"))
        for file in Path("deploy/prometheus/rules").glob("*.yml")
        for line in file.read_text(encoding="utf-8").splitlines()
    )
    loaded = all_of.value("sum(prometheus_rule_group_rules)")
    assert rules == loaded, f"{loaded} rules of {rules} are loaded"
    failures = all_of.value("sum(prometheus_rule_evaluation_failures_total)")
    assert failures == 0, f"{failures} evaluations of rules failed"
    return f"{len(scraped)} up ({', '.join(scraped)}); {rules} rules loaded, no evaluation failed"


def alerts(all_of: Composed) -> str:
    """By the routes: the level of the report to the room, the watchdogs to their own receivers."""
    if "alertmanager" not in all_of.services:
        return "Alertmanager does not run here"
    received = all_of.alerts.received
    wait_for("the level at the room", lambda: "SiagaRegencySiaga" in received.get("/room", ""))
    wait_for("the watchdog", lambda: "SiagaWatchdog" in received.get("/deadman", ""))
    wait_for("the room's watchdog", lambda: "SiagaRoomWatchdog" in received.get("/deadman-room", ""))
    assert '"16.71"' in received["/room"] and "Watchdog" not in received["/room"], received["/room"]
    shown = all_of.inside("alertmanager", "amtool", "alert", "query")
    assert "SiagaRegencySiaga" in shown, shown
    return "16.71's level is at /room of the Docker host, the watchdogs at theirs; amtool shows it"


def webhook(all_of: Composed) -> str:
    """Its receiver cannot be reached from here: that is in the log, and the sender is healthy."""
    if "webhook" not in all_of.services:
        return "the sender does not run here"
    log = ("tail", "notifications", "--from-beginning", "--until-end")
    wait_for("the attempt", lambda: '"16.71"' in all_of.tool("toolbox", *log).stdout)
    assert all_of.health("webhook") == "healthy", all_of.health("webhook")
    return "an attempt that reached nobody is in the log of notifications; the sender is healthy"


def board_says() -> tuple[int, str]:
    try:
        with urllib.request.urlopen(BOARD, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError as error:
        return 0, str(error)


def without_kafka(all_of: Composed) -> str:
    """Alive and still is unhealthy, with the reason; and over when Kafka is back."""
    ours = [name for name in all_of.lasting if name.startswith(("worker", "board", "webhook"))]
    run("docker", "stop", "-t", "60", all_of.container("kafka")["Id"])
    began = time.monotonic()
    wait_for("board's 503", lambda: board_says()[0] == 503)
    said = f"{time.monotonic() - began:.0f} s: {board_says()[1][:200].strip()}"
    wait_for("unhealthy", lambda: all(all_of.health(name) == "unhealthy" for name in ours))
    took = time.monotonic() - began
    run("docker", "start", all_of.container("kafka")["Id"])
    back = wait_for("healthy again", lambda: all(all_of.health(name) == "healthy" for name in ours))
    return (
        f"{', '.join(ours)} unhealthy after {took:.0f} s, healthy {back:.0f} s after its start; the board after {said}"
    )


def sigterm(all_of: Composed) -> str:
    began = time.monotonic()
    all_of.compose("stop", "worker-1")
    state = all_of.container("worker-1")["State"]
    took = time.monotonic() - began
    assert state["ExitCode"] == 0 and took < STOPS_WITHIN_S, (state, took)
    return f"worker-1 ends with 0 in {took:.1f} s"


CHECKS = (start, hardening, networks, toolbox, escalation, targets, alerts, webhook, without_kafka, sigterm)


def main() -> int:
    """Run all checks; 1 where one failed."""
    all_of, failed = Composed(sys.argv[1], sys.argv[2:]), 0
    for check in CHECKS:
        try:
            print(f"ok      {check.__name__}: {check(all_of)}", flush=True)
        except (AssertionError, subprocess.SubprocessError, OSError, LookupError, ValueError) as error:
            failed += 1
            print(f"FAILED  {check.__name__}: {error!r}", flush=True)
            if check is start:
                print(run("docker", "ps", "-a").stdout, all_of.compose("logs", "--tail=8").stdout[-6000:])
                break
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
