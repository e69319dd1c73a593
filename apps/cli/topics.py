"""`siaga topics`: create the topics, verify them, say what differs."""

import click

from agents.kafka import topics
from agents.kafka.connection import kafka_python_options
from agents.settings import Settings
from apps.cli.broker_errors import CONNECT_S, broker_errors
from apps.cli.options import CommandError, with_settings
from apps.cli.topic_rights import role_options, roles_named, secure


@click.command(name="topics")
@click.option("--check", is_flag=True, help="Create nothing, change nothing; only say what is missing or differs.")
@click.option("--fix", is_flag=True, help="Set differing configuration (never the partition count).")
@role_options
@with_settings("partitions", "replication", "group")
def command(
    settings: Settings, check: bool, fix: bool, acls: bool, quota: int | None, **users: tuple[str, ...]
) -> None:
    """Create the topics and verify those that exist: partitions, cleanup, retention, timestamps, compression.

    With --acls also the rights of the users named, on a broker with an authorizer, as its administrator
    (docs/operating/security.md). Exit status 0 when all are as Siaga needs them, 1 when one is missing or differs, 2
    for a wrong setting."""
    if check and fix:
        raise CommandError("--check changes nothing, --fix does: give one of them", exit_code=2)
    named = roles_named(acls, quota, users)
    with broker_errors(settings), topics.open_admin(kafka_python_options(settings), CONNECT_S) as admin:
        try:
            findings = topics.ensure(admin, settings, create=not check, fix=fix)
        except topics.TopicError as error:
            raise CommandError(str(error)) from None
        _tell(findings)
        secured = secure(admin, settings, named, quota, check) if acls else True
    if not secured or not all(finding.outcome.good for finding in findings):
        raise SystemExit(1)


def _tell(findings: list[topics.Finding]) -> None:
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        line = f"{finding.name:<{width}}  {finding.partitions:>4}  {finding.outcome}"
        click.echo(line + (": " + "; ".join(finding.differences) if finding.differences else ""))
