"""`siaga evict`: people take what a source said out of the table."""

import click

from agents.settings import Settings
from apps.cli.broker import CONNECT_S, broker_errors
from apps.cli.decision import moment_ms, reason_option, regency_of, role_option, rows_after, wait_option
from apps.cli.options import CommandError, with_settings
from apps.history.deciding import CannotDecide, Row, RowWatch, decision_ms, now_ms, write
from apps.history.present_state import states_now
from apps.history.removing import Eviction
from apps.language.catalogue import language_of_locale, words_in
from schemas.roster import Roster
from schemas.vocabulary import EvictReason
from streams.messages import rfc3339
from streams.risk.removal import Said
from streams.storage.format import UnknownFormat


@click.command(name="evict")
@click.argument("source")
@click.option("--from", "since", metavar="TIME", required=True, help="RFC 3339 with offset.")
@click.option("--to", "until", metavar="TIME", required=True, help="RFC 3339 with offset.")
@click.option(
    "--regency", "regencies", metavar="REGENCY", multiple=True, help="Repeatable. Default: all of the roster."
)
@role_option
@reason_option(EvictReason)
@click.option("--yes", is_flag=True, help="Do not ask.")
@wait_option
@with_settings("partitions", "roster", "stations", "rules", "clock")
def command(
    settings: Settings,
    source: str,
    since: str,
    until: str,
    regencies: tuple[str, ...],
    role: str,
    reason: str,
    yes: bool,
    wait_s: float,
) -> None:
    """Take out of the table what SOURCE said from one time to another: words on incidents that are as severe as they
    are since then, words that it took back, and turnout figures as of then.

    Shows first how much that is in each regency, and asks. The decision is one entry of the ledger for each regency; it
    cannot be undone, but the source may tell everything again under new event ids. Stop the source first
    (docs/operating/removal.md). Give it roster, ruleset and clock of the workers. Exit status 1 when there is nothing
    to take out, or something is left.
    """
    roster = settings.load_roster()
    codes = [regency_of(roster, regency) for regency in regencies] or list(roster)
    try:
        eviction = Eviction(source, moment_ms("--from", since), moment_ms("--to", until), role, EvictReason(reason))
    except CannotDecide as error:
        raise CommandError(str(error), exit_code=2) from None
    try:
        with broker_errors(settings), RowWatch(settings, codes, CONNECT_S) as rows:
            newest = rows.newest()
            found = _found(settings, roster, eviction, codes)
            _show(roster, eviction, found)
            if not _total(found).words + _total(found).figures:
                raise CommandError(f"nothing of {source} is held in that time; nothing was written")
            if not yes and not click.confirm(words_in(language_of_locale()).text("removal", "confirm")):
                raise SystemExit(1)
            # Where nothing is held yet too: its reports may lie on the ledger before this entry.
            entries = {code: eviction.entry(decision_ms(settings.clock, row, now_ms())) for code, row in newest.items()}
            places = write(settings, entries, CONNECT_S)
            after = rows_after(rows, places, wait_s)
            left = _found(settings, roster, eviction, codes)
    except (CannotDecide, UnknownFormat) as error:
        raise CommandError(str(error)) from None
    for code in sorted(found.keys() & after.keys()):
        click.echo(_done(after[code], eviction, left.get(code, Said(0, 0)), places[code]))
    if left:
        raise CommandError(f"{source} has said more in that time since then: stop it, then evict again")


def _found(settings: Settings, roster: Roster, eviction: Eviction, codes: list[str]) -> dict[str, Said]:
    """What would go, by regency, where anything would."""
    states = states_now(settings, roster, settings.load_ruleset(), settings.load_stations(), codes, CONNECT_S)
    found = {code: eviction.found(state) for code, state in sorted(states.items())}
    return {code: said for code, said in found.items() if said != Said(0, 0)}


def _total(found: dict[str, Said]) -> Said:
    return Said(sum(said.words for said in found.values()), sum(said.figures for said in found.values()))


def _show(roster: Roster, eviction: Eviction, found: dict[str, Said]) -> None:
    words = words_in(language_of_locale())
    for code, said in found.items():
        place = f"{roster[code].name} ({code})"
        click.echo(words.text("removal", "would", place=place, words=said.words, figures=said.figures))
    total, times = _total(found), {"since": rfc3339(eviction.from_ms), "until": rfc3339(eviction.to_ms)}
    click.echo(
        words.text("removal", "total", source=eviction.source, words=total.words, figures=total.figures, **times)
    )


def _done(row: Row, eviction: Eviction, left: Said, place: tuple[int, int]) -> str:
    words, (partition, offset) = words_in(language_of_locale()), place
    return words.text(
        "removal", "evicted", place=f"{row['name']} ({row['regency']})", level=words.level(row["level"]),
        score=row["score"], source=eviction.source, words=left.words, figures=left.figures,
        ledger=f"{partition}/{offset}",
    )  # fmt: skip
