"""Builds deploy/grafana/dashboards/*.json from the Python beside this file.

    python deploy/grafana/build.py            write the dashboards
    python deploy/grafana/build.py --check    exit status 1 and the names when the committed ones differ

Needs grafana-foundation-sdk (pip install 'siaga[deploy]'); running Grafana does not need it.
"""

import json
import sys
from pathlib import Path
from types import ModuleType

import pipeline
import province
import publishers
from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as models
from panels import DATASOURCE

OUTPUT = Path(__file__).with_name("dashboards")
# (name, label, metric, label of the metric) of the choices at the top of each dashboard.
CHOICES = {
    province.UID: [("province", "Province", "siaga:regency_level:current", "province")],
    publishers.UID: [("source", "Source", "siaga:source_last_record_timestamp_seconds:max", "source")],
}


def build(module: ModuleType) -> dashboard.Dashboard:
    """One dashboard: header, variables, panels numbered in reading order."""
    board = (
        dashboard.Dashboard(module.TITLE)
        .uid(module.UID)
        .description(module.DESCRIPTION)
        .tags(["siaga"])
        .readonly()
        .timezone("browser")
        .refresh("5s")
        .time("now-6h", "now")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .link(
            dashboard.DashboardLink("Siaga").type(models.DashboardLinkType.DASHBOARDS).tags(["siaga"]).keep_time(True)
        )
        .with_variable(
            dashboard.DatasourceVariable("datasource").id("datasource").label("Data source").type("prometheus")
        )
    )
    for choice in CHOICES.get(module.UID, []):
        board.with_variable(_choice(*choice))
    for number, panel in enumerate(module.panels(), start=1):
        board.with_panel(panel.id(number))
    return board


def _choice(name: str, label: str, metric: str, of: str) -> dashboard.QueryVariable:
    return (
        dashboard.QueryVariable(name)
        .id(name)
        .label(label)
        .query({"query": f"label_values({metric}, {of})", "refId": "choice"})
        .datasource(DATASOURCE)
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".*")
        .current(models.VariableOption(selected=True, text="All", value="$__all"))
    )


def rendered() -> dict[str, str]:
    """File name to JSON text of every dashboard."""
    found = {}
    for module in (province, pipeline, publishers):
        name = module.__name__ + ".json"
        found[name] = json.dumps(build(module).build(), cls=JSONEncoder, indent=2, sort_keys=True) + "\n"
    return found


def main(arguments: list[str]) -> int:
    files = rendered()
    if arguments == ["--check"]:
        committed = {path.name: path.read_text(encoding="utf-8") for path in OUTPUT.glob("*.json")}
        stale = sorted(name for name in files.keys() | committed.keys() if files.get(name) != committed.get(name))
        print("\n".join(stale) if stale else "current")
        return 1 if stale else 0
    if arguments:
        print(__doc__, file=sys.stderr)
        return 2
    OUTPUT.mkdir(exist_ok=True)
    for name, text in files.items():
        (OUTPUT / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
