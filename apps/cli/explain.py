"""`siaga explain`: why a regency or province has its level, in plain words, from the published messages."""

from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import click
from kafka.errors import AuthorizationError

from agents.kafka.topic_reader import TopicMissing, read_all
from agents.settings import Settings
from apps.cli.broker import CONNECT_S, broker_errors
from apps.cli.options import CommandError, moment_of, with_settings
from apps.history.explain import explain_escalation, explain_province, explain_row
from apps.history.published import message_of
from apps.history.whose_word import whose_word
from apps.language.catalogue import LANGUAGES, language_of_locale
from schemas.ledger import NewerFrame
from schemas.roster import Regency, Roster
from schemas.ruleset import Ruleset
from schemas.station_roster import StationRoster
from schemas.topics import Topic
from streams.risk.regency import RegencyState
from streams.storage.format import UnknownFormat

Message = dict[str, Any]
BOTH = "both"
#: What the name of a regency begins with in Indonesian: its kind, which people leave out.
KINDS = ("kabupaten ", "kab. ", "kota ")


@click.command(name="explain")
@click.argument("regency")
@click.option(
    "--at",
    "at",
    metavar="TIME",
    help="The state at that time, RFC 3339 with offset. Reads the ledger, with the workers' settings. Default: now.",
)
@click.option(
    "--lang",
    type=click.Choice([*LANGUAGES, BOTH]),
    default=language_of_locale,
    show_default="language of the locale",
)
@with_settings("partitions", "roster", "stations", "rules", "sources_file", "clock")
def command(settings: Settings, regency: str, at: str | None, lang: str) -> None:
    """Explain the level of REGENCY (code or name): its score, the heaviest incidents, whose word on each stands,
    what may be one incident under two numbers, who is notified, and the level changes so far. For a province's two
    digits: which of its regencies are above normal, and which do not report.
    """
    roster, ruleset, stations = settings.load_roster(), settings.load_ruleset(), settings.load_stations()
    code = code_of(roster, regency)
    moment = None if at is None else moment_of("--at", at).astimezone(UTC)
    offset_min = ruleset.election.offset_ms // 60_000
    topic = Topic.RISK if code in roster else Topic.PROVINCE
    with broker_errors(settings):
        history = [
            item for item in _published(settings, Topic.ESCALATIONS, code) if _is_until(item["event_time"], moment)
        ]
        if moment is None:
            row = next(reversed(_published(settings, topic, code)), None)
            state = _state(settings, roster, ruleset, stations, code) if row and code in roster else None
        else:
            row, state = _past(settings, roster, ruleset, stations, code, moment)
    if not row and not history:
        raise CommandError(f"nothing has been published about {code}" + (f" until {at}" if at else ""))
    names = {code: entry.name for code, entry in roster.items()}
    texts = [
        "\n".join(_lines(row, state, history, names, language, offset_min))
        for language in (LANGUAGES if lang == BOTH else (lang,))
    ]
    click.echo("\n\n".join(texts))


def _lines(
    row: Message | None,
    state: RegencyState | None,
    history: list[Message],
    names: dict[str, str],
    language: str,
    offset_min: int,
) -> list[str]:
    if not row:
        return explain_escalation(history[-1], language, offset_min)
    if "province" in row:
        return explain_province(row, history, names, language, offset_min)
    told = whose_word(state, row, history, language, offset_min) if state else []
    return explain_row(row, history, language, offset_min, told)


def code_of(roster: Roster, regency: str) -> str:
    """The code of a regency given by code or name; a province's code stays as it is.

    The whole name, with or without its kind (Kabupaten, Kota), or a part that only one name has. Raises CommandError.
    """
    if regency in roster or regency in {entry.province for entry in roster.values()}:
        return regency
    wanted = regency.strip().casefold()
    exact = [entry for entry in roster.values() if wanted in _names(entry)]
    found = exact or [entry for entry in roster.values() if wanted in entry.name.casefold()]
    if len(found) == 1:
        return found[0].code
    known = ", ".join(f"{entry.code} {entry.name}" for entry in found)
    problem = f"several have this name: {known}" if found else "it is not in the roster"
    raise CommandError(f"REGENCY: {regency!r}: {problem}", exit_code=2)


def _names(entry: Regency) -> set[str]:
    """The name of a regency, and the same without its kind."""
    name = entry.name.casefold()
    return {name, *(name.removeprefix(kind) for kind in KINDS)}


def _state(
    settings: Settings, roster: Roster, ruleset: Ruleset, stations: StationRoster | None, code: str
) -> RegencyState | None:
    """The state behind the row; None, with a warning, where this user or this version may not read it."""
    from apps.history.present_state import state_now

    try:
        return state_now(settings, roster, ruleset, stations, code, CONNECT_S)
    except (AuthorizationError, TopicMissing):
        reason = "this user may not read the state"
    except UnknownFormat as error:
        reason = str(error)
    click.echo(f"whose word stands is left out: {reason}", err=True)
    return None


def _past(
    settings: Settings, roster: Roster, ruleset: Ruleset, stations: StationRoster | None, code: str, moment: datetime
) -> tuple[Message | None, RegencyState | None]:
    """Row and state at a past time; none, with a warning, where the ledger cannot be read that far back. Escalations
    are kept longer, so the last change is still known then.
    """
    from apps.history.past_state import LedgerCut, past

    try:
        return past(settings, roster, ruleset, stations, code, int(moment.timestamp() * 1000), CONNECT_S)
    except LedgerCut:
        reason = "it no longer holds its beginning"
    except AuthorizationError:
        reason = "this user may not read it"
    except NewerFrame as newer:
        raise CommandError(str(newer)) from None
    except ValueError as wrong:
        raise CommandError(
            f"the ledger was not written with this clock, roster and number of partitions: {wrong}", exit_code=2
        ) from None
    click.echo(f"the ledger cannot give the state at that time: {reason}; below is the last change before it", err=True)
    return None, None


def _is_until(moment: str, limit: datetime | None) -> bool:
    return limit is None or datetime.fromisoformat(moment) <= limit


def _published(settings: Settings, topic: Topic, code: str) -> list[Message]:
    """What was committed about a regency, oldest first."""
    key = code.encode()
    with closing(read_all(settings, topic, CONNECT_S)) as records:  # a client that is left open keeps the process
        return [message_of(record.value) for record in records if record.key == key and record.value]
