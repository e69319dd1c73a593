"""`siaga erase`: people erase an incident, or see where copies of it remain."""

import click

from agents.settings import Settings
from apps.cli.broker import CONNECT_S, broker_errors
from apps.cli.decision import reason_option, regency_of, rows_after, wait_option
from apps.cli.options import CommandError, with_settings
from apps.history.copies import Copies, copies_of
from apps.history.deciding import CannotDecide, RowWatch, decision_ms, key_of, now_ms, row_of, shown, write
from apps.history.present_state import state_now
from apps.history.removing import Erasure
from apps.language.catalogue import language_of_locale, words_in
from schemas.vocabulary import ROLES, EraseReason
from streams.messages import rfc3339
from streams.risk.regency import RegencyState
from streams.storage.format import UnknownFormat


@click.command(name="erase")
@click.argument("regency", required=False)
@click.argument("incident", metavar="ORIGIN/ID", required=False)
@click.option("--role", type=click.Choice(ROLES), help="Who decides: a role, never a name.")
@reason_option(EraseReason, is_required=False)
@click.option(
    "--check", "checked", metavar="ORIGIN/ID", help="Show where copies of this incident remain; erase nothing."
)
@wait_option
@with_settings("partitions", "roster", "stations", "rules", "sources_file", "clock")
def command(
    settings: Settings,
    regency: str | None,
    incident: str | None,
    role: str | None,
    reason: str | None,
    checked: str | None,
    wait_s: float,
) -> None:
    """Erase an incident of REGENCY (code or name) from the table, its state and what is published from then on, with
    all words under its number. It cannot be undone.

    The decision is one entry of the ledger, which does not hold the number. What was written before ages out:
    `siaga erase --check ORIGIN/ID` reads all topics and shows what is left and until when, with status 1 while the
    table or its state holds the incident. See docs/operating/removal.md. Give it the workers' settings.
    """
    try:
        if checked is not None:
            if regency or incident or role or reason:
                raise CommandError("--check goes alone: it erases nothing", exit_code=2)
            _check(settings, key_of(checked))
            return
        if not (regency and incident and role and reason):
            raise CommandError("REGENCY, ORIGIN/ID, --role and --reason are needed, or --check", exit_code=2)
        code = regency_of(settings.load_roster(), regency)
        erasure = Erasure(key_of(incident), role, EraseReason(reason))
    except CannotDecide as error:
        raise CommandError(str(error), exit_code=2) from None
    try:
        _erase(settings, code, erasure, wait_s)
    except (CannotDecide, UnknownFormat) as error:
        raise CommandError(f"{code}: {error}") from None


def _erase(settings: Settings, code: str, erasure: Erasure, wait_s: float) -> None:
    roster, ruleset, stations = settings.load_roster(), settings.load_ruleset(), settings.load_stations()

    def held() -> RegencyState | None:
        return state_now(settings, roster, ruleset, stations, code, CONNECT_S)

    with broker_errors(settings), RowWatch(settings, [code], CONNECT_S) as rows:
        at_ms = decision_ms(settings.clock, row_of(rows.newest(), code), now_ms())
        state = held()
        if state is None or not erasure.is_held(state):
            raise CannotDecide(f"{shown(erasure.incident)}: no incident of this number is held; nothing was written")
        joined = erasure.joined(state)
        places = write(settings, {code: erasure.entry(at_ms)}, CONNECT_S)
        row = rows_after(rows, places, wait_s)[code]
        if erasure.is_held(held()):
            raise CannotDecide(f"{shown(erasure.incident)} was reported again since it was erased: erase it again")
    words, (partition, offset) = words_in(language_of_locale()), places[code]
    done = words.text(
        "removal",
        "erased",
        place=f"{row['name']} ({code})",
        incident=shown(erasure.incident),
        reason=words.text("erase_reason", erasure.reason),
        level=words.level(row["level"]),
        score=row["score"],
        ledger=f"{partition}/{offset}",
    )
    click.echo(done)
    if joined:
        click.echo(words.text("removal", "joined", numbers=", ".join(map(shown, joined))))


def _check(settings: Settings, key: str) -> None:
    with broker_errors(settings):
        found = copies_of(settings, key, CONNECT_S)
    for copies in found:
        click.echo(_line(copies))
    if held := [copies.topic for copies in found if copies.current]:
        raise CommandError(f"{shown(key)} is still held: {', '.join(held)}")


def _line(copies: Copies) -> str:
    words = words_in(language_of_locale())
    if not copies.records:
        return words.text("removal", "no_copy", topic=copies.topic)
    if copies.until_ms is None:
        return words.text("removal", "compacted", topic=copies.topic, current=copies.current, older=copies.older)
    return words.text("removal", "until", topic=copies.topic, records=copies.records, until=rfc3339(copies.until_ms))
