"""Every query of every dashboard, expanded as by Grafana, in a Prometheus that scrapes a busy worker and a board."""

import json
import re
import time
from collections.abc import Iterator

import pytest
from prometheus_client import start_http_server
from prometheus_client.metrics import Counter, Gauge, Histogram

pytest.importorskip("yaml", reason="PyYAML is not installed (pip install 'siaga[deploy]')")

from tests.deploy.programs import PrometheusApi, alertmanager, prometheus, wait_for

# Grafana's values of the variables: "All" for each choice, and a rate interval of at least four scrapes.
EXPANDED = {"$__rate_interval": "10s", "$province": ".*", "$source": ".*"}
REGENCY = {"regency": "16.71", "name": "Palembang"}
# Label values that rules and dashboards select; other labels take any value.
SELECTED = {"outcome": ("admitted", "rejected", "applied"), "clock": ("wall",), "stage": ("intake", "risk")}


@pytest.fixture(scope="module")
def worker(fresh_metrics) -> Iterator[str]:
    """A /metrics with every metric of agents/metrics.py, whose values change at every scrape; host:port."""
    metrics = [m for m in vars(fresh_metrics).values() if isinstance(m, Counter | Gauge | Histogram)]
    fresh_metrics.REGISTRY.register(_Busy(metrics))
    server, thread = start_http_server(0, "127.0.0.1", fresh_metrics.REGISTRY)
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


class _Busy:
    """A collector without metrics of its own that changes every other metric at each scrape."""

    def __init__(self, metrics: list) -> None:
        self._metrics = metrics

    def describe(self) -> list:
        return []

    def collect(self) -> list:
        for metric in self._metrics:
            for child in _children(metric):
                _move(child, time.time() if "timestamp" in metric._name else 1)
        return []


def _children(metric) -> list:
    if not metric._labelnames:
        return [metric]
    base = {label: REGENCY.get(label, f"some-{label}") for label in metric._labelnames}
    for label, values in SELECTED.items():
        if label in base:
            return [metric.labels(**base | {label: value}) for value in values]
    return [metric.labels(**base)]


def _move(child, value: float) -> None:
    if isinstance(child, Histogram):
        child.observe(0.01)
    elif isinstance(child, Counter):
        child.inc()
    else:
        child.set(value)


@pytest.fixture(scope="module")
def api(deploy, program, tmp_path_factory, worker) -> Iterator[PrometheusApi]:
    home = tmp_path_factory.mktemp("prometheus")
    with (
        alertmanager(program("prometheus-alertmanager"), deploy, home, "127.0.0.1:9") as manager,
        prometheus(
            program("prometheus"),
            deploy,
            home,
            {"siaga-worker": [worker], "siaga-board": [worker], "alertmanager": [manager.address]},
        ) as api,
    ):
        scraped = 'min(count_over_time(up{job="siaga-worker"}[1m])) >= 4'
        wait_for("four scrapes", lambda: api.query(scraped))
        wait_for(
            "the recording rules",
            lambda: api.query("siaga:rejected:ratio5m >= 0 and on() siaga:clock_timestamp_seconds:min"),
        )
        yield api


@pytest.fixture(scope="module")
def boards(deploy) -> dict[str, dict]:
    files = sorted((deploy / "grafana" / "dashboards").glob("*.json"))
    return {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in files}


def test_every_query_is_accepted_and_returns_a_value(api, boards):
    empty = []
    for name, board in boards.items():
        for panel in board["panels"]:
            for target in panel["targets"]:
                if not _finds(api, _expanded(target["expr"])):
                    empty.append(f"{name}: {panel['title']}: {target['expr']}")
    assert not empty, "\n".join(empty)


def test_every_variable_has_values(api, boards):
    for board in boards.values():
        for variable in board["templating"]["list"]:
            if variable["type"] == "query":
                metric, label = re.fullmatch(r"label_values\((\S+), (\w+)\)", variable["query"]["query"]).groups()
                assert api.label_values(label, metric), variable["name"]


def test_recording_rules_all_have_a_value(api, rule_groups):
    for group in rule_groups:
        for rule in group["rules"]:
            if "record" in rule:
                assert api.query(rule["record"]), rule["record"]


def _expanded(expression: str) -> str:
    for variable, value in EXPANDED.items():
        expression = expression.replace(variable, value)
    assert "$" not in expression, expression
    return expression


def _finds(api: PrometheusApi, expression: str) -> bool:
    return any(sample["value"][1] != "NaN" for sample in api.query(expression))
