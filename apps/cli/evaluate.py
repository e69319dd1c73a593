"""`siaga evaluate`: score the risk model and baseline detectors on election days with known flare-ups."""

import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import orjson

from agents import policy
from agents.kafka.connection import kafka_python_options
from agents.settings import Settings
from apps.cli.broker import CONNECT_S, broker_errors
from apps.cli.options import CommandError, with_settings
from apps.evaluation.chosen_ruleset import chosen_text
from apps.evaluation.evaluation_days import (
    ALL,
    HeldOut,
    TuningDays,
    held_out_days,
    scenario_days,
    tuning_days,
)
from apps.evaluation.experiment import BAWASLU, EvaluatedDay, compare_detectors, evaluate_days
from apps.evaluation.listing import listed_json, listing
from apps.evaluation.operating_points import (
    OperatingPoint,
    choice_basis,
    choice_line,
    choose,
    curve_json,
    curve_rows,
    declared_line,
    operating_points,
)
from apps.evaluation.plot import PlotMissing, draw, draw_worlds, require_matplotlib
from apps.evaluation.progress import progress
from apps.evaluation.reliability import (
    ODDS_FOOT,
    claims_of_days,
    raises_by_world,
    reliability_json,
    reliability_table,
)
from apps.evaluation.report import SIAGA, curve_table, goals, markdown
from apps.evaluation.ruleset_variants import SHIPPED, variants
from apps.evaluation.scenario import ScenarioError
from apps.evaluation.world_report import FOOT, world_figures, world_table, worst_line
from apps.evaluation.worlds import evaluate_worlds, score_worlds
from apps.simulation.worlds import WORLDS
from schemas.ruleset import Ruleset, RulesetError

OUTPUT = click.Path(dir_okay=False, path_type=Path)


@dataclass(frozen=True)
class Options:
    """The command's flags."""

    days: int
    train_days: int
    seed: int
    background: float
    turnout_every: int
    world: str | None
    scenario: Path | None
    tune_on: str | None
    json_file: Path | None
    plot: Path | None
    curve: bool
    false_per_100: float | None
    write_ruleset: Path | None
    processes: int
    live: bool


@click.command(name="evaluate")
@click.option("--days", default=60, show_default=True, help="Held-out days of each world, one seed each.")
@click.option("--train-days", default=40, show_default=True, help="Days the baselines are tuned on.")
@click.option("--seed", default=0, show_default=True, help="Moves all seeds, for another draw of days.")
@click.option("--background", default=1.0, show_default=True, help="Factor on the held-out days' base rates.")
@click.option("--turnout-every", default=180, show_default=True, help="Minutes between a station's reports; 0: none.")
@click.option(
    "--world",
    type=click.Choice([*WORLDS, ALL]),
    help=f"Family of the days, {BAWASLU} if left out; {ALL}: each, side by side, Siaga only.",
)
@click.option("--scenario", type=OUTPUT, help="Score on the days of this file instead.")
@click.option(
    "--tune-on",
    metavar="WORLD|FILE",
    help="Tune the baselines here; if left out in --world, for a scenario in bawaslu.",
)
@click.option("--json", "json_file", type=OUTPUT, help="Write the figures, every flare-up and every raise here.")
@click.option("--plot", type=OUTPUT, help="Draw the trade-off curves here, PNG, and print them as a table.")
@click.option("--curve", is_flag=True, help="Print what more or fewer points for all evidence give in each world.")
@click.option(
    "--false-per-100", type=float, help="Name the points with at most so many false escalations in the worst world."
)
@click.option("--write-ruleset", type=OUTPUT, help="Write the ruleset with these points here, for SIAGA_RULES.")
@click.option("--processes", default=0, show_default=True, help="0: one per core.")
@click.option("--live", is_flag=True, help="Send one day through the broker and its workers; they must agree.")
@with_settings("roster", "rules", "partitions", "replication")
def command(settings: Settings, **flags: Any) -> None:
    """Score Siaga and baseline detectors: detection, delay, false escalations, with 95 % intervals.

    All baselines are tuned on training days by one procedure and scored on held-out days. docs/evaluation.md defines
    detected and false, and the format of --scenario. Exit status 0 whatever the figures are."""
    options = Options(**flags)
    _check_options(options)
    ruleset, held_out, tuning = _setup(settings, options)
    if options.live:
        _live(settings, held_out, ruleset)
        return
    _writable(options)
    moves = options.curve or options.plot is not None or options.false_per_100 is not None
    rulesets = variants(ruleset, moves)
    evaluated = _evaluate(held_out, rulesets, options)
    points = operating_points(evaluated, rulesets, held_out.grace_ms)
    if tuning is None:
        _report_worlds(evaluated, points, held_out, options)
    else:
        _report_detectors(evaluated, tuning, held_out, options)
    _report_odds(evaluated, SHIPPED, held_out.grace_ms)
    if options.curve or (options.plot is not None and tuning is None):
        click.echo("\n" + curve_rows(points))
        if ruleset.operating_point is not None:
            click.echo(declared_line(points, ruleset.operating_point.false_per_100.value))
    if options.false_per_100 is not None:
        _report_choice(settings, evaluated, points, held_out.grace_ms, options)
    _report_rejected(evaluated)


def _check_options(options: Options) -> None:
    _check(options.days > 0 and options.train_days > 0, "--days, --train-days: must be at least 1")
    _check(0.1 <= options.background <= 10, "--background: must be from 0.1 to 10")
    turnout_every = options.turnout_every
    _check(turnout_every == 0 or 5 <= turnout_every <= 360, "--turnout-every: must be 0 or 5 to 360 minutes")
    _check(options.processes >= 0, "--processes: must not be negative")
    most = options.false_per_100
    _check(most is None or 0 <= most <= 100, "--false-per-100: must be from 0 to 100")
    _check(options.write_ruleset is None or most is not None, "--write-ruleset: needs --false-per-100")
    _check(options.scenario is None or options.world is None, "--scenario, --world: only one of them can be scored")
    _check(options.world != ALL or options.tune_on is None, f"--tune-on: --world {ALL} scores no baselines")
    _check(options.world != ALL or not options.live, f"--live: takes one world, not {ALL}")


def _setup(settings: Settings, options: Options) -> tuple[Ruleset, HeldOut, TuningDays | None]:
    """The ruleset, the days, and those of the baselines; None for several worlds."""
    try:
        roster, ruleset = settings.load_roster(), settings.load_ruleset()
        if options.scenario is not None:
            held_out = scenario_days(options.scenario, roster)
        else:
            days, seed, every = options.days, options.seed, options.turnout_every
            held_out = held_out_days(options.world or BAWASLU, days, seed, every, options.background, roster)
        if options.world == ALL:
            return ruleset, held_out, None
        return ruleset, held_out, tuning_days(options.tune_on, held_out, options.train_days, options.seed)
    except ScenarioError as error:
        raise CommandError(str(error), exit_code=2) from None


def _evaluate(held_out: HeldOut, rulesets: Mapping[str, Ruleset], options: Options) -> dict[str, list[EvaluatedDay]]:
    try:
        return evaluate_worlds(held_out.cases, held_out.roster, rulesets, _processes(options), progress)
    except ValueError as error:  # CaseError, or a roster without stations
        raise CommandError(str(error)) from None


def _report_detectors(
    evaluated: Mapping[str, Sequence[EvaluatedDay]], tuning: TuningDays, held_out: HeldOut, options: Options
) -> None:
    """Siaga beside the baselines, in one world."""
    (days,) = evaluated.values()
    try:
        reference, training = (
            evaluate_days(cases, held_out.roster, {}, _processes(options), progress, label)
            for cases, label in ((tuning.reference, "reference days"), (tuning.training, "training days"))
        )
    except ValueError as error:
        raise CommandError(str(error)) from None
    results = compare_detectors(training, reference, days, held_out.grace_ms)
    click.echo(markdown(results.detectors))
    for line in goals(results.detectors):
        click.echo(line)
    listed = listed_json(results.detectors)
    listed[SIAGA]["odds"] = reliability_json(*claims_of_days(days, SHIPPED, held_out.grace_ms))
    _write(options.json_file, listed)
    if options.plot is not None:
        click.echo(curve_table(results.detectors, results.curves))
        honest = raises_by_world(evaluated, SHIPPED, held_out.grace_ms)
        draw(options.plot, results.detectors, results.curves, len(days) * len(held_out.roster), honest)


def _report_worlds(
    evaluated: Mapping[str, Sequence[EvaluatedDay]],
    points: Sequence[OperatingPoint],
    held_out: HeldOut,
    options: Options,
) -> None:
    """Siaga in several worlds, side by side."""
    scores = score_worlds(evaluated, SHIPPED, held_out.grace_ms)
    figures = world_figures(scores)
    click.echo(f"{world_table(figures)}\n\n{FOOT}\n{worst_line(figures)}")
    odds = {
        world: reliability_json(*claims_of_days(days, SHIPPED, held_out.grace_ms)) for world, days in evaluated.items()
    }
    listed = {
        world: figures[world] | {"curve": curve_json(points, world), "odds": odds[world]} | listing(score)
        for world, score in scores.items()
    }
    _write(options.json_file, listed)
    if options.plot is not None:
        curves = {world: [point.scores[world] for point in points] for world in scores}
        draw_worlds(options.plot, curves, scores, raises_by_world(evaluated, SHIPPED, held_out.grace_ms))


def _report_odds(evaluated: Mapping[str, Sequence[EvaluatedDay]], name: str, grace_ms: int) -> None:
    """Whether the odds of a ruleset's raises are honest; nothing where it has none."""
    honest = raises_by_world(evaluated, name, grace_ms)
    if any(figures.total for figures in honest.values()):
        click.echo(f"\n{reliability_table(honest)}\n\n{ODDS_FOOT}")


def _report_choice(
    settings: Settings,
    evaluated: Mapping[str, Sequence[EvaluatedDay]],
    points: Sequence[OperatingPoint],
    grace_ms: int,
    options: Options,
) -> None:
    """The points that keep a false rate in the worst world, with their figures, and the ruleset with them."""
    most = options.false_per_100 or 0.0
    click.echo("\n" + choice_line(points, most))
    if (point := choose(points, most)) is None:
        if options.write_ruleset is not None:
            raise CommandError("--write-ruleset: there is no such point")
        return
    click.echo(world_table(world_figures(point.scores)))
    if point.key != SHIPPED:
        _report_odds(evaluated, point.key, grace_ms)
    if options.write_ruleset is None:
        return
    try:
        text, origin = policy.ruleset_text(settings.rules)
        chosen = chosen_text(text, point.points, most, choice_basis(points, point, options.days), origin)
    except RulesetError as error:
        raise CommandError(f"--write-ruleset: {error}") from None
    options.write_ruleset.write_text(chosen, encoding="utf-8")
    click.echo(f"written: {options.write_ruleset}, ruleset {Ruleset.parse(chosen).id}, for SIAGA_RULES")


def _report_rejected(evaluated: Mapping[str, Sequence[EvaluatedDay]]) -> None:
    counts: dict[str, int] = {}
    for days in evaluated.values():
        for day in days:
            for reason, count in day.rejected.items():
                counts[reason] = counts.get(reason, 0) + count
    for reason, count in sorted(counts.items()):
        click.echo(f"{count} messages refused at intake: {reason}", err=True)


def _write(path: Path | None, figures: Mapping[str, Any]) -> None:
    if path is not None:
        path.write_bytes(orjson.dumps(figures, option=orjson.OPT_INDENT_2))


def _processes(options: Options) -> int:
    return options.processes or os.cpu_count() or 1


def _live(settings: Settings, held_out: HeldOut, ruleset: Ruleset) -> None:
    """One day through broker and workers on topics of its own, which are deleted afterwards."""
    from agents.kafka import topics
    from apps.evaluation.live import LiveError, own_topics, run_live, topic_names
    from apps.publishing.sender import DeliveryError

    mine = own_topics(settings, secrets.token_hex(4))
    (cases,) = held_out.cases.values()
    truth, messages = cases[0].load(held_out.roster)
    with broker_errors(settings), topics.open_admin(kafka_python_options(mine), CONNECT_S) as admin:
        try:
            topics.ensure(admin, mine)
            click.echo(f"{len(messages)} messages, seed {truth.seed}, on topics {mine.topic_prefix}*", err=True)
            result = run_live(mine, messages, held_out.roster, ruleset)
        except (LiveError, DeliveryError, topics.TopicError) as error:
            raise CommandError(f"--live: {error}") from None
        finally:
            admin.delete_topics(topic_names(mine))
    for line in (*result.differences, *result.audit.findings):
        click.echo(line)
    click.echo(
        f"{result.published} messages published, {result.admitted} admitted; ledger "
        f"{'differs' if result.differences else 'agrees'}; {result.audit.escalations} escalations and "
        f"{result.audit.rows} rows agree with the offline fold"
    )
    if not result.agrees:
        raise SystemExit(1)


def _writable(options: Options) -> None:
    """Report an unwritable output file before minutes of work, not after."""
    outputs = {"--json": options.json_file, "--plot": options.plot, "--write-ruleset": options.write_ruleset}
    for flag, path in outputs.items():
        if path is not None and not os.access(path if path.exists() else path.absolute().parent, os.W_OK):
            raise CommandError(f"{flag}: {path} cannot be written", exit_code=2)
    if options.plot is not None:
        try:
            require_matplotlib()
        except PlotMissing as error:
            raise CommandError(str(error), exit_code=2) from None


def _check(holds: bool, rule: str) -> None:
    if not holds:
        raise CommandError(rule, exit_code=2)
