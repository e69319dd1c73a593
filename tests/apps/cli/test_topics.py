"""`siaga topics` on a real broker: creates missing topics, reports differences, fixes configuration."""

from collections.abc import Iterator

import pytest
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType

from apps.embedded import EmbeddedBroker
from schemas.topics import SPECS
from tests.apps.cli.siaga import Done, Siaga


@pytest.fixture
def admin(broker: EmbeddedBroker) -> Iterator[KafkaAdminClient]:
    with KafkaAdminClient(bootstrap_servers=broker.bootstrap) as admin:
        yield admin


def outcomes(done: Done) -> dict[str, str]:
    """Topic without its prefix -> what the table says of it; the line of the brokers is left out."""
    table = {}
    for line in done.out.decode().splitlines():
        name, _partitions, outcome = line.split(maxsplit=2)
        if name != "brokers":
            table[name.split(".", 1)[1]] = outcome
    return table


def test_all_topics_are_created_with_their_configuration_and_then_verified(
    siaga: Siaga, admin: KafkaAdminClient, fresh_prefix: str
):
    first, second = siaga("topics"), siaga("topics")
    names = {spec.topic.value for spec in SPECS}
    assert (first.status, outcomes(first)) == (0, dict.fromkeys(names, "created"))
    assert (second.status, outcomes(second)) == (0, dict.fromkeys(names, "ok"))
    for topic in admin.describe_topics([fresh_prefix + name for name in names]):
        assert len(topic["partitions"]) == 3
    resource = ConfigResource(ConfigResourceType.TOPIC, fresh_prefix + "escalations")
    config = admin.describe_configs([resource], config_filter="all")["topic"][resource.name]
    assert config["retention.ms"]["value"] == str(180 * 86_400_000)
    assert config["message.timestamp.type"]["value"] == "LogAppendTime"
    assert config["compression.type"]["value"] == "producer"
    assert config["min.insync.replicas"]["value"] == "1"


def test_retention_follows_the_setting(siaga: Siaga, fresh_prefix: str):
    assert siaga("topics", "--retention-days", "90").status == 0
    said = outcomes(siaga("topics", "--check"))
    kept = {spec.topic.value for spec in SPECS if spec.retention_ms is not None}
    assert {name for name, outcome in said.items() if outcome != "ok"} == kept
    assert {said[name] for name in kept} == {"differs: retention.ms is 7776000000, must be 15552000000"}


def test_check_creates_nothing(siaga: Siaga, admin: KafkaAdminClient, fresh_prefix: str):
    done = siaga("topics", "--check")
    assert done.status == 1
    assert set(outcomes(done).values()) == {"missing"}
    assert not [name for name in admin.list_topics() if name.startswith(fresh_prefix)]


def test_a_differing_topic_is_reported_with_actual_and_needed_value(
    siaga: Siaga, admin: KafkaAdminClient, fresh_prefix: str
):
    wrong = {"num_partitions": 2, "replication_factor": 1, "configs": {"retention.ms": "1000"}}
    admin.create_topics({fresh_prefix + "incidents": wrong})
    done = siaga("topics")
    assert done.status == 1
    said = outcomes(done)
    assert said.pop("incidents") == (
        "differs: message.timestamp.type is CreateTime, must be LogAppendTime; "
        "retention.ms is 1000, must be 15552000000"
    )
    assert set(said.values()) == {"created"}


def test_fix_sets_configuration_and_leaves_the_partitions(siaga: Siaga, admin: KafkaAdminClient, fresh_prefix: str):
    configs = {"cleanup.policy": "delete", "compression.type": "gzip"}
    admin.create_topics({fresh_prefix + "risk": {"num_partitions": 3, "replication_factor": 1, "configs": configs}})
    admin.create_topics({fresh_prefix + "ledger": {"num_partitions": 1, "replication_factor": 1}})
    admin.create_topics({fresh_prefix + "turnout": {"num_partitions": 7, "replication_factor": 1}})
    fixed = siaga("topics", "--fix")
    assert fixed.status == 1  # for the ledger's partitions; an input may have any number
    assert outcomes(fixed)["risk"].startswith("fixed: ")
    assert outcomes(fixed)["ledger"] == "differs: partitions is 1, must be 3"
    assert outcomes(fixed)["turnout"].startswith("fixed: ")
    checked = outcomes(siaga("topics", "--check"))
    assert checked["risk"] == checked["turnout"] == "ok"
    assert checked["ledger"] == "differs: partitions is 1, must be 3"


def test_a_topic_that_takes_too_little_is_named_and_one_that_takes_more_is_not(
    siaga: Siaga, admin: KafkaAdminClient, fresh_prefix: str
):
    for name, bytes_max in (("ledger", "200000"), ("risk-state", "8000000")):
        settings = {"num_partitions": 3, "replication_factor": 1, "configs": {"max.message.bytes": bytes_max}}
        admin.create_topics({fresh_prefix + name: settings})
    said = outcomes(siaga("topics", "--check"))
    assert "max.message.bytes is 200000, must be at least 1048588" in said["ledger"]
    assert "max.message.bytes" not in said["risk-state"]
    siaga("topics", "--fix")
    assert set(outcomes(siaga("topics", "--check")).values()) == {"ok"}


def test_more_replicas_than_brokers_is_one_line(siaga: Siaga):
    done = siaga("topics", "--replication", "3")
    assert done.status == 1
    assert len(done.error_lines) == 1 and "not created" in done.err
