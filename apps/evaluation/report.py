"""Results as JSON, as a Markdown table and as sentences about the goals."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from apps.evaluation.intervals import bootstrap, garwood, wilson
from apps.evaluation.scoring import Detection, DetectorScore, quantile

SIAGA = "siaga"
GOAL_DETECTION, GOAL_FALSE, GOAL_DELAY_SHARE = 0.95, 1.0, 0.5
#: False raises per 100 regency-days: columns of the trade-off table.
BUDGETS = (0.25, 0.5, 1, 2, 5)
REPORTED_LEAST = 5  # reported incidents, from which on a flare-up counts for the goal on days of other worlds


@dataclass(frozen=True)
class DetectorResult:
    """One detector on the held-out days: its score, and its setting in words."""

    score: DetectorScore
    setting: str


def as_json(results: Mapping[str, DetectorResult]) -> dict[str, dict[str, Any]]:
    """The figures of every detector by name. Minutes, shares, and false raises per 100 regency-days; None when
    undefined.

    `delay_*` are over detected flare-ups; `delay_median_all_min` counts a miss as infinite and is None when most are
    missed."""
    figures = {name: figures_of(result) for name, result in results.items()}
    if SIAGA in results:
        for name, result in results.items():
            if name != SIAGA:
                figures[name]["on_same_flareups"] = _on_same(results[SIAGA].score, result.score)
    return figures


def _on_same(siaga: DetectorScore, baseline: DetectorScore) -> dict[str, Any]:
    """Median delays on the flare-ups that both detect: a detector of the largest looks quick otherwise."""
    pairs = [
        (ours.delay_min, theirs.delay_min)
        for ours, theirs in zip(siaga.detections, baseline.detections, strict=False)
        if ours.delay_min is not None and theirs.delay_min is not None
    ]
    return {
        "flareups": len(pairs),
        "delay_median_min": _round(_median([theirs for _, theirs in pairs]), 1),
        "siaga_delay_median_min": _round(_median([ours for ours, _ in pairs]), 1),
    }


def figures_of(result: DetectorResult) -> dict[str, Any]:
    """The figures of one detector, as `as_json` gives them."""
    score = result.score
    return {
        "detection_rate": _round(score.detection_rate, 4),
        "detection_rate_ci95": _rounds(wilson(score.detected, len(score.detections)), 4),
        "delay_median_min": _round(score.delay_min(0.5), 1),
        "delay_median_ci95": _rounds(bootstrap(score.delays_min, _median), 1),
        "delay_p90_min": _round(score.delay_min(0.9), 1),
        "delay_median_all_min": _round(_median_with_misses(score.detections), 1),
        "false_per_100_regency_days": _round(score.false_per_100_regency_days, 3),
        "false_ci95": _rounds(_false_interval(score), 3),
        "flareups": len(score.detections),
        "detected": score.detected,
        "false": len(score.false),
        "tolerated": len(score.tolerated),
        "regency_days": score.regency_days,
        "told_by_five": _share([item for item in score.detections if item.flareup.reported >= REPORTED_LEAST]),
        "slow": _share(score.slow),
        "slow_delay_median_min": _round(
            _median([item.delay_min for item in score.slow if item.delay_min is not None]), 1
        ),
        "already": sum(item.already is True for item in score.detections),
        "hoaxes": score.hoaxes,
        "hoaxes_raised": score.hoaxes_raised,
        "detection_by_band": _by(score, "band"),
        "detection_by_kind": _by(score, "kind"),
        "setting": result.setting,
    }


def _by(score: DetectorScore, trait: str) -> dict[str, str]:
    """Detected of all, by a trait of the flare-up."""
    groups: dict[str, list[Detection]] = {}
    for item in score.detections:
        groups.setdefault(getattr(item.flareup, trait), []).append(item)
    return {group: _share(found) for group, found in sorted(groups.items())}


def _share(detections: Sequence[Detection]) -> str:
    """How many of some flare-ups were detected."""
    return f"{sum(item.delay_min is not None for item in detections)}/{len(detections)}"


def markdown(results: Mapping[str, DetectorResult]) -> str:
    """One row per detector, with 95 % intervals in brackets."""
    rows = [
        (
            "| detector | detected | delay median, min | p90, min | both detect: n, its and Siaga's median "
            "| false¹ | setting |"
        ),
        "|---|---|---|---|---|---|---|",
    ]
    for name, item in as_json(results).items():
        rate = "-" if item["detection_rate"] is None else f"{100 * item['detection_rate']:.1f} %"
        rows.append(
            f"| {name} | {rate} {span(item['detection_rate_ci95'], 100, 0)}"
            f" | {shown(item['delay_median_min'])} {span(item['delay_median_ci95'], 1, 0)}"
            f" | {shown(item['delay_p90_min'])} | {_same(item.get('on_same_flareups'))}"
            f" | {item['false_per_100_regency_days']:.2f} {span(item['false_ci95'], 1, 2)} | {item['setting']} |"
        )
    return "\n".join([*rows, "", "¹ escalations per 100 regency-days. Brackets: 95 % intervals."])


def curve_table(results: Mapping[str, DetectorResult], curves: Mapping[str, Sequence[DetectorScore]]) -> str:
    """The trade-off as a table: the best of each detector, at any threshold tried, within each budget of false raises.

    Detected share and median delay in minutes; `-` where no threshold is within the budget."""
    rows = [
        "| detected, median delay at most | " + " | ".join(f"{budget:g} false¹" for budget in BUDGETS) + " |",
        "|---" * (1 + len(BUDGETS)) + "|",
    ]
    for name, result in results.items():
        points = [result.score, *curves.get(name, ())]
        rows.append(f"| {name} | " + " | ".join(_best_within(points, budget) for budget in BUDGETS) + " |")
    return "\n".join(rows)


def _best_within(points: Sequence[DetectorScore], budget: float) -> str:
    """The highest detection rate within a budget of false raises; ties go to the shorter delay."""
    within = [
        (rate, -delay)
        for score in points
        if (rate := score.detection_rate) and (delay := score.delay_min(0.5)) is not None
        if score.false_per_100_regency_days <= budget
    ]
    if not within:
        return "-"
    rate, negative_delay = max(within)
    return f"{100 * rate:.0f} %, {-negative_delay:.0f} min"


def goals(results: Mapping[str, DetectorResult]) -> list[str]:
    """The three goals on held-out days, each with what was measured and whether it is met."""
    figures = as_json(results)
    siaga = figures[SIAGA]
    baselines = {name: item for name, item in figures.items() if name != SIAGA and item["detected"]}
    lines = [
        _goal("detection at least 95 %", siaga["detection_rate"], lambda value: value >= GOAL_DETECTION),
        _goal(
            "at most 1 false escalation per 100 regency-days",
            siaga["false_per_100_regency_days"],
            lambda value: value <= GOAL_FALSE,
        ),
    ]
    if baselines:
        # The best by detection rate, as in tuning: a detector of only the largest would be quick on those.
        best = max(
            baselines, key=lambda name: (baselines[name]["detection_rate"], -baselines[name]["delay_median_min"])
        )
        delay = baselines[best]["delay_median_min"]
        limit = GOAL_DELAY_SHARE * delay
        text = f"median delay at most half of the best baseline's ({best}, {delay:.1f} min)"
        lines.append(_goal(text, siaga["delay_median_min"], lambda value: value <= limit))
    return lines


def _goal(text: str, value: float | None, met: Callable[[float], bool]) -> str:
    if value is None:
        return f"undefined: {text}"
    return f"{'met' if met(value) else 'MISSED'}: {text}: {value:g}"


def _median(values: list[float]) -> float | None:
    return quantile(sorted(values), 0.5)


def _median_with_misses(detections: list[Detection]) -> float | None:
    ordered = sorted(float("inf") if item.delay_min is None else item.delay_min for item in detections)
    middle = ordered[len(ordered) // 2] if ordered else float("inf")
    return None if middle == float("inf") else middle


def _false_interval(score: DetectorScore) -> tuple[float, float] | None:
    """Garwood's interval of the rate, per 100 regency-days; one regency-day may hold several false raises."""
    interval = garwood(len(score.false), score.regency_days)
    return None if interval is None else (100 * interval[0], 100 * interval[1])


def _round(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _rounds(interval: tuple[float, float] | None, digits: int) -> list[float] | None:
    return None if interval is None else [round(value, digits) for value in interval]


def shown(value: float | None) -> str:
    """A figure of a table, `-` when undefined."""
    return "-" if value is None else f"{value:.0f}"


def _same(item: dict[str, Any] | None) -> str:
    if item is None or not item["flareups"]:
        return "-"
    return f"{item['flareups']}: {shown(item['delay_median_min'])}, {shown(item['siaga_delay_median_min'])}"


def span(interval: list[float] | None, factor: float, digits: int) -> str:
    """An interval in brackets; nothing when undefined."""
    if interval is None:
        return ""
    low, high = (f"{factor * value:.{digits}f}" for value in interval)
    return f"[{low}, {high}]"
