"""`siaga join`: people say that two numbers are one incident, or take that back."""

import time

import click
from kafka.errors import KafkaError

from agents.settings import Settings
from apps.cli.broker import CONNECT_S, broker_errors
from apps.cli.explain import code_of
from apps.cli.options import CommandError, with_settings
from apps.history.joining import (
    CannotJoin,
    Join,
    Row,
    RowWatch,
    check_state,
    decision_ms,
    is_done,
    key_of,
    now_ms,
    shown,
    write,
)
from apps.history.present_state import state_now
from apps.language.catalogue import language_of_locale, words_in
from schemas.vocabulary import ROLES, JoinReason
from streams.risk.regency import RegencyState
from streams.storage.format import UnknownFormat

WAIT_S = 30.0


@click.command(name="join")
@click.argument("regency")
@click.argument("first", metavar="ORIGIN/ID")
@click.argument("second", metavar="ORIGIN/ID")
@click.option("--role", type=click.Choice(ROLES), required=True, help="Who decides: a role, never a name.")
@click.option("--reason", type=click.Choice([reason.value for reason in JoinReason]), required=True, help="Why.")
@click.option("--undo", is_flag=True, help="Split: the second number is an incident of its own again.")
@click.option(
    "--wait", "wait_s", metavar="SECONDS", type=click.FloatRange(0), default=WAIT_S, show_default=True,
    help="How long the workers may take to apply it.",
)  # fmt: skip
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
    code = code_of(roster, regency)
    if code not in roster:
        raise CommandError(f"REGENCY: {regency!r} is a province; incidents belong to a regency", exit_code=2)

    def held() -> RegencyState | None:
        return state_now(settings, roster, ruleset, stations, code, CONNECT_S)

    try:
        join = Join(key_of(first), key_of(second), undo, role, JoinReason(reason))
    except CannotJoin as error:
        raise CommandError(str(error), exit_code=2) from None
    try:
        with broker_errors(settings), RowWatch(settings, code, CONNECT_S) as rows:
            at_ms = decision_ms(settings.clock, rows.newest(), now_ms())
            check_state(held(), join)
            partition, offset = write(settings, code, join.entry(at_ms), CONNECT_S)
            row = _row_after(rows, partition, offset, wait_s)
            if not is_done(held(), join):
                raise CommandError(f"{code}: another decision about these incidents was applied at the same time")
    except (CannotJoin, UnknownFormat) as error:
        raise CommandError(f"{code}: {error}") from None
    click.echo(_done(row, join, f"{partition}/{offset}"))


def _row_after(rows: RowWatch, partition: int, offset: int, wait_s: float) -> Row:
    until_s = time.monotonic() + wait_s
    written = f"the decision is on the ledger ({partition}/{offset})"
    try:
        row = rows.after(offset, lambda: time.monotonic() > until_s)
    except KafkaError as error:
        raise CommandError(f"{written}; whether it is applied is not known: {type(error).__name__}") from None
    if row is None:
        raise CommandError(
            f"{written} and was not applied within {wait_s:g} s: see that workers run; it is applied once, do not "
            "write it again"
        )
    return row


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
