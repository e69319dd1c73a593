"""Rules and dashboards select only what Siaga exposes: the metric exists, with those labels and those buckets."""

import json
import re
from dataclasses import dataclass, field

import pytest
from prometheus_client.samples import Sample

from agents import metrics

# Labels that Prometheus adds to every scraped series.
TARGET_LABELS = {"job", "instance"}
# Selected metrics of other programs; test_alerting_live.py checks that they exist.
FOREIGN = {"alertmanager_notifications_failed_total": {"integration"}, "alertmanager_silences": {"state"}}
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_SELECTOR = re.compile(r"\b(siaga[a-z0-9_:]*|alertmanager_[a-z0-9_]+|up)\b\s*(\{[^}]*\})?")
_MATCHER = re.compile(r'([a-zA-Z_]\w*)\s*(?:=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"')
_GROUPING = re.compile(r"\b(?:by|without|on|ignoring)\s*\(([^)]*)\)")


@dataclass
class Exposed:
    """Series names with their labels, and the bucket bounds of histograms, as on /metrics."""

    labels: dict[str, set[str]] = field(default_factory=dict)
    bounds: dict[str, set[str]] = field(default_factory=dict)

    def add(self, sample: Sample) -> None:
        self.labels.setdefault(sample.name, set()).update(sample.labels)
        if "le" in sample.labels:
            self.bounds.setdefault(sample.name, set()).add(sample.labels["le"])


@pytest.fixture(scope="module")
def exposed(fresh_registry, recorded) -> Exposed:
    found = Exposed()
    for family in fresh_registry.collect():
        for sample in family.samples:
            found.add(sample)
    found.labels["up"] = set()
    found.labels |= recorded | FOREIGN
    return found


@pytest.fixture(scope="module")
def recorded(rule_groups) -> dict[str, set[str]]:
    """Recording rules with the labels they keep: those of `by`, and `province` where label_replace adds it."""
    found = {}
    for group in rule_groups:
        for rule in group["rules"]:
            if "record" in rule:
                labels = set().union(*map(_names, _GROUPING.findall(rule["expr"])))
                found[rule["record"]] = labels | ({"province"} if "label_replace" in rule["expr"] else set())
    return found


@pytest.fixture(scope="module")
def expressions(rule_groups, deploy) -> dict[str, str]:
    """Every expression of rules and dashboards by where it is."""
    found = {rule.get("alert") or rule["record"]: rule["expr"] for group in rule_groups for rule in group["rules"]}
    for file in sorted((deploy / "grafana" / "dashboards").glob("*.json")):
        for place, expression in _dashboard_expressions(json.loads(file.read_text(encoding="utf-8"))):
            found[f"{file.stem}: {place}"] = expression
    return found


def test_every_selected_series_exists_with_its_labels(expressions, exposed):
    for place, expression in expressions.items():
        known = set(TARGET_LABELS)
        for name, matchers in _selectors(expression):
            assert name in exposed.labels, f"{place}: {name} is not in agents/metrics.py nor recorded"
            unknown = matchers.keys() - exposed.labels[name] - TARGET_LABELS
            assert not unknown, f"{place}: {name} has no label {unknown}"
            known |= exposed.labels[name]
        grouping = set().union(*map(_names, _GROUPING.findall(expression)))
        assert grouping <= known, f"{place}: no selected series has {grouping - known}"


def test_every_selected_bucket_bound_exists(expressions, exposed):
    for place, expression in expressions.items():
        for name, matchers in _selectors(expression):
            if "le" in matchers:
                assert matchers["le"] in exposed.bounds[name], f"{place}: {name} has no bucket {matchers['le']}"


def test_every_metric_is_shown_or_alerted_on(expressions):
    """A metric that nothing uses costs memory and storage for nothing."""
    selected = {name for expression in expressions.values() for name, _ in _selectors(expression)}
    families = {family.name for family in metrics.REGISTRY.collect()}
    unused = {f for f in families if not any(re.fullmatch(rf"{f}(_total|_bucket|_sum|_count)?", n) for n in selected)}
    assert unused == set()


def _selectors(expression: str) -> list[tuple[str, dict[str, str]]]:
    """(series, {label: value}) for each `name{label="value"}`. Strings outside braces are label_replace's arguments."""
    parts = re.split(r"(\{[^}]*\})", expression)
    bare = "".join(part if part.startswith("{") else _STRING.sub('""', part) for part in parts)
    return [(name, dict(_MATCHER.findall(matchers))) for name, matchers in _SELECTOR.findall(bare)]


def _names(labels: str) -> set[str]:
    return {label.strip() for label in labels.split(",") if label.strip()}


def _dashboard_expressions(dashboard: dict) -> list[tuple[str, str]]:
    panels = [(f"{p['title']} {t['refId']}", t["expr"]) for p in dashboard["panels"] for t in p.get("targets", [])]
    variables = [
        (f"variable {v['name']}", v["query"]["query"] if isinstance(v["query"], dict) else v["query"])
        for v in dashboard["templating"]["list"]
        if v["type"] == "query"
    ]
    return panels + variables
