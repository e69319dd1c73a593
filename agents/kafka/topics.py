"""Create a deployment's topics (schemas/topics.py) on a broker and report where topics and brokers differ from what
Siaga needs (agents/kafka/limits.py).

A difference can lose data without an error: retention by event time deletes a past election within minutes, another
partition count separates a regency's ledger, state and outputs, and recompression costs the broker a core."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import (
    KafkaConnectionError,
    KafkaError,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
    for_code,
)

from agents.kafka.limits import (
    REPLICAS,
    REPLICATION,
    Bound,
    Limit,
    broker_limits,
    differing,
    existing_limits,
    internal_limits,
    min_insync,
    topic_limits,
)
from agents.settings import BY_BROKERS, Settings
from schemas.topics import Direction, TopicSpec

#: In place of a topic's name.
BROKERS = "brokers"
#: For how long a broker that has ended is listed among those that can be asked (`broker.session.timeout.ms`).
LISTED_S = 10.0
_PAUSE_S = 0.3


class Outcome(StrEnum):
    CREATED = "created"
    OK = "ok"
    FIXED = "fixed"
    MISSING = "missing"
    DIFFERS = "differs"
    #: Of what is not a topic of Siaga's: it may not be read, or should be otherwise.
    NOTE = "note"

    @property
    def good(self) -> bool:
        """Whether the topic is now as Siaga needs it."""
        return self not in (Outcome.MISSING, Outcome.DIFFERS)


@dataclass(frozen=True)
class Finding:
    """The state of one topic, or of all brokers (their number in place of partitions); each difference reads
    `what is X, must be Y`.
    """

    name: str
    outcome: Outcome
    partitions: int
    differences: tuple[str, ...] = ()


class TopicError(Exception):
    """The broker refused to create or change a topic. One line."""


@dataclass(frozen=True)
class _Found:
    """A topic as it is; replicas are those of the partition that has fewest."""

    partitions: int
    replicas: int


@dataclass(frozen=True)
class _Brokers:
    """Configuration by broker id, empty where this user may not read it."""

    configs: Mapping[str, Mapping[str, str | None]]
    #: Those that do not answer.
    absent: tuple[str, ...]

    @property
    def replicas(self) -> int:
        """What a topic gets where the settings leave it open: a cluster that only has its default would keep one."""
        defaults = [int(config.get("default.replication.factor") or 1) for config in self.configs.values()]
        return max(min(REPLICAS, len(self.configs) + len(self.absent)), 1, *defaults)


def ensure(admin: KafkaAdminClient, settings: Settings, *, create: bool = True, fix: bool = False) -> list[Finding]:
    """One finding per topic of the deployment, own inputs last, then of the brokers and of Kafka's own topics.

    Raises TopicError, a KafkaError or SettingsError. With `create` missing topics are created; with `fix` differing
    configuration is set, but never the partition count (adding partitions would move regencies between them), the
    replicas, or a broker's configuration."""
    specs = settings.load_topics()
    names = [settings.topics.of(spec) for spec in specs]
    existing, brokers = _describe(admin, names), _brokers(admin)
    replicas = settings.replication if settings.replication != BY_BROKERS else brokers.replicas
    created = _create(admin, settings, specs, existing, replicas) if create else set()
    existing |= dict.fromkeys(created, _Found(settings.partitions, replicas))  # not every broker may know them yet
    existing |= _describe(admin, [name for name in names if name not in existing])
    configs = _configs(admin, sorted(existing.keys() - created))
    findings = []
    for spec, name in zip(specs, names, strict=True):
        if name not in existing:
            findings.append(Finding(name, Outcome.MISSING, 0))
        elif name in created:
            findings.append(Finding(name, Outcome.CREATED, existing[name].partitions))
        else:
            limits = topic_limits(spec, min_insync(existing[name].replicas, settings.min_insync))
            wanted = (_partitions(spec, settings, existing[name]), *_replicas(settings, replicas))
            findings.append(_compare(admin, name, existing[name], configs[name], (*wanted, *limits), fix))
    return [*findings, *_kafkas_own(admin, settings, brokers, replicas, fix)]


def wanted_config(spec: TopicSpec, replicas_in_sync: int = 1) -> dict[str, str]:
    """Topic configuration as Siaga needs it, by Kafka's names."""
    return {limit.name: limit.value for limit in topic_limits(spec, replicas_in_sync)}


def _partitions(spec: TopicSpec, settings: Settings, found: _Found) -> Limit:
    """Inputs may have any number of partitions."""
    is_input = spec.direction is Direction.IN
    return Limit("partitions", str(found.partitions if is_input else settings.partitions))


def _replicas(settings: Settings, replicas: int) -> tuple[Limit, ...]:
    least = max(replicas, settings.min_insync or 1)
    return (Limit(REPLICATION, str(least), Bound.AT_LEAST),)


def _compare(
    admin: KafkaAdminClient,
    name: str,
    found: _Found,
    config: Mapping[str, str | None],
    limits: Iterable[Limit],
    fix: bool,
) -> Finding:
    """Compare a topic with its limits; with `fix` set the configuration that differs."""
    values = {**config, "partitions": str(found.partitions), REPLICATION: str(found.replicas)}
    wrong = differing(limits, values)
    settable = [limit for limit in wrong if limit.name not in ("partitions", REPLICATION)]
    if settable and fix:
        _alter(admin, name, {limit.name: limit.value for limit in settable})
    left = [limit for limit in wrong if not fix or limit not in settable]
    if left:
        outcome = Outcome.NOTE if all(limit.is_note for limit in left) else Outcome.DIFFERS
        return Finding(name, outcome, found.partitions, _words(left, values))
    return Finding(name, Outcome.FIXED if wrong else Outcome.OK, found.partitions, _words(wrong, values))


def _words(limits: Iterable[Limit], values: Mapping[str, str | None]) -> tuple[str, ...]:
    return tuple(limit.difference(values.get(limit.name)) for limit in limits)


def _kafkas_own(
    admin: KafkaAdminClient, settings: Settings, brokers: _Brokers, replicas: int, fix: bool
) -> list[Finding]:
    """Of the brokers' configuration, and of Kafka's own topics where they exist: the group's and the transactions'."""
    in_sync = min_insync(replicas, settings.min_insync)
    internal = internal_limits(replicas, in_sync)
    existing = {topic: found for topic in internal if (found := _describe(admin, [topic], may_fail=True).get(topic))}
    findings = [_of_brokers(brokers, settings, [limits for topic, limits in internal.items() if topic not in existing])]
    for topic, found in existing.items():
        config = _configs(admin, [topic], may_fail=True)[topic]
        if config:
            own = existing_limits(topic, replicas, min_insync(found.replicas, settings.min_insync))
            findings.append(_compare(admin, topic, found, config, own, fix))
    return [finding for finding in findings if finding.name == BROKERS or finding.outcome is not Outcome.OK]


def _of_brokers(brokers: _Brokers, settings: Settings, of_new_topics: list[tuple[Limit, ...]]) -> Finding:
    limits = (*broker_limits(settings.retention_days), *(limit for some in of_new_topics for limit in some))
    readable = {broker: config for broker, config in brokers.configs.items() if config}
    if not readable:
        line = "not compared: this user may not read their configuration (DescribeConfigs on the cluster)"
        return Finding(BROKERS, Outcome.NOTE, len(brokers.configs), (line,))
    lines: dict[str, list[str]] = {}
    is_note = True
    for broker, config in readable.items():
        for limit in differing(limits, config):
            lines.setdefault(limit.difference(config.get(limit.name)), []).append(broker)
            is_note &= limit.is_note
    words = tuple(
        line if len(some) == len(readable) else f"{line} (broker {', '.join(some)})" for line, some in lines.items()
    )
    if brokers.absent:
        words += (f"broker {', '.join(brokers.absent)} does not answer and is not compared",)
    if not words:
        return Finding(BROKERS, Outcome.OK, len(brokers.configs))
    return Finding(BROKERS, Outcome.NOTE if is_note else Outcome.DIFFERS, len(brokers.configs), words)


def _create(
    admin: KafkaAdminClient,
    settings: Settings,
    specs: Iterable[TopicSpec],
    existing: Mapping[str, _Found],
    replicas: int,
) -> set[str]:
    missing = {name: spec for spec in specs if (name := settings.topics.of(spec)) not in existing}
    created: set[str] = set()
    if not missing:
        return created
    in_sync = min_insync(replicas, settings.min_insync)
    wanted = {
        name: {
            "num_partitions": settings.partitions,
            "replication_factor": replicas,
            "configs": wanted_config(spec, in_sync),
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
    return created


def partition_counts(admin: KafkaAdminClient, names: list[str]) -> dict[str, int]:
    """Partition counts of the topics that exist. Raises TopicError for one that this user may not describe."""
    return {name: found.partitions for name, found in _describe(admin, names).items()}


def _describe(admin: KafkaAdminClient, names: list[str], may_fail: bool = False) -> dict[str, _Found]:
    found: dict[str, _Found] = {}
    for topic in _answer(lambda: admin.describe_topics(names)) if names else ():
        if topic["error_code"] == UnknownTopicOrPartitionError.errno or (topic["error_code"] and may_fail):
            continue
        if topic["error_code"]:
            raise TopicError(f"{topic['name']}: {for_code(topic['error_code']).__name__}")
        replicas = [len(partition["replica_nodes"]) for partition in topic["partitions"]]
        found[topic["name"]] = _Found(len(replicas), min(replicas, default=0))
    return found


def _brokers(admin: KafkaAdminClient) -> _Brokers:
    """Each is asked by itself: one that has just ended is listed for some seconds, and must not end the comparison."""
    configs: dict[str, dict[str, str | None]] = {}
    absent = []
    for broker in sorted(str(broker["broker_id"]) for broker in _answer(admin.describe_cluster)["brokers"]):
        resource = ConfigResource(ConfigResourceType.BROKER, broker)
        try:
            described = admin.describe_configs([resource], config_filter="all")["broker"]
        except KafkaError:
            absent.append(broker)
        else:
            configs[broker] = _values(described.get(broker, {}))
    return _Brokers(configs, tuple(absent))


def _configs(admin: KafkaAdminClient, names: list[str], may_fail: bool = False) -> dict[str, dict[str, str | None]]:
    """Configuration by topic. Raises TopicError for one that this user may not read; with `may_fail` it is empty."""
    if not names:
        return {}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    described = _answer(lambda: admin.describe_configs(resources, config_filter="all"))["topic"]
    configs = {name: _values(described.get(name, {})) for name in names}
    if not may_fail and (hidden := [name for name, config in configs.items() if not config]):
        raise TopicError(f"{', '.join(hidden)}: this user may not read the configuration (DescribeConfigs)")
    return configs


def _answer(call: Callable[[], Any]) -> Any:
    """What the call returns; the client asks any broker that is listed, and one that has just ended still is."""
    deadline = time.monotonic() + LISTED_S
    while True:
        try:
            return call()
        except KafkaConnectionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(_PAUSE_S)


def _values(described: Mapping[str, Mapping[str, Any]]) -> dict[str, str | None]:
    return {name: config["value"] for name, config in described.items()}


def _alter(admin: KafkaAdminClient, name: str, values: dict[str, str]) -> None:
    answer = admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, configs=values)])["topic"][name]
    if answer != "OK":
        raise TopicError(f"{name}: not changed: {answer}")


def open_admin(options: dict[str, Any], timeout_s: float) -> KafkaAdminClient:
    """A connected admin client. Raises a KafkaError when no broker answers within `timeout_s`."""
    return KafkaAdminClient(**options, client_id="siaga-topics", bootstrap_timeout_ms=int(timeout_s * 1000))
