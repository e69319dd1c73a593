"""`siaga webhook`: post escalations to a URL."""

import asyncio
import contextlib
import signal

import click

from agents.health import Health
from agents.kafka.connection import aiokafka_options
from agents.kafka.refusals import refusal
from agents.logs import configure_logging
from agents.settings import Settings
from apps.cli.options import CommandError, serve_metrics_if_set, with_settings
from apps.integrations.escalation_records import DeliveryCounts
from apps.integrations.webhook.consumer import WebhookConsumer
from apps.integrations.webhook.http_attempt import Poster
from apps.integrations.webhook.refused_store import RefusedStore
from apps.integrations.webhook.signing import SecretError, Signer, load_signer
from apps.integrations.webhook.target import Target, TargetError, load_target
from schemas.ruleset.outward import OutwardRule
from schemas.topics import Topic


@click.command(name="webhook")
@click.option("--url", help="Where to post. `ps` shows it: put a URL that holds a token into the variable or the file.")
@click.option(
    "--name",
    metavar="NAME",
    help="Name of its offsets and rejected list; instances with one name share the work. Default: from the URL.",
)
@click.option("--from-beginning", is_flag=True, help="On its first start, send existing escalations too.")
@click.option(
    "--timeout", type=click.FloatRange(0.1, 300), default=10.0, show_default=True, help="Seconds to wait for an answer."
)
@click.option("--plain-http", is_flag=True, help="Allow http beyond this machine.")
@with_settings("rules", "group", "instance", "data_dir", "metrics_host", "metrics_port", "log_format", "log_level")
def command(
    settings: Settings, url: str | None, name: str | None, from_beginning: bool, timeout: float, plain_http: bool
) -> None:
    """Post each escalation as JSON to a URL: signed, in order for each regency, until the receiver accepts it.

    The ruleset's table `outward` says what of the evidence is told.

    The URL comes from the file named by SIAGA_WEBHOOK_URL_FILE, from SIAGA_WEBHOOK_URL or from --url; nothing is sent
    anywhere else, and redirects are not followed. The secret comes from the file named by SIAGA_WEBHOOK_SECRET_FILE
    (one per line) or from SIAGA_WEBHOOK_SECRET. Network errors, 408, 425, 429 and 5xx are retried without end; what the
    receiver rejects is kept in SIAGA_DATA_DIR/webhook/NAME.refused.jsonl. A restart continues at the last delivered
    escalation. docs/integrations.md says what a receiver has to do."""
    try:
        target, signer = load_target(url, settings, plain_http), load_signer(settings)
    except (TargetError, SecretError) as error:
        raise CommandError(str(error), exit_code=2) from None
    rule = settings.load_ruleset().outward
    if line := refusal(settings):
        raise CommandError(line)
    configure_logging(settings)
    name = _checked(name or target.name)
    serve_metrics_if_set(settings, Health("webhook", settings.topic_prefix))
    refused = RefusedStore(settings.data_dir / "webhook" / f"{name}.refused.jsonl")
    click.echo(f"webhook {name}: {target.shown}", err=True)
    asyncio.run(_serve(settings, target, signer, rule, refused, name, from_beginning, timeout))


def _checked(name: str) -> str:
    if not name.isascii() or not name.replace("-", "").replace("_", "").isalnum() or len(name) > 100:
        raise CommandError("--name: letters, digits, - and _, at most 100", exit_code=2)
    return name


async def _serve(
    settings: Settings,
    target: Target,
    signer: Signer,
    rule: OutwardRule,
    refused: RefusedStore,
    name: str,
    from_beginning: bool,
    timeout_s: float,
) -> None:
    import aiohttp

    counts = DeliveryCounts(f"webhook-{name}")
    courier = WebhookConsumer(
        aiokafka_options(settings),
        settings.topics[Topic.ESCALATIONS],
        f"{settings.sender_group_prefix}webhook-{name}",
        settings.instance,
        timeout_s,
        counts,
        rule,
    )
    async with aiohttp.ClientSession(trust_env=False, cookie_jar=aiohttp.DummyCookieJar()) as session:
        poster = Poster(session, target, signer, timeout_s)
        work = asyncio.create_task(courier.run(poster, refused, from_beginning))
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, work.cancel)
        with contextlib.suppress(asyncio.CancelledError):
            await work
    click.echo(str(counts), err=True)
