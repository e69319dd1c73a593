"""`siaga explain`: why a regency has its level, in plain words, from what was published."""

from datetime import UTC, datetime
from typing import Any

import click
import orjson
from kafka.errors import AuthorizationError

from agents.kafka.topic_reader import read_all
from agents.settings import Settings
from apps.cli.broker import CONNECT_S, broker_errors
from apps.cli.options import CommandError, with_settings
from apps.history.explain import explain_escalation, explain_province, explain_row
from schemas.roster import Roster
from schemas.ruleset import Ruleset
from schemas.topics import Topic

Message = dict[str, Any]


@click.command(name="explain")
@click.argument("regency")
@click.option(
    "--at",
    "at",
    metavar="TIME",
    help="As it stood then: RFC 3339 with offset. Reads the ledger, with the workers' settings. Default: now.",
)
@click.option("--lang", type=click.Choice(["en", "id", "both"]), default="both", show_default=True)
@with_settings("partitions", "roster", "rules", "clock")
def command(settings: Settings, regency: str, at: str | None, lang: str) -> None:
    """Say why REGENCY (code or name) has its level: score, incidents that weigh most, who is told, how it came to
    this. A province's two digits: which of its regencies are above normal, and which are not heard.
    """
    roster, ruleset = settings.load_roster(), settings.load_ruleset()
    code, moment = _code(roster, regency), _moment(at)
    offset_min = ruleset.election.offset_ms // 60_000
    topic = Topic.RISK if code in roster else Topic.PROVINCE
    with broker_errors(settings):
        history = [
            item for item in _published(settings, Topic.ESCALATIONS, code) if _is_until(item["event_time"], moment)
        ]
        if moment is None:
            row = next(reversed(_published(settings, topic, code)), None)
        else:
            row = _row_until(settings, roster, ruleset, code, moment)
    if not row and not history:
        raise CommandError(f"nothing has been published about {code}" + (f" until {at}" if at else ""))
    for language in ("en", "id") if lang == "both" else (lang,):
        if not row:
            lines = explain_escalation(history[-1], language, offset_min)
        elif topic is Topic.PROVINCE:
            names = {code: entry.name for code, entry in roster.items()}
            lines = explain_province(row, history, names, language, offset_min)
        else:
            lines = explain_row(row, history, language, offset_min)
        click.echo("\n".join(lines))
        if lang == "both" and language == "en":
            click.echo()


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


def _row_until(settings: Settings, roster: Roster, ruleset: Ruleset, code: str, moment: datetime) -> Message | None:
    """The row of that time. Where the ledger cannot be asked the escalations, which are kept longer, still tell the
    last change.
    """
    from apps.history.past_state import LedgerCut, row_until

    try:
        return row_until(settings, roster, ruleset, code, int(moment.timestamp() * 1000), CONNECT_S)
    except LedgerCut:
        reason = "it no longer holds its beginning"
    except AuthorizationError:
        reason = "this user may not read it"
    except ValueError as wrong:
        raise CommandError(
            f"the ledger was not written with this clock, roster and number of partitions: {wrong}", exit_code=2
        ) from None
    click.echo(f"what stood then is not in the ledger: {reason}; below is the last change until then", err=True)
    return None


def _is_until(moment: str, limit: datetime | None) -> bool:
    return limit is None or datetime.fromisoformat(moment) <= limit


def _published(settings: Settings, topic: Topic, code: str) -> list[Message]:
    """What was committed about a regency, oldest first."""
    key = code.encode()
    records = read_all(settings, topic, CONNECT_S)
    return [orjson.loads(record.value) for record in records if record.key == key and record.value]
