"""What a worker finds on the cluster before it takes work: its topics, and who else is in its group."""

import logging
import time
from collections.abc import Callable
from typing import Any, TypeVar

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from agents.kafka.connection import kafka_python_options
from agents.kafka.group import foreign_members
from agents.kafka.refusals import refusal
from agents.kafka.topics import TopicError, open_admin, partition_counts
from agents.settings import Settings
from schemas.topics import Direction, TopicSpec
from streams.admission import ClockMode

log = logging.getLogger(__name__)

BROKER_WITHIN_S = 60.0
CONNECT_S = 5.0
RETRY_S = 0.5

T = TypeVar("T")


class StartRefused(Exception):
    """The worker cannot start. One line that says why and what to do."""


def check_start(settings: Settings) -> None:
    """Refuse topics that are missing or have a wrong number of partitions, and a group that another deployment uses.

    Waits up to BROKER_WITHIN_S for the broker, so that a worker may be started before it. Raises StartRefused."""
    specs = {settings.topics.of(spec): spec for spec in settings.load_topics()}
    counts = _ask(settings, "describe the topics", lambda admin: partition_counts(admin, list(specs)))
    _check_topics(settings, specs, counts)
    group = _ask(settings, "describe the group", lambda admin: admin.describe_groups([settings.group]))
    _check_group(settings, group[settings.group], set(specs))


def _check_topics(settings: Settings, specs: dict[str, TopicSpec], counts: dict[str, int]) -> None:
    """Inputs may have any number of partitions. Any other number of the others would split a regency's history; with
    the event clock also of inputs, since the order of events waits for every partition of every input."""
    missing = [name for name in specs if name not in counts]
    if missing:
        raise StartRefused(f"{', '.join(missing)}: no such topic; run `siaga topics` first")
    is_free = settings.clock is ClockMode.WALL
    fixed = [name for name, spec in specs.items() if not (is_free and spec.direction is Direction.IN)]
    wrong = [f"{name} has {counts[name]}" for name in fixed if counts[name] != settings.partitions]
    if wrong:
        raise StartRefused(f"SIAGA_PARTITIONS is {settings.partitions} but {', '.join(wrong)} partitions")


def _check_group(settings: Settings, group: dict[str, Any], topics: set[str]) -> None:
    for member, read in foreign_members(group, topics):
        raise StartRefused(
            f"group {settings.group} has a member of another deployment, {member['client_host']} reads {read}: "
            f"unset SIAGA_GROUP, then it follows SIAGA_TOPIC_PREFIX ({settings.topic_prefix})"
        )


def _ask(settings: Settings, what: str, question: Callable[[KafkaAdminClient], T]) -> T:
    """The answer; when the broker goes away in between, connect and ask again."""
    deadline = time.monotonic() + BROKER_WITHIN_S
    while True:
        try:
            with _wait_for_broker(settings, deadline) as admin:
                return question(admin)
        except (TopicError, KafkaError) as error:
            if not getattr(error, "retriable", False) or time.monotonic() >= deadline:
                raise StartRefused(f"cannot {what}: {error}") from error
            log.warning("cannot %s yet, retrying: %s", what, error)
            time.sleep(RETRY_S)


def _wait_for_broker(settings: Settings, deadline: float) -> KafkaAdminClient:
    # kafka-python logs each attempt and retries a wrong password like an absent broker; ours replace its log lines.
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    options = kafka_python_options(settings)
    while True:
        if line := refusal(settings):
            raise StartRefused(line)
        try:
            return open_admin(options, CONNECT_S)
        except KafkaError as error:
            if time.monotonic() >= deadline:
                raise StartRefused(f"no Kafka at {settings.broker}: {type(error).__name__}") from error
            log.warning("no Kafka at %s yet, waiting", settings.broker)
