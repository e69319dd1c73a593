"""What the commands have in common by which people decide: a regency, a time, and the wait until it is applied."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import click
from kafka.errors import KafkaError

from apps.cli.explain import code_of
from apps.cli.options import CommandError, moment_of
from apps.history.deciding import Row, RowWatch
from schemas.roster import Roster
from schemas.vocabulary import ROLES

WAIT_S = 30.0

role_option = click.option("--role", type=click.Choice(ROLES), required=True, help="Who decides: a role, never a name.")
wait_option = click.option(
    "--wait", "wait_s", metavar="SECONDS", type=click.FloatRange(0), default=WAIT_S, show_default=True,
    help="How long the workers may take to apply it.",
)  # fmt: skip


def reason_option(reasons: Any, is_required: bool = True) -> Callable[..., Any]:
    """`--reason`, one of an enumeration's."""
    named = [reason.value for reason in reasons]
    return click.option("--reason", type=click.Choice(named), required=is_required, help="Why.")


def regency_of(roster: Roster, regency: str) -> str:
    """The code of a regency given by code or name. Raises CommandError."""
    code = code_of(roster, regency)
    if code not in roster:
        raise CommandError(f"REGENCY: {regency!r} is a province; incidents belong to a regency", exit_code=2)
    return code


def moment_ms(option: str, text: str) -> int:
    """The milliseconds since the epoch of a time that an option gives. Raises CommandError."""
    return int(moment_of(option, text).timestamp() * 1000)


def rows_after(rows: RowWatch, places: Mapping[str, tuple[int, int]], wait_s: float) -> dict[str, Row]:
    """The rows of these regencies once workers have applied what lies at their place of the ledger (partition,
    offset). Raises CommandError when that takes longer.
    """
    until_s = time.monotonic() + wait_s
    where = ", ".join(f"{partition}/{offset}" for partition, offset in places.values())
    written = f"the decision is on the ledger ({where})"
    try:
        found = rows.after({code: offset for code, (_, offset) in places.items()}, lambda: time.monotonic() > until_s)
    except KafkaError as error:
        raise CommandError(f"{written}; whether it is applied is not known: {type(error).__name__}") from None
    if missing := sorted(places.keys() - found.keys()):
        of = f" in {', '.join(missing)}" if len(places) > 1 else ""
        raise CommandError(
            f"{written} and was not applied within {wait_s:g} s{of}: see that workers run; it is applied once, do not "
            "write it again"
        )
    return found
