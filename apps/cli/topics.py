"""`siaga topics`: create the topics, verify them, report differences."""

import click

from agents.kafka import topics
from agents.kafka.connection import kafka_python_options
from agents.settings import Settings
from apps.cli.broker import CONNECT_S, broker_errors
from apps.cli.options import CommandError, with_settings
from apps.cli.topic_acls import ensure_rights, role_options, roles_named


@click.command(name="topics")
@click.option("--check", is_flag=True, help="Report what is missing or differs; change nothing.")
@click.option("--fix", is_flag=True, help="Set differing configuration of topics (never partitions or replicas).")
@role_options
@with_settings("partitions", "replication", "min_insync", "retention_days", "group", "sources_file")
def command(
    settings: Settings, check: bool, fix: bool, acls: bool, quota: int | None, **users: tuple[str, ...]
) -> None:
    """Create the topics and verify those that exist: partitions, replicas, how many of them must be in sync, message
    size, retention, cleanup, timestamps, compression; and what of the brokers' own configuration matters to Siaga. What
    is a note does not stop Siaga. Inputs may have any number of partitions.

    With --acls also grant the rights of the users named, and of the users of the inputs that the sources file names;
    this needs a broker with an authorizer and its administrator's login (docs/operating/security.md). Exit status 0
    when all are as Siaga needs them, 1 when one is missing or differs, 2 for a wrong setting."""
    if check and fix:
        raise CommandError("--check and --fix exclude each other", exit_code=2)
    named = roles_named(acls, quota, users, settings.load_sources().inputs)
    with broker_errors(settings), topics.open_admin(kafka_python_options(settings), CONNECT_S) as admin:
        try:
            findings = topics.ensure(admin, settings, create=not check, fix=fix)
        except topics.TopicError as error:
            raise CommandError(str(error)) from None
        _print(findings)
        secured = ensure_rights(admin, settings, named, quota, check) if acls else True
    if not fix and any(finding.outcome is topics.Outcome.DIFFERS for finding in findings):
        click.echo("`siaga topics --fix` sets what can be set of a topic", err=True)
    if not secured or not all(finding.outcome.good for finding in findings):
        raise SystemExit(1)


def _print(findings: list[topics.Finding]) -> None:
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        line = f"{finding.name:<{width}}  {finding.partitions:>4}  {finding.outcome}"
        click.echo(line + (": " + "; ".join(finding.differences) if finding.differences else ""))
