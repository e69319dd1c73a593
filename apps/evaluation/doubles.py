"""What severe incidents under several numbers do, by how candidates weigh (the ruleset's `[joining]`).

    python -m apps.evaluation.doubles [days]

Two tables on standard output. Flare-ups: detection, delay and false escalations of the held-out days, without doubles
and with 30 % of the severe incidents doubled, under each variant of the ruleset. Single incidents: days without a
flare-up or hoax, each with and without doubles and otherwise equal; how often a doubled incident has its regency at a
higher level than one number alone. Docs: docs/risk-model.md.
"""

import sys
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from apps.evaluation.alarms import TAIL_MS
from apps.evaluation.cases import SimulatedCase
from apps.evaluation.experiment import HELD_OUT_SEED, evaluate_day
from apps.evaluation.offline import fold_ledger, span_ms, write_ledger
from apps.evaluation.scoring import DetectorScore, score_day
from apps.simulation.day import Plan
from apps.simulation.truth import OtherEvent, epoch_ms
from schemas.roster import Roster
from schemas.ruleset import Ruleset
from schemas.vocabulary import HOUR_MS, LEVELS, MINUTE_MS

SHARE = 0.30
WEIGHTS = (1.0, 0.5, 0.25, 0.1, 0.0)
WITHIN_MIN = (30, 45, 90)
# How long after the last of its reports a level is put down to a doubled incident.
LOOK_MS = 2 * HOUR_MS
# Both days of a pair are folded with ticks as far apart; fewer ticks halve the time.
PAIRED_TICK_MS = 2 * MINUTE_MS

Levels = Mapping[str, Sequence[tuple[int, int]]]
"""By regency: (time in milliseconds, level 0 to 3) of each change, in order."""


def joining_variants(ruleset: Ruleset) -> dict[tuple[int, float], Ruleset]:
    """Rulesets by (`within` in minutes, `double_weight`): all weights at the shipped time, all times at the shipped
    weight.
    """
    joining = ruleset.joining
    within, weight = round(joining.within.value), joining.double_weight.value
    pairs = [(within, other) for other in WEIGHTS] + [(other, weight) for other in WITHIN_MIN]
    return {pair: _with_joining(ruleset, *pair) for pair in pairs}


def flareup_scores(
    seeds: Iterable[int], share: float, roster: Roster, rulesets: Mapping[Any, Ruleset]
) -> dict[Any, DetectorScore]:
    """Score of each ruleset on the days of these seeds, with this share of doubles."""
    names = {str(key): key for key in rulesets}
    scores = {key: DetectorScore() for key in rulesets}
    for seed in seeds:
        case = SimulatedCase(Plan(seed, turnout_every_min=0, doubles=share))
        day = evaluate_day(case, roster, {name: rulesets[key] for name, key in names.items()})
        for name, key in names.items():
            scores[key].add(score_day(day.truth, day.raises[name]))
    return scores


def surplus_levels(seed: int, roster: Roster, rulesets: Mapping[Any, Ruleset]) -> tuple[int, dict[Any, list[int]]]:
    """How many single incidents of a day are doubled; for each ruleset the levels of those that raised further so."""
    plan = Plan(seed, flareups=(), hoax_chance=0.0, turnout_every_min=0, doubles=SHARE)
    doubled, told = _levels(plan, roster, rulesets)
    _, alone = _levels(replace(plan, doubles=0.0), roster, rulesets)
    found: dict[Any, list[int]] = {key: [] for key in rulesets}
    for key in rulesets:
        for event in doubled:
            with_doubles, without = _highest(told[key], event), _highest(alone[key], event)
            if with_doubles > without:
                found[key].append(with_doubles)
    return len(doubled), found


def _levels(plan: Plan, roster: Roster, rulesets: Mapping[Any, Ruleset]) -> tuple[list[OtherEvent], dict[Any, Levels]]:
    truth, messages = SimulatedCase(plan).load(roster)
    frames = write_ledger(messages, roster, *span_ms(truth.start_ms, truth.days, TAIL_MS), PAIRED_TICK_MS).frames
    doubled = [event for event in truth.others if event.kind == "doubled"]
    return doubled, {key: _changes(fold_ledger(frames, roster, rules)) for key, rules in rulesets.items()}


def _changes(escalations: Iterable[Mapping[str, Any]]) -> Levels:
    changes: dict[str, list[tuple[int, int]]] = {}
    for item in escalations:
        change = epoch_ms(item["event_time"]), LEVELS.index(item["level"])
        changes.setdefault(item["regency"], []).append(change)
    return changes


def _highest(levels: Levels, event: OtherEvent) -> int:
    """The highest level of the event's regency from its onset until LOOK_MS after its end."""
    changes = levels.get(event.regency or "", ())
    first = bisect_right(changes, (event.onset_ms, -1))
    before = [changes[first - 1][1]] if first else [0]
    return max(before + [level for at_ms, level in changes[first:] if at_ms <= event.end_ms + LOOK_MS])


def _with_joining(ruleset: Ruleset, within_min: int, weight: float) -> Ruleset:
    joining = ruleset.joining
    changed = joining.model_copy(
        update={
            "within": joining.within.model_copy(update={"value": float(within_min)}),
            "double_weight": joining.double_weight.model_copy(update={"value": weight}),
        }
    )
    return ruleset.model_copy(update={"joining": changed})


def _flareup_row(doubles: str, within: str, weight: str, score: DetectorScore) -> str:
    detected = f"{score.detected} of {len(score.detections)}, {100 * (score.detection_rate or 0):.1f} %"
    delays = f"{score.delay_min(0.5) or 0:.0f} | {score.delay_min(0.9) or 0:.0f}"
    false = f"{score.false_per_100_regency_days:.2f} ({len(score.false)})"
    return f"| {doubles} | {within} | {weight} | {detected} | {delays} | {false} |"


def print_flareups(days: int, roster: Roster, ruleset: Ruleset) -> None:
    """The table of flare-ups on the held-out days."""
    seeds, rulesets = range(HELD_OUT_SEED, HELD_OUT_SEED + days), joining_variants(ruleset)
    print("| doubles | `within`, min | `double_weight` | detected | delay median, min | p90, min | false (count) |")
    print("|---|---|---|---|---|---|---|")
    print(_flareup_row("none", "-", "-", flareup_scores(seeds, 0.0, roster, {"": ruleset})[""]), flush=True)
    for (within, weight), score in flareup_scores(seeds, SHARE, roster, rulesets).items():
        print(_flareup_row(f"{SHARE:.0%}", str(within), f"{weight:g}", score))


def print_single_incidents(days: int, roster: Roster, ruleset: Ruleset) -> None:
    """The table of single incidents."""
    rulesets, total = joining_variants(ruleset), 0
    surplus: dict[tuple[int, float], list[int]] = {key: [] for key in rulesets}
    for seed in range(HELD_OUT_SEED, HELD_OUT_SEED + days):
        count, found = surplus_levels(seed, roster, rulesets)
        total += count
        for key, levels in found.items():
            surplus[key] += levels
    print(f"\n{total} single incidents reported under two or three numbers\n")
    print("| `within`, min | `double_weight` | raised further than by one number: to waspada | siaga | awas |")
    print("|---|---|---|---|---|")
    for (within, weight), levels in surplus.items():
        counts = " | ".join(str(levels.count(level)) for level in (1, 2, 3))
        print(f"| {within} | {weight:g} | {counts} |")


if __name__ == "__main__":
    number_of_days = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    print_flareups(number_of_days, Roster.default(), Ruleset.default())
    print_single_incidents(number_of_days, Roster.default(), Ruleset.default())
