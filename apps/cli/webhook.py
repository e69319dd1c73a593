"""`siaga webhook`: post escalations to a URL; what stays refused is listed, sent again and dropped by its commands."""

import asyncio
import contextlib
import functools
import signal
from collections.abc import Callable

import click

from agents.health import Health
from agents.kafka.connection import aiokafka_options
from agents.kafka.refusals import refusal
from agents.logs import configure_logging
from agents.settings import Settings
from agents.status import keep_status
from apps.cli.options import CommandError, serve_metrics_if_set, with_settings
from apps.cli.webhook_refused import drop, refused, resend
from apps.integrations.escalation_records import DeliveryCounts
from apps.integrations.sender_health import SenderHealth
from apps.integrations.webhook.consumer import WebhookConsumer
from apps.integrations.webhook.delivery import Sending
from apps.integrations.webhook.delivery_state import NewerLog
from apps.integrations.webhook.http_attempt import Poster
from apps.integrations.webhook.notification_log import LogWriter
from apps.integrations.webhook.notifications import Author
from apps.integrations.webhook.signing import SecretError, load_signer
from apps.integrations.webhook.starting import SenderEnds, SenderNames, client_id_of
from apps.integrations.webhook.target import Target, TargetError, load_target
from schemas.topics import Topic

#: What the public contract says: tried for a day.
RETRY_HOURS = 24.0
#: For a sender that ends to remove its status from Kafka.
STATUS_REMOVED_WITHIN_S = 4.0


@click.group(name="webhook", invoke_without_command=True)
@click.option("--url", help="Where to post. `ps` shows it: put a URL that holds a token into the variable or the file.")
@click.option(
    "--name",
    metavar="NAME",
    help="Its name in the log of notifications; instances with one name share the work. Default: from the URL.",
)
@click.option("--from-beginning", is_flag=True, help="On its first start, send existing escalations too.")
@click.option(
    "--timeout", type=click.FloatRange(0.1, 300), default=10.0, show_default=True, help="Seconds to wait for an answer."
)
@click.option(
    "--retry-hours",
    type=click.FloatRange(0, 24 * 90, min_open=True),
    default=RETRY_HOURS,
    show_default=True,
    help="How long an escalation is tried before it counts as refused, from its first attempt.",
)
@click.option("--plain-http", is_flag=True, help="Allow http beyond this machine.")
@with_settings("rules", "group", "instance", "metrics_host", "metrics_port", "log_format", "log_level")
@click.pass_context
def command(
    context: click.Context,
    settings: Settings,
    url: str | None,
    name: str | None,
    from_beginning: bool,
    timeout: float,
    retry_hours: float,
    plain_http: bool,
) -> None:
    """Post each escalation as JSON to a URL: signed, in order for each regency, until the receiver accepts it.

    The ruleset's table `outward` says what of the evidence is told.

    The URL comes from the file named by SIAGA_WEBHOOK_URL_FILE, from SIAGA_WEBHOOK_URL or from --url; nothing is sent
    anywhere else, and redirects are not followed. The secret comes from the file named by SIAGA_WEBHOOK_SECRET_FILE
    (one per line) or from SIAGA_WEBHOOK_SECRET. Whatever is not 2xx is tried again, for --retry-hours from the first
    attempt; what stays refused is listed by `refused` and sent again by `resend`. All it knows is in the log of
    notifications, on Kafka. docs/integrations.md says what a receiver has to do."""
    if context.invoked_subcommand is not None:
        return
    try:
        target = load_target(url, settings, plain_http)
        load_signer(settings)
    except (TargetError, SecretError) as error:
        raise CommandError(str(error), exit_code=2) from None
    name = _checked(name or target.name)
    rule = settings.load_ruleset().outward
    if line := refusal(settings):
        raise CommandError(line)
    configure_logging(settings)
    health = SenderHealth("webhook", settings.topic_prefix)
    serve_metrics_if_set(settings, health)
    click.echo(f"webhook {name}: {target.shown}", err=True)
    options = aiokafka_options(settings)
    counts = DeliveryCounts(f"webhook-{name}")
    sending = functools.partial(
        Sending,
        writer=LogWriter(options, settings.topics[Topic.NOTIFICATIONS], health),
        author=Author(name, target.shown),
        counts=counts,
        health=health,
        rule=rule,
        retry_for_s=retry_hours * 3600,
    )
    try:
        asyncio.run(_serve(settings, target, name, sending, health, from_beginning, timeout))
    except (SenderEnds, NewerLog) as error:
        raise CommandError(str(error)) from None
    finally:
        click.echo(str(counts), err=True)


command.add_command(refused)
command.add_command(resend)
command.add_command(drop)


def _checked(name: str) -> str:
    if not name.isascii() or not name.replace("-", "").replace("_", "").isalnum() or len(name) > 100:
        raise CommandError("--name: letters, digits, - and _, at most 100", exit_code=2)
    return name


async def _serve(
    settings: Settings,
    target: Target,
    name: str,
    sending: Callable[..., Sending],
    health: Health,
    from_beginning: bool,
    timeout_s: float,
) -> None:
    import aiohttp

    names = SenderNames(
        settings.topics[Topic.ESCALATIONS],
        settings.topics[Topic.NOTIFICATIONS],
        f"{settings.sender_group_prefix}webhook-{name}",
        name,
        client_id_of(target),
    )
    # A connection for each post: alerts are rare, and one that was kept may have lost its peer without a word.
    connector = aiohttp.TCPConnector(force_close=True)
    async with aiohttp.ClientSession(
        connector=connector, trust_env=False, cookie_jar=aiohttp.DummyCookieJar()
    ) as session:
        sender = sending(poster=Poster(session, target, functools.partial(load_signer, settings), timeout_s))
        consumer = WebhookConsumer(aiokafka_options(settings), names, settings.instance, timeout_s, sender)
        work = asyncio.create_task(consumer.run(from_beginning))
        status = asyncio.create_task(keep_status(settings, health))
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, work.cancel)
        try:
            with contextlib.suppress(asyncio.CancelledError):
                await work
        finally:
            status.cancel()
            await asyncio.wait({status}, timeout=STATUS_REMOVED_WITHIN_S)
