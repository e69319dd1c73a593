"""Where copies of an incident are: every topic of the deployment, read to its end, and how long each keeps them."""

import base64
import binascii
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson
from kafka.admin import ConfigResource, ConfigResourceType

from agents.kafka.connection import kafka_python_options
from agents.kafka.topic_reader import TopicReader
from agents.kafka.topics import open_admin
from agents.settings import Settings
from schemas.ledger import parts_of
from schemas.topics import Direction, Topic, TopicSpec

_Holds = Callable[[bytes], bool]


@dataclass(frozen=True)
class Copies:
    """The copies in one topic. `records`: that hold it; of a compacted topic `current` are the newest of their keys.
    `until_ms`: when Kafka has deleted them all at the latest; None in a compacted topic, or when there is none.
    """

    topic: str
    records: int
    current: int
    until_ms: int | None

    @property
    def older(self) -> int:
        """Records that a later one of their key has replaced and the cleaner has not removed."""
        return self.records - self.current


def copies_of(settings: Settings, key: str, connect_s: float) -> list[Copies]:
    """The copies of an incident, by its key, in each topic. Raises KafkaError, TopicMissing, SettingsError."""
    specs = settings.load_topics()
    names = [settings.topics.of(spec) for spec in specs]
    with open_admin(kafka_python_options(settings), connect_s) as admin:
        resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
        configs = admin.describe_configs(resources, config_filter="all")["topic"]
    with TopicReader(settings, connect_s) as reader:
        return [
            _of_topic(reader, spec, name, holds(spec, key), {key: one["value"] for key, one in configs[name].items()})
            for spec, name in zip(specs, names, strict=True)
        ]


def holds(spec: TopicSpec, key: str) -> _Holds:
    """Whether a value in a topic holds the incident of a key."""
    origin, incident_id = parts_of(key)
    if spec.direction is Direction.INTERNAL:
        text = orjson.dumps(key)
        return lambda value: text in value
    if spec.direction is Direction.IN or spec.topic is Topic.REJECTED:
        return lambda value: _is_told(value, origin, incident_id)
    return lambda value: any(
        (one.get("origin"), one.get("incident_id")) == (origin, incident_id) for one in _objects(orjson.loads(value))
    )


def _of_topic(reader: TopicReader, spec: TopicSpec, name: str, holds: _Holds, config: dict[str, str]) -> Copies:
    reader.start_at_beginning(reader.partitions_of(name))
    newest_ms = records = 0
    current = set[tuple[int, bytes]]()
    is_compacted = config["cleanup.policy"] == "compact"
    for batch in reader.read_to_end():
        for record in batch:
            place = record.partition, record.key or b""
            if record.value is None or not holds(record.value):
                current.discard(place)
                continue
            records, newest_ms = records + 1, max(newest_ms, record.timestamp)
            current.add(place)
    if is_compacted:
        return Copies(name, records, len(current), None)
    # A segment goes as a whole, when its newest record is as old as that.
    keeps_ms = int(config["retention.ms"]) + int(config["segment.ms"])
    return Copies(name, records, 0, newest_ms + keeps_ms if records else None)


def _is_told(value: bytes, origin: str, incident_id: str) -> bool:
    """Whether an input record is about the incident, or names its number and nobody's numbering; of one that is no
    JSON, whether it has the number in quotes.
    """
    try:
        found = list(_objects(json.loads(value)))
    except (ValueError, RecursionError):
        return f'"{incident_id}"'.encode() in value
    return any(
        one.get("incident_id") == incident_id and one.get("origin", one.get("source", origin)) == origin
        for one in found
    )


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    """A JSON value's objects, at any depth, and those of a CloudEvent's data."""
    if isinstance(value, list):
        for item in value:
            yield from _objects(item)
    elif isinstance(value, dict):
        yield value
        for item in value.values():
            yield from _objects(item)
        if isinstance(data := value.get("data_base64"), str):
            try:
                yield from _objects(json.loads(base64.b64decode(data)))
            except (ValueError, binascii.Error):
                return
