"""`siaga join`: people say that two numbers are one incident, or take that back."""

import click

from agents.settings import Settings
from apps.cli.broker import CONNECT_S, broker_errors
from apps.cli.decision import reason_option, regency_of, role_option, rows_after, wait_option
from apps.cli.options import CommandError, with_settings
from apps.history.deciding import CannotDecide, Row, RowWatch, decision_ms, key_of, now_ms, row_of, shown, write
from apps.history.joining import Join, check_state, is_done
from apps.history.present_state import state_now
from apps.language.catalogue import language_of_locale, words_in
from schemas.vocabulary import JoinReason
from streams.risk.regency import RegencyState
from streams.storage.format import UnknownFormat


@click.command(name="join")
@click.argument("regency")
@click.argument("first", metavar="ORIGIN/ID")
@click.argument("second", metavar="ORIGIN/ID")
@role_option
@reason_option(JoinReason)
@click.option("--undo", is_flag=True, help="Split: the second number is an incident of its own again.")
@wait_option
@with_settings("partitions", "roster", "stations", "rules", "clock")
def command(
    settings: Settings, regency: str, first: str, second: str, role: str, reason: str, undo: bool, wait_s: float
) -> None:
    """Say that two numbers of REGENCY (code or name) are one incident, under the first number.

    An incident is the source whose numbering it is, a slash and its number, as the board and `siaga explain` show it:
    polda/000142. The decision is one entry of the ledger: it can be undone, and it is never erased. Writes nothing and
    ends with status 1 when a number is unknown. Give it roster, ruleset and clock of the workers.
    """
    roster, ruleset, stations = settings.load_roster(), settings.load_ruleset(), settings.load_stations()
    code = regency_of(roster, regency)

    def held() -> RegencyState | None:
        return state_now(settings, roster, ruleset, stations, code, CONNECT_S)

    try:
        join = Join(key_of(first), key_of(second), undo, role, JoinReason(reason))
    except CannotDecide as error:
        raise CommandError(str(error), exit_code=2) from None
    try:
        with broker_errors(settings), RowWatch(settings, [code], CONNECT_S) as rows:
            at_ms = decision_ms(settings.clock, row_of(rows.newest(), code), now_ms())
            check_state(held(), join)
            places = write(settings, {code: join.entry(at_ms)}, CONNECT_S)
            row = rows_after(rows, places, wait_s)[code]
            if not is_done(held(), join):
                raise CommandError(f"{code}: another decision about these incidents was applied at the same time")
    except (CannotDecide, UnknownFormat) as error:
        raise CommandError(f"{code}: {error}") from None
    partition, offset = places[code]
    click.echo(_done(row, join, f"{partition}/{offset}"))


def _done(row: Row, join: Join, where: str) -> str:
    words = words_in(language_of_locale())
    sentence = words.text(
        "join",
        "split" if join.is_undone else "joined",
        place=f"{row['name']} ({row['regency']})",
        first=shown(join.first),
        second=shown(join.second),
        reason=words.text("join_reason", join.reason),
    )
    now = words.text(
        "join", "now", level=words.level(row["level"]), score=row["score"], sources=row["confidence"]["sources"],
        candidates=row["candidates"], ledger=where,
    )  # fmt: skip
    return f"{sentence}\n{now}"
