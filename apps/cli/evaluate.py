"""`siaga evaluate`: score the risk model and baseline detectors on election days with known flare-ups."""

import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import orjson

from agents.kafka.connection import kafka_python_options
from agents.settings import Settings
from apps.cli.broker import CONNECT_S, broker_errors
from apps.cli.options import CommandError, with_settings
from apps.evaluation.cases import Case
from apps.evaluation.experiment import (
    HELD_OUT_SEED,
    REFERENCE_DAYS,
    REFERENCE_SEED,
    TRAINING_SEED,
    EvaluationResults,
    compare_detectors,
    evaluate_days,
    simulated,
)
from apps.evaluation.plot import PlotMissing, draw, require_matplotlib
from apps.evaluation.progress import progress
from apps.evaluation.report import as_json, curve_table, goals, markdown
from apps.evaluation.ruleset_variants import variants
from apps.evaluation.scenario import ScenarioError, load_scenario
from apps.evaluation.scoring import GRACE_MS
from schemas.roster import Roster
from schemas.ruleset import Ruleset


@dataclass(frozen=True)
class Setup:
    """What is scored, and on what."""

    roster: Roster
    ruleset: Ruleset
    held_out: Sequence[Case]
    grace_ms: int


@click.command(name="evaluate")
@click.option("--days", default=60, show_default=True, help="Held-out days, one seed each.")
@click.option("--train-days", default=40, show_default=True, help="Days the baselines are tuned on.")
@click.option("--seed", default=0, show_default=True, help="Moves all seeds, for another draw of days.")
@click.option("--background", default=1.0, show_default=True, help="Factor on the held-out days' base rates.")
@click.option("--turnout-every", default=180, show_default=True, help="Minutes between a station's reports; 0: none.")
@click.option(
    "--scenario", type=click.Path(dir_okay=False, path_type=Path), help="DetectorScore on the days of this file."
)
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write the figures here.")
@click.option(
    "--plot",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Draw the trade-off curves here, PNG, and print them as a table.",
)
@click.option("--processes", default=0, show_default=True, help="0: one per core.")
@click.option("--live", is_flag=True, help="Send one day through the broker and its workers; they must agree.")
@with_settings("roster", "rules", "partitions", "replication")
def command(
    settings: Settings,
    days: int,
    train_days: int,
    seed: int,
    background: float,
    turnout_every: int,
    scenario: Path | None,
    json_file: Path | None,
    plot: Path | None,
    processes: int,
    live: bool,
) -> None:
    """Score Siaga and baseline detectors: detection, delay, false escalations, with 95 % intervals.

    All baselines are tuned on training days by one procedure and scored on held-out days. docs/evaluation.md defines
    detected and false, and the format of --scenario. Exit status 0 whatever the figures are."""
    _check(days > 0 and train_days > 0, "--days, --train-days: must be at least 1")
    _check(0.1 <= background <= 10, "--background: must be from 0.1 to 10")
    _check(turnout_every == 0 or 5 <= turnout_every <= 360, "--turnout-every: must be 0 or 5 to 360 minutes")
    _check(processes >= 0, "--processes: must not be negative")
    setup = _setup(settings, scenario, days, seed, turnout_every, background)
    if live:
        _live(settings, setup)
        return
    _writable(json_file, plot)
    results = _evaluate(setup, train_days, seed, processes or os.cpu_count() or 1, curve=plot is not None)
    click.echo(markdown(results.detectors))
    for line in goals(results.detectors):
        click.echo(line)
    for reason, count in sorted(results.rejected.items()):
        click.echo(f"{count} messages refused at intake: {reason}", err=True)
    if json_file is not None:
        json_file.write_bytes(orjson.dumps(as_json(results.detectors), option=orjson.OPT_INDENT_2))
    if plot is not None:
        click.echo(curve_table(results.detectors, results.curves))
        draw(plot, results.detectors, results.curves, len(setup.held_out) * len(setup.roster))


def _setup(
    settings: Settings, scenario: Path | None, days: int, seed: int, turnout_every: int, background: float
) -> Setup:
    try:
        roster, ruleset = settings.load_roster(), settings.load_ruleset()
        if scenario is None:
            return Setup(
                roster, ruleset, simulated(HELD_OUT_SEED + 1000 * seed, days, turnout_every, background), GRACE_MS
            )
        given = load_scenario(scenario, roster)
        return Setup(given.roster, ruleset, given.cases, given.grace_ms)
    except ScenarioError as error:
        raise CommandError(str(error), exit_code=2) from None


def _evaluate(setup: Setup, train_days: int, seed: int, processes: int, curve: bool) -> EvaluationResults:
    shift = 1000 * seed
    try:
        reference = evaluate_days(
            simulated(REFERENCE_SEED + shift, REFERENCE_DAYS), setup.roster, {}, processes, progress, "reference days"
        )
        training = evaluate_days(
            simulated(TRAINING_SEED + shift, train_days), setup.roster, {}, processes, progress, "training days"
        )
        held_out = evaluate_days(
            setup.held_out, setup.roster, variants(setup.ruleset, curve), processes, progress, "held-out days"
        )
    except ValueError as error:  # CaseError, or a roster without stations
        raise CommandError(str(error)) from None
    return compare_detectors(training, reference, held_out, setup.grace_ms)


def _live(settings: Settings, setup: Setup) -> None:
    """One day through broker and workers on topics of its own, which are deleted afterwards."""
    from agents.kafka import topics
    from apps.evaluation.live import LiveError, own_topics, run_live, topic_names
    from apps.publishing.sender import DeliveryError

    mine = own_topics(settings, secrets.token_hex(4))
    truth, messages = setup.held_out[0].load(setup.roster)
    with broker_errors(settings), topics.open_admin(kafka_python_options(mine), CONNECT_S) as admin:
        try:
            topics.ensure(admin, mine)
            click.echo(f"{len(messages)} messages, seed {truth.seed}, on topics {mine.topic_prefix}*", err=True)
            result = run_live(mine, messages, setup.roster, setup.ruleset)
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


def _writable(json_file: Path | None, plot: Path | None) -> None:
    """Report an unwritable output file before minutes of work, not after."""
    for path, flag in ((json_file, "--json"), (plot, "--plot")):
        if path is not None and not os.access(path if path.exists() else path.absolute().parent, os.W_OK):
            raise CommandError(f"{flag}: {path} cannot be written", exit_code=2)
    if plot is not None:
        try:
            require_matplotlib()
        except PlotMissing as error:
            raise CommandError(str(error), exit_code=2) from None


def _check(holds: bool, rule: str) -> None:
    if not holds:
        raise CommandError(rule, exit_code=2)
