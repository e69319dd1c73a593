"""The committed dashboards are what the generator builds, and each panel is described. Grafana itself is not run."""

import itertools
import json
import sys
from pathlib import Path

import pytest

PANEL_TYPES = {"stat", "timeseries", "state-timeline", "table"}
GRID_WIDTH = 24


@pytest.fixture(scope="module")
def dashboards(deploy) -> dict[str, dict]:
    files = sorted((deploy / "grafana" / "dashboards").glob("*.json"))
    return {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in files}


@pytest.fixture(scope="module")
def panels(dashboards) -> list[tuple[str, dict]]:
    return [(f"{name}: {p['title']}", p) for name, board in dashboards.items() for p in board["panels"]]


def test_the_committed_dashboards_are_what_the_generator_builds(deploy, run):
    pytest.importorskip("grafana_foundation_sdk", reason="grafana-foundation-sdk is not installed (siaga[deploy])")
    run(sys.executable, deploy / "grafana" / "build.py", "--check")


def test_there_is_one_dashboard_for_each_reader(dashboards):
    assert dashboards.keys() == {"province", "pipeline", "publishers"}


def test_ids_are_unique(dashboards):
    uids = [board["uid"] for board in dashboards.values()]
    assert len(set(uids)) == len(uids)
    for name, board in dashboards.items():
        ids = [panel["id"] for panel in board["panels"]]
        assert len(set(ids)) == len(ids), name
        titles = [panel["title"] for panel in board["panels"]]
        assert len(set(titles)) == len(titles), name
        for panel in board["panels"]:
            refs = [target["refId"] for target in panel["targets"]]
            assert len(set(refs)) == len(refs), panel["title"]


def test_panels_lie_on_the_grid_without_overlap(dashboards):
    for name, board in dashboards.items():
        for panel in board["panels"]:
            place = panel["gridPos"]
            assert place["x"] >= 0 and place["x"] + place["w"] <= GRID_WIDTH, f"{name}: {panel['title']}"
        for one, other in itertools.combinations(board["panels"], 2):
            assert not _overlap(one["gridPos"], other["gridPos"]), f"{name}: {one['title']} and {other['title']}"


def test_every_panel_has_a_description_a_unit_and_a_query(panels):
    for place, panel in panels:
        assert panel["type"] in PANEL_TYPES, place
        assert panel["description"].strip().endswith("."), place
        assert panel["fieldConfig"]["defaults"]["unit"], place
        assert panel["targets"], place
        for target in panel["targets"]:
            assert target["expr"].strip() and target["datasource"] == panel["datasource"], place


def test_states_are_shown_in_words_and_not_by_colour_alone(panels):
    for place, panel in panels:
        if panel["type"] == "state-timeline":
            words = [result for m in panel["fieldConfig"]["defaults"]["mappings"] for result in m["options"].values()]
            assert words and all(word["text"] and word["color"] for word in words), place


def test_every_variable_used_is_declared(dashboards):
    for name, board in dashboards.items():
        declared = {variable["name"] for variable in board["templating"]["list"]}
        text = json.dumps(board["panels"])
        for variable in ("province", "source", "datasource"):
            used = f"${variable}" in text or f"${{{variable}}}" in text
            assert used == (variable in declared), f"{name}: {variable}"


def test_provisioning_points_at_what_compose_mounts(deploy, compose_services, load_yaml):
    volumes = [volume.split(":") for volume in compose_services["grafana"]["volumes"]]
    mounts = {target: (deploy.parent / source).resolve() for source, target, *_ in volumes}
    provider = load_yaml(deploy / "grafana" / "provisioning" / "dashboards" / "siaga.yml")["providers"][0]
    assert mounts[provider["options"]["path"]] == deploy / "grafana" / "dashboards"
    assert mounts["/etc/grafana/provisioning"] == deploy / "grafana" / "provisioning"
    home = Path(compose_services["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert (mounts[str(home.parent)] / home.name).is_file()
    sources = load_yaml(deploy / "grafana" / "provisioning" / "datasources" / "prometheus.yml")["datasources"]
    hosts = {source["url"].split("/")[2].partition(":")[0] for source in sources}
    assert hosts <= compose_services.keys()
    assert [source["type"] for source in sources if source.get("isDefault")] == ["prometheus"]


def _overlap(one: dict, other: dict) -> bool:
    beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
    above = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
    return not (beside or above)
