"""The attacker is a web page that anybody on the Docker host has open. It has no right but to send requests from there.

It knows where Alertmanager and Prometheus listen (a host reaches containers by their addresses, published or not), that
their APIs answer any origin, and that a name of its own can be bound to their address (DNS rebinding). It sets a
silence of two days over the room. Then: what an operator, who has the password, silences by mistake."""

import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Gauge, start_http_server

pytest.importorskip("yaml", reason="PyYAML is not installed (pip install 'siaga[deploy]')")

from tests.deploy.conftest import deploy, program  # noqa: F401  fixtures
from tests.deploy.programs import Manager, PrometheusApi, alertmanager, prometheus, wait_for
from tests.deploy.webhook import Webhook, listening

EVIL = {"Origin": "http://evil.example", "Host": "evil.example:9093"}
AWAS = 3
ROOM = {"name": "audience", "value": "room", "isRegex": False, "isEqual": True}
ALL = {"name": "alertname", "value": ".+", "isRegex": True, "isEqual": True}
ONE_REGENCY = {"name": "regency", "value": "16.71", "isRegex": False, "isEqual": True}
# One each half second, and the watchdogs are sent again each second: ten that do not arrive.
SCRAPES = 20


def silence_of(*matchers: dict) -> dict:
    """The body that sets a silence of two days from now on."""
    now = datetime.now(UTC)
    span = {"startsAt": now.isoformat(), "endsAt": (now + timedelta(days=2)).isoformat()}
    return {"matchers": list(matchers), **span, "createdBy": "test", "comment": "test"}


@dataclass
class Room:
    """What runs: Alertmanager and Prometheus with the files of deploy/, one regency at awas, receivers of webhooks."""

    manager: Manager
    api: PrometheusApi
    webhook: Webhook

    def silence(self, *matchers: dict, headers: dict[str, str]) -> int:
        """The status of setting a silence."""
        return self.manager.post("silences", silence_of(*matchers), headers)

    def silences(self) -> list[dict]:
        return [found for found in self.manager.get("silences") if found["status"]["state"] != "expired"]

    def end_silences(self) -> None:
        for found in self.silences():
            url = f"http://{self.manager.address}/api/v2/silence/{found['id']}"
            request = urllib.request.Request(url, headers=self.manager.headers, method="DELETE")
            with urllib.request.urlopen(request, timeout=5):
                pass

    def told(self, path: str, alert: str) -> int:
        """How many messages with this alert have come to a path."""
        return sum(
            to == path and any(one["labels"]["alertname"] == alert for one in body["alerts"])
            for to, body in self.webhook.messages
        )

    def wait_until_told(self, path: str, alert: str) -> None:
        """Wait for one more message than there are now."""
        before = self.told(path, alert)
        wait_for(f"{alert} at {path}", lambda: self.told(path, alert) > before)

    def wait_until_stopped(self, path: str, alert: str) -> None:
        """Wait until an alert that is sent again each second is not, while Prometheus scraped SCRAPES times."""

        def scrapes() -> float:
            (found,) = self.api.query('count_over_time(up{job="alertmanager"}[1h])')
            return float(found["value"][1])

        def stopped() -> bool:
            before, then = self.told(path, alert), scrapes()
            wait_for("scrapes", lambda: scrapes() >= then + SCRAPES)
            return self.told(path, alert) == before

        wait_for(f"the end of {alert} at {path}", stopped, 180)


@pytest.fixture(scope="module")
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    files, find = request.getfixturevalue("deploy"), request.getfixturevalue("program")
    home, registry = tmp_path_factory.mktemp("room"), CollectorRegistry()
    level = Gauge("siaga_regency_level", "Level.", ("regency", "name"), registry=registry)
    level.labels("16.71", "Palembang").set(AWAS)
    server, thread = start_http_server(0, "127.0.0.1", registry)
    try:
        with (
            listening() as webhook,
            alertmanager(find("prometheus-alertmanager"), files, home, webhook.address) as manager,
            prometheus(
                find("prometheus"),
                files,
                home,
                {"siaga-worker": [f"127.0.0.1:{server.server_port}"], "alertmanager": [manager.address]},
                manager,
            ) as api,
        ):
            yield Room(manager, api, webhook)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def room(running: Room) -> Iterator[Room]:
    """The room is told of awas, and both watchdogs arrive; no silence is left behind."""
    wait_for("awas at the room", lambda: running.told("/room", "SiagaRegencyAwas"))
    running.wait_until_told("/deadman", "SiagaWatchdog")
    running.wait_until_told("/deadman-room", "SiagaRoomWatchdog")
    yield running
    running.end_silences()
    wait_for("no silence", lambda: not running.api.query('ALERTS{alertname="SiagaSilenceActive"}'))


@pytest.mark.parametrize("headers", [{}, EVIL, EVIL | {"Authorization": "Basic c2lhZ2E6c2lhZ2E="}], ids=str)
def test_a_web_page_sets_no_silence(running: Room, headers: dict[str, str]) -> None:
    assert running.silence(ALL, headers=headers) == 401
    assert running.silences() == []


def test_without_a_password_the_same_page_could(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Why it asks for one: by itself Alertmanager takes the page's request, and says that any page may send it."""
    files, find = request.getfixturevalue("deploy"), request.getfixturevalue("program")
    binary = find("prometheus-alertmanager")
    with alertmanager(binary, files, tmp_path, "127.0.0.1:9", asks_for_a_password=False) as manager:
        preflight = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
        url = f"http://{manager.address}/api/v2/silences"
        asked = urllib.request.Request(url, headers=EVIL | preflight, method="OPTIONS")
        with urllib.request.urlopen(asked, timeout=5) as answer:
            assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert manager.post("silences", silence_of(ALL), EVIL) == 200


@pytest.mark.parametrize("path", ["/api/v1/query?query=siaga_regency_level", "/metrics", "/federate?match[]=up", "/"])
def test_a_web_page_reads_nothing_of_prometheus(running: Room, path: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(urllib.request.Request(running.api.url + path, headers=EVIL), timeout=5)
    with refused.value as answer:
        assert answer.code == 401


def test_a_web_page_sends_no_false_alert(running: Room) -> None:
    false = [{"labels": {"alertname": "SiagaRegencyAwas", "audience": "room", "regency": "16.10", "province": "16"}}]
    assert running.manager.post("alerts", false, EVIL) == 401
    assert {alert["labels"].get("regency") for alert in running.manager.get("alerts")} <= {"16.71", None}


def test_a_silence_over_the_room_stops_its_watchdog_and_is_told_to_the_operators(room: Room) -> None:
    assert room.silence(ROOM, headers=room.manager.headers) == 200
    room.wait_until_told("/operators", "SiagaSilenceActive")
    room.wait_until_stopped("/deadman-room", "SiagaRoomWatchdog")
    room.wait_until_told("/deadman", "SiagaWatchdog")
    descriptions = [
        alert["annotations"]["description"]
        for path, body in room.webhook.messages
        for alert in body["alerts"]
        if path == "/deadman"
    ]
    assert descriptions[-1].endswith("Active silences: 1.")


def test_a_silence_over_one_regency_is_told_to_the_room_too(room: Room) -> None:
    assert room.silence(ONE_REGENCY, headers=room.manager.headers) == 200
    room.wait_until_told("/room", "SiagaRoomSilenceActive")


def test_a_silence_over_everything_stops_the_dead_mans_switch(room: Room) -> None:
    assert room.silence(ALL, headers=room.manager.headers) == 200
    room.wait_until_stopped("/deadman", "SiagaWatchdog")
    (shown,) = room.api.query('sum(alertmanager_silences{job="alertmanager", state="active"})')
    assert shown["value"][1] == "1", "what the panel of Grafana shows"
