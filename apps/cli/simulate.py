"""`siaga simulate`: publish a simulated election day, or write it to files."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from itertools import count
from pathlib import Path

import click
import orjson

from agents.settings import Settings
from apps.cli.broker import broker_errors, open_sender
from apps.cli.options import CommandError, with_settings
from apps.publishing.messages import Message as Record
from apps.publishing.sender import DeliveryError, Sender
from apps.simulation.day import DEFAULT_DATE, Day, Plan, simulate_day
from apps.simulation.flareup_specs import FlareUpSpecError, demo, local_time, parse_spec
from apps.simulation.flareups import FlareUpSpec
from apps.simulation.play import play
from apps.simulation.scenario_files import write_day
from apps.simulation.truth import rfc3339
from apps.simulation.worlds import WORLDS
from schemas.roster import Roster
from schemas.topics import Topic

PROGRESS_EVERY_S = 10.0


@click.command(name="simulate")
@click.option("--seed", default=1, show_default=True, help="The same seed, roster and flags give the same day.")
@click.option("--date", "day", default=DEFAULT_DATE.isoformat(), show_default=True, metavar="YYYY-MM-DD")
@click.option(
    "--start", default="06:30", show_default=True, help="Local time to begin at; earlier messages are sent at once."
)
@click.option("--utc-offset", default=7.0, show_default=True, help="Local time minus UTC, hours.")
@click.option("--speed", default=120.0, show_default=True, help="Simulated seconds per second; 0: as fast as possible.")
@click.option("--loop", "days", default=1, show_default=True, help="Days in a row, each with the next seed; 0: no end.")
@click.option(
    "--world",
    default="bawaslu",
    show_default=True,
    type=click.Choice(list(WORLDS)),
    help="Family that the day is drawn from (docs/evaluation.md, Worlds).",
)
@click.option(
    "--flareups",
    show_default="demo; in other worlds than bawaslu chance",
    help="demo, chance, none, or a JSON file with a list of flare-ups (docs/scenario-format.md).",
)
@click.option("--turnout-every", default=60, show_default=True, help="Minutes between a station's reports; 0: none.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Write files here instead of publishing.")
@click.option("--quiet", is_flag=True, help="No progress lines.")
@with_settings("roster")
def command(
    settings: Settings,
    seed: int,
    day: str,
    start: str,
    utc_offset: float,
    speed: float,
    days: int,
    world: str,
    flareups: str | None,
    turnout_every: int,
    out: Path | None,
    quiet: bool,
) -> None:
    """Publish a simulated election day, keyed by regency, or write it to files with --out.

    The default day is in the past: run the workers with SIAGA_CLOCK=event, or give --date today's date. The demo's
    first day has flare-ups that move levels within the first minute; its later days are left to chance."""
    _check(speed >= 0, "--speed", "must not be negative")
    _check(days >= 0, "--loop", "must not be negative")
    _check(out is None or days == 1, "--loop", "--out writes one day")
    _check(
        abs(utc_offset) <= 14 and (utc_offset * 60).is_integer(), "--utc-offset", "must be whole minutes within 14 h"
    )
    _check(turnout_every == 0 or 5 <= turnout_every <= 360, "--turnout-every", "must be 0 or 5 to 360 minutes")
    first, begin_ms, roster = _date(day), _time_of_day(start), settings.load_roster()
    asked = flareups or ("demo" if world == "bawaslu" else "chance")

    def made(number: int) -> Day:
        on, offset_min = first + timedelta(number), int(utc_offset * 60)
        plan = Plan(seed + number, on, offset_min, turnout_every_min=turnout_every, world=world)
        return _made(roster, plan, "chance" if number and asked == "demo" else asked, begin_ms)

    today = made(0)
    if out is not None:
        _write(today, out, settings)
        return
    numbers = range(days) if days else count()
    with _stopped_by_signals() as stop, broker_errors(settings):
        sender = open_sender(settings, [settings.topics[Topic.INCIDENTS], settings.topics[Topic.TURNOUT]])
        try:
            for number in numbers:
                if number:
                    today, begin_ms = made(number), 0
                if not _publish_day(today, begin_ms, speed, settings, sender, stop, quiet):
                    break
            sender.drain()
        except DeliveryError as error:
            raise CommandError(f"broker {settings.broker}: {error}") from None
        finally:
            sender.close()
    click.echo(f"{sender.acknowledged} messages published" + (", stopped" if stop.is_set() else ""), err=True)


def _check(holds: bool, flag: str, rule: str) -> None:
    if not holds:
        raise CommandError(f"{flag}: {rule}", exit_code=2)


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise CommandError(f"--date: {text!r} is not a date YYYY-MM-DD", exit_code=2) from None


def _time_of_day(text: str) -> int:
    try:
        return local_time(text, 0)
    except ValueError as error:
        raise CommandError(f"--start: {error}", exit_code=2) from None


def _made(roster: Roster, plan: Plan, flareups: str, begin_ms: int) -> Day:
    """The day of a plan with the flare-ups that the flag names."""
    try:
        return simulate_day(roster, Plan(**vars(plan) | {"flareups": _specs(flareups, plan, roster, begin_ms)}))
    except ValueError as error:  # FlareUpSpecError is one
        raise CommandError(str(error), exit_code=2) from None


def _specs(flareups: str, plan: Plan, roster: Roster, begin_ms: int) -> list[FlareUpSpec] | None:
    if flareups == "chance":
        return None
    if flareups == "none":
        return []
    if flareups == "demo":
        return demo(plan.start_ms, plan.start_ms + begin_ms, roster)
    try:
        items = orjson.loads(Path(flareups).read_bytes())
    except OSError as error:
        raise FlareUpSpecError(f"--flareups: {flareups}: {error.strerror or error}") from None
    except orjson.JSONDecodeError as error:
        raise FlareUpSpecError(f"--flareups: {flareups}: not JSON: {error}") from None
    if not isinstance(items, list):
        raise FlareUpSpecError(f"--flareups: {flareups}: must be a JSON list of flare-ups")
    return [parse_spec(item, plan.start_ms, roster, f"{flareups} flareup {n}") for n, item in enumerate(items, 1)]


def _write(day: Day, out: Path, settings: Settings) -> None:
    try:
        for path in write_day(day, out, settings.roster):
            click.echo(path)
    except OSError as error:
        raise CommandError(f"--out: {error.filename or out}: {error.strerror or error}") from None


def _publish_day(
    day: Day, begin_ms: int, speed: float, settings: Settings, sender: Sender, stop: threading.Event, quiet: bool
) -> bool:
    """Publish one day; False when stopped before its end."""
    topics = {topic.value: settings.topics[topic] for topic in (Topic.INCIDENTS, Topic.TURNOUT)}
    if not quiet:
        staged = ", ".join(f"{item.kind} in {item.regency}" for item in day.truth.flareups) or "no flare-up"
        click.echo(f"{day.plan.day} seed {day.plan.seed}: {len(day.messages)} messages, {staged}", err=True)
    return play(
        day.messages,
        day.truth.start_ms + begin_ms,
        speed,
        lambda message: sender.send(topics[message.topic], Record(message.regency.encode(), message.value)),
        stop,
        _progress(day.plan.offset_min, sender, quiet),
    )


def _progress(offset_min: int, sender: Sender, quiet: bool) -> Callable[[int], None]:
    """A function to call with the simulated time: it raises delivery errors early and prints progress."""
    printed_s = time.monotonic()

    def report(at_ms: int) -> None:
        nonlocal printed_s
        sender.settle()
        if not quiet and time.monotonic() - printed_s >= PROGRESS_EVERY_S:
            printed_s = time.monotonic()
            click.echo(f"{rfc3339(at_ms, offset_min)[:16]}  {sender.acknowledged} messages published", err=True)

    return report


@contextmanager
def _stopped_by_signals() -> Iterator[threading.Event]:
    """An event that SIGTERM and SIGINT set; the previous handlers are restored afterwards."""
    stop = threading.Event()
    earlier = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
