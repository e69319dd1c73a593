"""The `--acls` part of `siaga topics`: users by role, and the state of their rights."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import click
from kafka import KafkaAdminClient

from agents.kafka.acls import AclError, AclFinding, AclState, Role, ensure_acls
from agents.kafka.quotas import PUBLISHER_BYTES_PER_S, QuotaError, quota_of, set_quotas
from agents.settings import Settings
from apps.cli.options import CommandError

#: No blanks, no control characters, and not `*`, which Kafka reads as every principal.
_USER = re.compile(r"(?!\*$)[^\s\x00-\x1f\x7f]{1,200}")
_ABOUT = {
    Role.PUBLISHER: "may write incidents and turnout (on its own input, if the sources file names one of its name)",
    Role.PROCESSOR: "runs workers",
    Role.READER: "may read risk, province and escalations",
    Role.SENDER: "sends escalations to receivers (`siaga webhook`)",
    Role.DECIDER: "may decide (`siaga join`, `evict`, `erase`), which lets it write any entry of the ledger",
    Role.OPERATOR: "may read every topic and change its configuration",
}


def role_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--acls`, one repeatable option per role and `--quota`."""
    about = (
        "Bytes a second that each publisher, named or with an own input, may send to each broker. Without it, who has "
        f"no limit gets {PUBLISHER_BYTES_PER_S}."
    )
    function = click.option("--quota", type=click.IntRange(min=1024), metavar="BYTES", help=about)(function)
    for role in reversed(Role):
        about = f"With --acls: a user who {_ABOUT[role]}; repeatable."
        function = click.option(f"--{role}", role.value, multiple=True, metavar="USER", help=about)(function)
    return click.option("--acls", is_flag=True, help="Grant each user named the rights of its role.")(function)


def roles_named(
    acls: bool, quota: int | None, users: Mapping[str, Sequence[str]], inputs: Iterable[str]
) -> dict[str, list[Role]]:
    """Roles by user; with `acls` the users of the publishers' own inputs are publishers, named or not.

    Raises CommandError (status 2) for wrong arguments."""
    named: dict[str, list[Role]] = {}
    for role in Role:
        for user in users[role.value]:
            if not _USER.fullmatch(user):
                raise CommandError(
                    f"--{role}: {user!r} is not a user name: no blanks, not *, at most 200 characters", 2
                )
            named.setdefault(user.removeprefix("User:"), []).append(role)
    for user in inputs if acls else ():
        if Role.PUBLISHER not in named.setdefault(user, []):
            named[user].append(Role.PUBLISHER)
    if acls and not named:
        wanted = ", ".join(f"--{role}" for role in Role)
        raise CommandError(f"--acls: name at least one user for a role: {wanted}", exit_code=2)
    if not acls and (named or quota is not None):
        raise CommandError("users and --quota are for --acls", exit_code=2)
    if quota is not None and not any(Role.PUBLISHER in roles for roles in named.values()):
        raise CommandError("--quota: name at least one --publisher", exit_code=2)
    return named


def ensure_rights(
    admin: KafkaAdminClient, settings: Settings, named: dict[str, list[Role]], quota: int | None, check: bool
) -> bool:
    """Grant the rights (with `check` only compare) and print a line for each; returns whether all are as they should.

    Raises CommandError."""
    try:
        findings = ensure_acls(admin, settings, named, create=not check)
        publishers = [user for user, roles in named.items() if Role.PUBLISHER in roles]
        limits = [_limit(admin, user, quota, check) for user in publishers]
    except (AclError, QuotaError) as error:
        raise CommandError(str(error)) from None
    for finding in findings:
        click.echo(_line(finding))
    for line, _ in limits:
        click.echo(line)
    # Rights beyond a role are printed each time and count as a fault only with --check.
    return all(good for _, good in limits) and all(
        finding.state.good or (finding.state is AclState.SURPLUS and not check) for finding in findings
    )


def _line(finding: AclFinding) -> str:
    return f"{finding.principal}  {finding.right}  {finding.state}"


def _limit(admin: KafkaAdminClient, user: str, quota: int | None, check: bool) -> tuple[str, bool]:
    """Set or compare a publisher's limit. Without `quota` any limit will do."""
    found = quota_of(admin, user)
    wanted = quota or found or PUBLISHER_BYTES_PER_S
    if found == wanted:
        return f"{user}  {wanted} bytes/s  ok", True
    if not check:
        set_quotas(admin, [user], wanted)
        return f"{user}  {wanted} bytes/s  set", True
    return (
        f"{user}  is {'unlimited' if found is None else f'{found} bytes/s'}, must be {wanted} bytes/s  differs",
        False,
    )
