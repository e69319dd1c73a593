"""`siaga explain`: why a regency has its level, in plain words, from what was published."""

from datetime import UTC, datetime
from typing import Any

import click
import orjson

from agents import tailing
from agents.cli.broker_errors import CONNECT_S, broker_errors
from agents.cli.options import CommandError, with_settings
from agents.kafka_clients import kafka_python_options
from agents.settings import Settings
from schemas.roster import Roster, RosterError
from schemas.ruleset import Ruleset, RulesetError
from schemas.topics import Topic
from streams.explain import explain_escalation, explain_province, explain_row

Message = dict[str, Any]


@click.command(name="explain")
@click.argument("regency")
@click.option("--at", "at", metavar="TIME", help="As it stood then: RFC 3339 with offset. Default: now.")
@click.option("--lang", type=click.Choice(["en", "id", "both"]), default="both", show_default=True)
@with_settings("roster", "rules")
def command(settings: Settings, regency: str, at: str | None, lang: str) -> None:
    """Say why REGENCY (code or name) has its level: score, incidents that weigh most, who is told, how it came to
    this. A province's two digits: which of its regencies are above normal, and which are not heard.
    """
    roster = _roster(settings)
    code, moment = _code(roster, regency), _moment(at)
    offset_min = _offset_min(settings)
    topic = Topic.RISK if code in roster else Topic.PROVINCE
    with broker_errors(settings):
        history = [
            item for item in _published(settings, Topic.ESCALATIONS, code) if _is_until(item["event_time"], moment)
        ]
        rows = [row for row in _published(settings, topic, code) if _is_until(row["as_of"], moment)]
    if not rows and not history:
        raise CommandError(f"nothing has been published about {code}" + (f" until {at}" if at else ""))
    for language in ("en", "id") if lang == "both" else (lang,):
        # Compaction keeps the latest row only; the past is told by the escalations, which are all kept.
        if not rows:
            lines = explain_escalation(history[-1], language, offset_min)
        elif topic is Topic.PROVINCE:
            names = {code: entry.name for code, entry in roster.items()}
            lines = explain_province(rows[-1], history, names, language, offset_min)
        else:
            lines = explain_row(rows[-1], history, language, offset_min)
        click.echo("\n".join(lines))
        if lang == "both" and language == "en":
            click.echo()


def _roster(settings: Settings) -> Roster:
    try:
        return Roster.load(settings.roster) if settings.roster else Roster.default()
    except RosterError as wrong:
        raise CommandError(str(wrong), exit_code=2) from None


def _code(roster: Roster, regency: str) -> str:
    """The code of a regency given by code or name; a province's code stays as it is."""
    named = {entry.name.casefold(): code for code, entry in roster.items()}
    if regency in roster or regency in {entry.province for entry in roster.values()}:
        return regency
    wanted = regency.casefold()
    found = [code for name, code in named.items() if wanted in name]
    if wanted in named or len(found) == 1:
        return named.get(wanted) or found[0]
    known = f"several are meant: {', '.join(sorted(found))}" if found else "it is not in the roster"
    raise CommandError(f"REGENCY: {regency!r}: {known}", exit_code=2)


def _moment(at: str | None) -> datetime | None:
    if at is None:
        return None
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise CommandError(
            f"--at: {at!r} is not RFC 3339 with an offset, such as 2024-11-27T09:30:00+07:00", exit_code=2
        )
    return moment.astimezone(UTC)


def _offset_min(settings: Settings) -> int:
    try:
        ruleset = Ruleset.load(settings.rules) if settings.rules else Ruleset.default()
    except RulesetError as wrong:
        raise CommandError(str(wrong), exit_code=2) from None
    return ruleset.election.offset_ms // 60_000


def _is_until(moment: str, limit: datetime | None) -> bool:
    return limit is None or datetime.fromisoformat(moment) <= limit


def _published(settings: Settings, topic: Topic, code: str) -> list[Message]:
    """What was committed about a regency, oldest first."""
    consumer = tailing.open_consumer(kafka_python_options(settings), CONNECT_S)
    name, key = settings.topics[topic], code.encode()
    try:
        partitions = consumer.partitions_for_topic(name)
        if not partitions:
            raise CommandError(f"no topic {name} at {settings.broker}; run `siaga topics` first")
        batches = tailing.tail(consumer, name, len(partitions), from_beginning=True, until_end=True)
        records = [record for batch in batches for record in batch if record.key == key and record.value]
    finally:
        consumer.close()
    return [orjson.loads(record.value) for record in records]
