"""A flare-up, from /metrics through Prometheus and Alertmanager to a webhook: notified in groups, muted where
configured, and resolved."""

import subprocess
from collections.abc import Iterator

import pytest
from prometheus_client import start_http_server

yaml = pytest.importorskip("yaml", reason="PyYAML is not installed (pip install 'siaga[deploy]')")

from tests.deploy.programs import RUNBOOK_BASE, Manager, alertmanager, prometheus, wait_for
from tests.deploy.webhook import Webhook, listening

PALEMBANG, OGAN_ILIR, BENGKULU = ("16.71", "Palembang"), ("16.10", "Ogan Ilir"), ("17.71", "Bengkulu")
NORMAL, SIAGA, AWAS = 0, 2, 3


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    with listening() as webhook:
        yield webhook


@pytest.fixture
def worker(fresh_metrics) -> Iterator[str]:
    """A worker's /metrics with three regencies at normal; host:port."""
    fresh_metrics.LEVEL.clear()
    for regency in (PALEMBANG, OGAN_ILIR, BENGKULU):
        fresh_metrics.LEVEL.labels(*regency).set(NORMAL)
    server, thread = start_http_server(0, "127.0.0.1", fresh_metrics.REGISTRY)
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_flare_up_is_grouped_muted_and_resolved(deploy, program, tmp_path, webhook, worker, fresh_metrics):
    def put(regency: tuple[str, str], level: int) -> None:
        fresh_metrics.LEVEL.labels(*regency).set(level)

    binary = program("prometheus-alertmanager")
    with (
        alertmanager(binary, deploy, tmp_path, webhook.address) as manager,
        prometheus(
            program("prometheus"),
            deploy,
            tmp_path,
            {"siaga-worker": [worker], "alertmanager": [manager.address]},
            manager,
        ) as api,
    ):
        watchdog = wait_for(
            "the watchdog at its own receiver",
            lambda: [alert for path, body in webhook.messages if path == "/deadman" for alert in body["alerts"]],
        )[0]
        assert watchdog["annotations"]["runbook_url"] == f"{RUNBOOK_BASE}docs/operating/runbook.md#siagawatchdog"
        assert watchdog["labels"].keys() == {"alertname", "severity", "audience", "system"}
        failed = wait_for(
            "Alertmanager's counter of failures, as SiagaNotificationsFailing selects it",
            lambda: api.query('alertmanager_notifications_failed_total{job="alertmanager", integration="webhook"}'),
        )
        assert {sample["value"][1] for sample in failed} == {"0"}
        assert not webhook.room("16"), "a normal level is not announced"

        put(PALEMBANG, SIAGA), put(OGAN_ILIR, SIAGA), put(BENGKULU, SIAGA)
        wait_for("both provinces at the room", lambda: webhook.room("16") and webhook.room("17"))
        two = {("SiagaRegencySiaga", "16.71", "firing"), ("SiagaRegencySiaga", "16.10", "firing")}
        assert webhook.latest("16") == two, "one message holds the regencies of a province"
        assert webhook.latest("17") == {("SiagaRegencySiaga", "17.71", "firing")}
        assert api.firing() >= {"SiagaRegencySiaga", "SiagaWatchdog"}

        put(PALEMBANG, AWAS)
        wait_for("awas", lambda: ("SiagaRegencyAwas", "16.71", "firing") in webhook.latest("16"))
        # A message that is being sent as awas arrives may name both (deploy/alertmanager); later ones may not.
        wait_for("siaga of the same regency muted", lambda: _muted(manager) == [("SiagaRegencySiaga", "16.71")])
        put(OGAN_ILIR, NORMAL)
        end = {("SiagaRegencyAwas", "16.71", "firing"), ("SiagaRegencySiaga", "16.10", "resolved")}
        wait_for("the end in Ogan Ilir, without what is muted", lambda: webhook.latest("16") == end)

        before = len(webhook.room("16"))
        put(PALEMBANG, SIAGA)
        fall = {("SiagaRegencySiaga", "16.71", "firing"), ("SiagaRegencyAwas", "16.71", "resolved")}
        wait_for("the fall to siaga", lambda: fall <= webhook.since("16", before))

        put(PALEMBANG, NORMAL), put(BENGKULU, NORMAL)
        wait_for("the end of the alarm in both provinces", lambda: _ended(webhook, "16") and _ended(webhook, "17"))


def test_the_tool_in_alertmanagers_container_signs_in(deploy, program, run, tmp_path):
    """Its health check and the runbook's commands: amtool with the files that compose mounts as its configuration."""
    amtool = program("amtool")
    settings = yaml.safe_load((deploy / "alertmanager" / "amtool" / "config.yml").read_text(encoding="utf-8"))
    assert settings["http.config.file"] == "/etc/amtool/http.yml"
    with alertmanager(program("prometheus-alertmanager"), deploy, tmp_path, "127.0.0.1:9") as manager:
        at = f"--alertmanager.url=http://{manager.address}"
        text = (deploy / "alertmanager" / "amtool" / "http.yml").read_text(encoding="utf-8")
        (tmp_path / "http.yml").write_text(text.replace("/run/secrets", str(tmp_path / "secrets")))
        signed_in = f"--http.config.file={tmp_path / 'http.yml'}"
        run(amtool, at, signed_in, "cluster", "show")
        silence = ("silence", "add", "alertname=SiagaWorkerDown", "--duration=6h", "--author=duty", "--comment=test")
        made = run(amtool, at, signed_in, *silence).strip()
        assert made in run(amtool, at, signed_in, "silence", "query", "-o", "extended")
        run(amtool, at, signed_in, "alert", "query", "--silenced")
        run(amtool, at, signed_in, "silence", "expire", made)
        refused = subprocess.run([amtool, at, *silence], capture_output=True, text=True, timeout=60, check=False)
        assert refused.returncode != 0 and "401" in refused.stdout + refused.stderr


def _muted(manager: Manager) -> list[tuple[str, str]]:
    """(alert, regency) of the alerts that Alertmanager inhibits because a graver alert fires."""
    held = [alert for alert in manager.get("alerts") if alert["status"]["inhibitedBy"]]
    return [(alert["labels"]["alertname"], alert["labels"]["regency"]) for alert in held]


def _ended(webhook: Webhook, province: str) -> bool:
    return webhook.room(province)[-1]["status"] == "resolved"
