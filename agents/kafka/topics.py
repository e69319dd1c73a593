"""Create a deployment's topics (schemas/topics.py) on a broker and report where existing ones differ from what Siaga
needs.

A difference can lose data without an error: retention by event time deletes a past election within minutes, another
partition count separates a regency's ledger, state and outputs, and recompression costs the broker a core."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import TopicAlreadyExistsError, UnknownTopicOrPartitionError, for_code

from agents.settings import Settings
from schemas.topics import TopicSpec

# The publisher chooses the codec; the broker must not recompress.
KEPT_AS_SENT = {"compression.type": "producer"}


class Outcome(StrEnum):
    CREATED = "created"
    OK = "ok"
    FIXED = "fixed"
    MISSING = "missing"
    DIFFERS = "differs"

    @property
    def good(self) -> bool:
        """Whether the topic is now as Siaga needs it."""
        return self in (Outcome.CREATED, Outcome.OK, Outcome.FIXED)


@dataclass(frozen=True)
class TopicFinding:
    """The state of one topic; each difference reads `what is X, must be Y`."""

    name: str
    outcome: Outcome
    partitions: int
    differences: tuple[str, ...] = ()


class TopicError(Exception):
    """The broker refused to create or change a topic. One line."""


def ensure(
    admin: KafkaAdminClient, settings: Settings, *, create: bool = True, fix: bool = False
) -> list[TopicFinding]:
    """One finding per topic of the deployment, own inputs last. Raises TopicError, a KafkaError or SettingsError.

    With `create` missing topics are created; with `fix` differing configuration is set, but never the partition count:
    adding partitions would move regencies between them."""
    specs = settings.load_topics()
    existing = partition_counts(admin, [settings.topics.of(spec) for spec in specs])
    created = _create(admin, settings, specs, existing) if create else set()
    configs = _configs(admin, list(existing.keys() - created))
    return [_finding(admin, settings, spec, existing, created, configs, fix) for spec in specs]


def wanted_config(spec: TopicSpec) -> dict[str, str]:
    """Topic configuration as Siaga needs it, by Kafka's names."""
    return spec.config | KEPT_AS_SENT


def _create(
    admin: KafkaAdminClient, settings: Settings, specs: Iterable[TopicSpec], existing: dict[str, int]
) -> set[str]:
    missing = {name: spec for spec in specs if (name := settings.topics.of(spec)) not in existing}
    if not missing:
        return set()
    created = set()
    wanted = {
        name: {
            "num_partitions": settings.partitions,
            "replication_factor": settings.replication,
            "configs": wanted_config(spec),
        }
        for name, spec in missing.items()
    }
    for topic in admin.create_topics(wanted, raise_errors=False)["topics"]:
        error = for_code(topic["error_code"])
        if error is TopicAlreadyExistsError:  # created meanwhile by another: verify it like any other
            continue
        if topic["error_code"]:
            raise TopicError(f"{topic['name']}: not created: {topic['error_message'] or error.__name__}")
        created.add(topic["name"])
    admin.wait_for_topics(list(missing))
    existing |= partition_counts(admin, list(missing))
    return created


def _finding(
    admin: KafkaAdminClient,
    settings: Settings,
    spec: TopicSpec,
    existing: dict[str, int],
    created: set[str],
    configs: dict[str, dict[str, str]],
    fix: bool,
) -> TopicFinding:
    name = settings.topics.of(spec)
    if name not in existing:
        return TopicFinding(name, Outcome.MISSING, 0)
    partitions = existing[name]
    if name in created:
        return TopicFinding(name, Outcome.CREATED, partitions)
    wrong = {key: value for key, value in wanted_config(spec).items() if configs[name].get(key) != value}
    if wrong and fix:
        _alter(admin, name, wrong)
    differences = (
        [f"partitions is {partitions}, must be {settings.partitions}"] if partitions != settings.partitions else []
    )
    changes = [f"{key} is {configs[name].get(key)}, must be {value}" for key, value in wrong.items()]
    if differences or (wrong and not fix):
        return TopicFinding(name, Outcome.DIFFERS, partitions, tuple(differences + ([] if fix else changes)))
    return TopicFinding(name, Outcome.FIXED if wrong else Outcome.OK, partitions, tuple(changes))


def partition_counts(admin: KafkaAdminClient, names: list[str]) -> dict[str, int]:
    """Partition counts of the topics that exist. Raises TopicError for one that this user may not describe."""
    counts: dict[str, int] = {}
    for topic in admin.describe_topics(names):
        if topic["error_code"] == UnknownTopicOrPartitionError.errno:
            continue
        if topic["error_code"]:
            raise TopicError(f"{topic['name']}: {for_code(topic['error_code']).__name__}")
        counts[topic["name"]] = len(topic["partitions"])
    return counts


def _configs(admin: KafkaAdminClient, names: list[str]) -> dict[str, dict[str, str]]:
    if not names:
        return {}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    described = admin.describe_configs(resources, config_filter="all")["topic"]
    return {name: {key: config["value"] for key, config in described[name].items()} for name in names}


def _alter(admin: KafkaAdminClient, name: str, values: dict[str, str]) -> None:
    answer = admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, configs=values)])["topic"][name]
    if answer != "OK":
        raise TopicError(f"{name}: not changed: {answer}")


def open_admin(options: dict[str, Any], timeout_s: float) -> KafkaAdminClient:
    """A connected admin client. Raises a KafkaError when no broker answers within `timeout_s`."""
    return KafkaAdminClient(**options, client_id="siaga-topics", bootstrap_timeout_ms=int(timeout_s * 1000))
