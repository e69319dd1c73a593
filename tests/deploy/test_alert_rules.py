"""Each alert is described, links to the runbook, and has timelines in which it fires and does not fire."""

import re
from collections import defaultdict
from pathlib import Path

import pytest

TIMELINES = Path(__file__).parent / "timelines"
# An external label holds the runbook's base URL; it is empty as committed, so the link is a path.
RUNBOOK = "{{ $externalLabels.runbook_base }}docs/operating/runbook.md#"
SEVERITIES = {"none", "warning", "critical"}
AUDIENCES = {"operators", "room", "deadman"}
# They always fire.
WATCHDOGS = {"SiagaWatchdog", "SiagaRoomWatchdog"}


def test_prometheus_accepts_its_configuration_and_rules(deploy, program, run):
    output = run(program("promtool"), "check", "config", "prometheus.yml", cwd=deploy / "prometheus")
    for file in (deploy / "prometheus" / "rules").glob("*.yml"):
        assert f"Checking rules/{file.name}" in output


def test_alertmanager_accepts_its_configuration(deploy, program, run):
    run(program("amtool"), "check-config", deploy / "alertmanager" / "alertmanager.yml")


@pytest.mark.parametrize("timeline", sorted(TIMELINES.glob("*.yml")), ids=lambda path: path.stem)
def test_alerts_follow_their_timelines(timeline, program, run):
    run(program("promtool"), "test", "rules", timeline.name, cwd=TIMELINES)


def test_every_alert_is_seen_firing_and_not_firing(alerts, load_yaml):
    seen = defaultdict(set)
    for timeline in TIMELINES.glob("*.yml"):
        for test in load_yaml(timeline)["tests"]:
            for check in test["alert_rule_test"]:
                seen[check["alertname"]].add("firing" if check["exp_alerts"] else "not firing")
    wanted = {name: {"firing"} if name in WATCHDOGS else {"firing", "not firing"} for name in alerts}
    assert dict(seen) == wanted


def test_every_alert_has_a_severity_an_audience_and_texts(alerts):
    for name, rule in alerts.items():
        assert rule["labels"]["severity"] in SEVERITIES, name
        assert rule["labels"]["audience"] in AUDIENCES, name
        assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}, name
        assert all(text.strip() for text in rule["annotations"].values()), name


def test_every_runbook_link_leads_to_a_section_and_every_section_to_an_alert(alerts, repo):
    text = (repo / "docs" / "operating" / "runbook.md").read_text(encoding="utf-8")
    anchors = {_anchor(heading) for heading in re.findall(r"^## (.+)$", text, re.MULTILINE)}
    links = {rule["annotations"]["runbook_url"] for rule in alerts.values()}
    assert links == {RUNBOOK + anchor for anchor in anchors}
    inner = set(re.findall(r"\]\(#([^)]+)\)", text))
    assert inner <= anchors


def test_the_runbook_base_is_set_once_and_is_no_label_of_an_alert(deploy, load_yaml):
    config = load_yaml(deploy / "prometheus" / "prometheus.yml")
    assert config["global"]["external_labels"] == {"system": "siaga", "runbook_base": ""}
    assert {"action": "labeldrop", "regex": "runbook_base"} in config["alerting"]["alert_relabel_configs"]


def test_each_runbook_section_has_meaning_checks_and_actions(repo):
    text = (repo / "docs" / "operating" / "runbook.md").read_text(encoding="utf-8")
    for section in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        name = section.splitlines()[0]
        if name not in WATCHDOGS:
            assert all(f"**{word}**" in section for word in ("Means", "Look", "Do")), name


def _anchor(heading: str) -> str:
    """The anchor of a heading: lower case, blanks to dashes, other signs dropped."""
    return re.sub(r"[^a-z0-9 _-]", "", heading.lower()).replace(" ", "-")
