"""Prometheus and Alertmanager with the files of deploy/, on free loopback ports and with short intervals.

Both ask for a password, as in compose; their secrets are made in `secrets/` of the test's directory."""

import base64
import json
import shutil
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from apps.embedded.ports import free_port
from apps.embedded.process import end, spawn
from deploy import compose_secrets

READY_WITHIN_S = 90
INTERVAL = "500ms"
RUNBOOK_BASE = "https://docs.example.org/siaga/"


def wait_for(what: str, condition: Callable[[], Any], within_s: float = 90, every_s: float = 0.1) -> Any:
    """The first true value of `condition`; fails with `what` and the last value after `within_s`."""
    deadline = time.monotonic() + within_s
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {within_s} s: {what} (last: {found!r})"
        time.sleep(every_s)
    return found


def signed_in(password: str) -> dict[str, str]:
    """The header by which Prometheus and Alertmanager know who asks."""
    both = f"{compose_secrets.HTTP_USER}:{password}".encode()
    return {"Authorization": "Basic " + base64.b64encode(both).decode()}


def get_json(url: str, headers: dict[str, str], **parameters: str) -> Any:
    """The JSON body, also of an error response."""
    query = "?" + urllib.parse.urlencode(parameters) if parameters else ""
    try:
        with urllib.request.urlopen(urllib.request.Request(url + query, headers=headers), timeout=5) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return json.load(error)


@contextmanager
def running(
    argv: list[str],
    ready_url: str,
    log: Path,
    environment: dict[str, str] | None = None,
    headers: dict[str, str] | None = None,
) -> Iterator[None]:
    """Runs a program for the block, which begins when `ready_url` answers a request with these headers."""
    process = spawn(argv, log, environment)

    def ready() -> bool:
        assert process.poll() is None, f"{argv[0]} ended with {process.returncode}:\n{log.read_text()}"
        try:
            with urllib.request.urlopen(urllib.request.Request(ready_url, headers=headers or {}), timeout=1):
                return True
        except OSError:
            return False

    try:
        wait_for(f"{argv[0]} ready", ready, READY_WITHIN_S)
        yield
    finally:
        end(process, 15)


class PrometheusApi:
    """The HTTP API of a running Prometheus."""

    def __init__(self, url: str, headers: dict[str, str]) -> None:
        self.url = url
        self._headers = headers

    def query(self, expression: str) -> list[dict]:
        """Result of an instant query. Fails with Prometheus' error when it rejects the expression."""
        answer = get_json(f"{self.url}/api/v1/query", self._headers, query=expression)
        assert answer["status"] == "success", f"{answer.get('error')}: {expression}"
        return answer["data"]["result"]

    def label_values(self, label: str, selector: str) -> list[str]:
        """Values of a label of the series that a selector finds."""
        return get_json(f"{self.url}/api/v1/label/{label}/values", self._headers, **{"match[]": selector})["data"]

    def firing(self) -> set[str]:
        """Names of the alerts that fire now."""
        found = get_json(f"{self.url}/api/v1/alerts", self._headers)["data"]["alerts"]
        return {alert["labels"]["alertname"] for alert in found if alert["state"] == "firing"}


@dataclass(frozen=True)
class Manager:
    """A running Alertmanager: host:port, and the header that it asks for."""

    address: str
    headers: dict[str, str]

    def get(self, path: str) -> Any:
        """The JSON body of a path of its API."""
        return get_json(f"http://{self.address}/api/v2/{path}", self.headers)

    def post(self, path: str, body: Any, headers: dict[str, str]) -> int:
        """The status of a JSON request with these headers and no others."""
        request = urllib.request.Request(
            f"http://{self.address}/api/v2/{path}",
            json.dumps(body).encode(),
            {"Content-Type": "application/json"} | headers,
        )
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            with error:
                return error.code


def made_secrets(home: Path) -> Path:
    """The secrets of this test, made once."""
    compose_secrets.make(home / "secrets")
    return home / "secrets"


@contextmanager
def prometheus(
    binary: str, deploy: Path, home: Path, targets: dict[str, list[str]], alertmanager: Manager | None = None
) -> Iterator[PrometheusApi]:
    """Prometheus on a copy of deploy/prometheus; `targets` are host:port by job, other jobs are left out."""
    shutil.copytree(deploy / "prometheus", home / "prometheus")
    file, secrets = home / "prometheus" / "prometheus.yml", made_secrets(home)
    config = yaml.safe_load(file.read_text(encoding="utf-8").replace("/run/secrets", str(secrets)))
    config["global"] |= dict.fromkeys(("scrape_interval", "scrape_timeout", "evaluation_interval"), INTERVAL)
    config["global"]["external_labels"]["runbook_base"] = RUNBOOK_BASE
    config["scrape_configs"] = [
        job | {"static_configs": [{"targets": targets[job["job_name"]]}]}
        for job in config["scrape_configs"]
        if job["job_name"] in targets
    ]
    config["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"] = (
        [alertmanager.address] if alertmanager else []
    )
    file.write_text(yaml.safe_dump(config), encoding="utf-8")
    address = f"127.0.0.1:{free_port()}"
    argv = [
        binary,
        f"--config.file={file}",
        f"--storage.tsdb.path={home / 'tsdb'}",
        f"--web.listen-address={address}",
        f"--web.config.file={secrets / 'prometheus-web.yml'}",
        f"--rules.alert.resend-delay={INTERVAL}",
    ]
    headers = signed_in((secrets / "prometheus").read_text())
    with running(argv, f"http://{address}/-/ready", home / "prometheus.log", headers=headers):
        yield PrometheusApi(f"http://{address}", headers)


@contextmanager
def alertmanager(
    binary: str, deploy: Path, home: Path, webhook: str, asks_for_a_password: bool = True
) -> Iterator[Manager]:
    """Alertmanager on a copy of deploy/alertmanager, its webhooks at `webhook` (host:port)."""
    secrets = made_secrets(home)
    text = (deploy / "alertmanager" / "alertmanager.yml").read_text(encoding="utf-8")
    config = yaml.safe_load(text.replace("alert-webhook:9095", webhook))
    for route in (config["route"], *config["route"]["routes"]):
        # A group's first message still waits, so that several alerts become one message.
        route |= {"group_wait": "2s" if route["group_wait"] != "0s" else "0s", "group_interval": INTERVAL}
        if route["repeat_interval"] == "1m":  # the watchdogs
            route["repeat_interval"] = "1s"
    file = home / "alertmanager.yml"
    file.write_text(yaml.safe_dump(config), encoding="utf-8")
    address = f"127.0.0.1:{free_port()}"
    argv = [
        binary,
        f"--config.file={file}",
        f"--storage.path={home / 'alertmanager'}",
        f"--web.listen-address={address}",
        "--cluster.listen-address=",
    ]
    if asks_for_a_password:
        argv.append(f"--web.config.file={secrets / 'alertmanager-web.yml'}")
    headers = signed_in((secrets / "alertmanager").read_text())
    with running(argv, f"http://{address}/-/ready", home / "alertmanager.log", headers=headers):
        yield Manager(address, headers)
