"""The kinds of panel that the dashboards are made of: every panel has a title, a unit and a description, by
construction.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

DATASOURCE = models.DataSourceRef(type_val="prometheus", uid="${datasource}")
# In order of severity. The word is always shown with the colour: many people cannot distinguish these colours.
LEVELS = {"0": ("normal", "#3a7d44"), "1": ("waspada", "#e0b400"), "2": ("siaga", "#e06c00"), "3": ("awas", "#b3001b")}
DATA_STATUSES = {"0": ("live", "#3a7d44"), "1": ("stale", "#e0b400"), "2": ("silent", "#5c5c66")}
ROW_WIDTH = 24
Panel = timeseries.Panel | stat.Panel | statetimeline.Panel | table.Panel
P = TypeVar("P", timeseries.Panel, stat.Panel, statetimeline.Panel, table.Panel)


@dataclass(frozen=True)
class Query:
    """A PromQL expression and the legend of its series."""

    expr: str
    legend: str = ""


def mappings(words: dict[str, tuple[str, str]]) -> list[models.ValueMapping]:
    """Numbers to words and colours."""
    results = {
        number: models.ValueMappingResult(text=word, color=color, index=index)
        for index, (number, (word, color)) in enumerate(words.items())
    }
    return [models.ValueMap(options=results)]


def series(
    title: str, unit: str, description: str, *queries: Query, width: int = 12, stacked: bool = False
) -> timeseries.Panel:
    """Lines over time; no data is a gap, never a zero."""
    panel = _common(timeseries.Panel(), title, unit, description, width, height=8)
    panel.min(0).fill_opacity(10).show_points(common_models.VisibilityMode.NEVER)
    panel.legend(common.VizLegendOptions().show_legend(True).placement(common_models.LegendPlacement.BOTTOM))
    panel.tooltip(common.VizTooltipOptions().mode(common_models.TooltipDisplayMode.MULTI))
    if stacked:
        panel.stacking(common.StackingConfig().mode(common_models.StackingMode.NORMAL))
    return panel.targets(_targets(queries, instant=False))


def signed_series(title: str, unit: str, description: str, *queries: Query, width: int = 12) -> timeseries.Panel:
    """Lines over time that may go below zero."""
    panel = _common(timeseries.Panel(), title, unit, description, width, height=8)
    panel.show_points(common_models.VisibilityMode.NEVER)
    return panel.targets(_targets(queries, instant=False))


def number(
    title: str,
    unit: str,
    description: str,
    *queries: Query,
    width: int = 4,
    warn: float | None = None,
    bad: float | None = None,
) -> stat.Panel:
    """The current value, coloured from `warn` and `bad` upwards."""
    panel = _common(stat.Panel(), title, unit, description, width, height=4)
    steps = [models.Threshold(value=None, color="#3a7d44")]
    steps += [
        models.Threshold(value=value, color=color)
        for value, color in ((warn, "#e0b400"), (bad, "#b3001b"))
        if value is not None
    ]
    panel.thresholds(dashboard.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(steps))
    panel.graph_mode(common_models.BigValueGraphMode.NONE).no_value("no data")
    panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    return panel.targets(_targets(queries, instant=True))


def states(
    title: str, description: str, words: dict[str, tuple[str, str]], query: Query, height: int = 12
) -> statetimeline.Panel:
    """One bar for each series, coloured by state over time."""
    panel = _common(statetimeline.Panel(), title, "none", description, ROW_WIDTH, height)
    panel.mappings(mappings(words)).merge_values(True).show_value(common_models.VisibilityMode.AUTO)
    panel.thresholds(dashboard.ThresholdsConfig().steps([models.Threshold(value=None, color="#5c5c66")]))
    return panel.targets(_targets((query,), instant=False))


@dataclass(frozen=True)
class Column:
    """One column of a table: its query, its heading, its unit and, for states, its words."""

    name: str
    expr: str
    unit: str
    words: dict[str, tuple[str, str]] | None = None


def grid(
    title: str, description: str, keys: dict[str, str], *columns: Column, width: int = ROW_WIDTH, height: int = 10
) -> table.Panel:
    """A table: one row for each combination of the labels `keys` (label: heading), one column for each query."""
    panel = _common(table.Panel(), title, "none", description, width, height).show_header(True)
    panel.targets(
        [_target(chr(65 + i), Query(column.expr), instant=True, as_table=True) for i, column in enumerate(columns)]
    )
    panel.with_transformation(models.DataTransformerConfig(id_val="merge", options={}))
    renamed = (
        {f"Value #{chr(65 + i)}": column.name for i, column in enumerate(columns)}
        if len(columns) > 1
        else {"Value": columns[0].name}
    )
    order = {name: index for index, name in enumerate([*keys, *renamed])}
    options = {"excludeByName": {"Time": True}, "indexByName": order, "renameByName": keys | renamed}
    panel.with_transformation(models.DataTransformerConfig(id_val="organize", options=options))
    for column in columns:
        properties = [models.DynamicConfigValue(id_val="unit", value=column.unit)]
        if column.words:
            properties.append(models.DynamicConfigValue(id_val="mappings", value=mappings(column.words)))
            properties.append(
                models.DynamicConfigValue(id_val="custom.cellOptions", value={"type": "color-background"})
            )
        panel.override_by_name(column.name, properties)
    return panel


def quantiles(metric: str, by: str, legend: str, *wanted: float) -> list[Query]:
    """Quantiles of a histogram over the panel's rate interval, by a label ('' for none)."""
    grouping = f"{by}, le" if by else "le"
    return [
        Query(
            f"histogram_quantile({q}, sum by ({grouping}) (rate({metric}_bucket[$__rate_interval])))",
            f"{legend} p{q * 100:g}".strip(),
        )
        for q in wanted
    ]


def _common(panel: P, title: str, unit: str, description: str, width: int, height: int) -> P:
    return panel.title(title).unit(unit).description(description).datasource(DATASOURCE).span(width).height(height)


def _targets(queries: Sequence[Query], instant: bool) -> list[Builder[Dataquery]]:
    return [_target(chr(65 + index), query, instant) for index, query in enumerate(queries)]


def _target(ref: str, query: Query, instant: bool, as_table: bool = False) -> prometheus.Dataquery:
    target = prometheus.Dataquery().ref_id(ref).expr(query.expr).datasource(DATASOURCE)
    target = target.instant() if instant else target.range()
    if as_table:
        target.format(PromQueryFormat.TABLE)
    return target.legend_format(query.legend) if query.legend else target
