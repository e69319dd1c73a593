"""`siaga topics` on three brokers whose every setting is wrong: each is named, none is taken for right."""

from collections.abc import Iterator

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer

from apps.embedded import EmbeddedCluster, Extra
from tests.apps.cli.siaga import Done, Siaga

WRONG = {
    "default.replication.factor": "1",
    "min.insync.replicas": "1",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transactional.id.expiration.ms": "60000",
    "group.min.session.timeout.ms": "20000",
    "socket.request.max.bytes": "2097152",
    "offsets.retention.minutes": "60",
    "auto.create.topics.enable": "true",
}
NAMED = (
    "transactional.id.expiration.ms is 60000, must be at least 86400000",
    "group.min.session.timeout.ms is 20000, must be at most 10000",
    "socket.request.max.bytes is 2097152, must be at least 16777216",
    "offsets.retention.minutes is 60, should be at least 259200",
    "auto.create.topics.enable is true, should be false",
    "transaction.max.timeout.ms is 5000, must be at least 10000 (broker 2)",
)
NEW_INTERNAL = (
    "offsets.topic.replication.factor is 1, must be at least 3",
    "transaction.state.log.replication.factor is 1, must be at least 3",
    "transaction.state.log.min.isr is 1, must be at least 2",
)


@pytest.fixture(scope="module")
def wrong(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedCluster]:
    extras = {node: Extra(properties=WRONG) for node in (1, 2, 3)}
    extras[2] = Extra(properties=WRONG | {"transaction.max.timeout.ms": "5000"})
    with EmbeddedCluster(tmp_path_factory.mktemp("wrong"), extras=extras) as cluster:
        yield cluster


@pytest.fixture
def siaga(wrong: EmbeddedCluster) -> Siaga:
    return Siaga({"SIAGA_BROKER": wrong.bootstrap, "SIAGA_PARTITIONS": "3"})


def lines(done: Done) -> dict[str, str]:
    """What is said of each topic, and of the brokers."""
    return {line.split()[0]: line.split(maxsplit=2)[2] for line in done.out.decode().splitlines()}


def use_transactions_and_a_group(bootstrap: str) -> None:
    """Kafka makes its own topics at their first use."""
    producer = KafkaProducer(bootstrap_servers=bootstrap, transactional_id="x", transaction_timeout_ms=4000)
    producer.init_transactions()
    producer.close()
    consumer = KafkaConsumer("siaga.risk", bootstrap_servers=bootstrap, group_id="x", session_timeout_ms=20_000)
    consumer.poll(timeout_ms=10_000)
    consumer.close()


def test_every_wrong_setting_is_named_and_what_can_be_set_is(siaga: Siaga, wrong: EmbeddedCluster):
    with KafkaAdminClient(bootstrap_servers=wrong.bootstrap) as admin:
        admin.create_topics({"siaga.ledger": {"num_partitions": 3, "replication_factor": 1}})
        made = siaga("topics")
        said = lines(made)
        assert made.status == 1
        assert said.pop("siaga.incidents") == "created"
        assert "replication is 1, must be at least 3" in said["siaga.ledger"]
        assert all(line in said["brokers"] for line in (*NAMED, *NEW_INTERNAL)), said["brokers"]
        topics = {topic["name"]: topic for topic in admin.describe_topics(["siaga.risk", "siaga.incidents"])}
        assert {len(p["replica_nodes"]) for topic in topics.values() for p in topic["partitions"]} == {3}

        use_transactions_and_a_group(wrong.bootstrap)
        said = lines(siaga("topics", "--check"))
        assert said["brokers"].count("replication.factor") == 0, "Kafka's own topics exist: what they are counts"
        for topic in ("__consumer_offsets", "__transaction_state"):
            assert said[topic] == "differs: replication is 1, must be at least 3", topic
        assert said["siaga.risk"] == "ok"

        admin.alter_configs(_wrong_risk())
        assert "min.insync.replicas is 1, must be 2" in lines(siaga("topics", "--check"))["siaga.risk"]
        assert lines(siaga("topics", "--fix"))["siaga.risk"].startswith("fixed: ")
        said = lines(siaga("topics", "--check"))
        assert said["siaga.risk"] == "ok"
        assert said["siaga.ledger"] == "differs: replication is 1, must be at least 3", "two of one could not write"


def test_a_broker_that_has_just_ended_does_not_end_the_comparison(siaga: Siaga, wrong: EmbeddedCluster):
    wrong.brokers[2].kill()  # still listed until its session expires
    done = siaga("topics", "--check")
    assert done.err.count("Error") == 0, done.err
    said = lines(done)
    assert "transactional.id.expiration.ms is 60000" in said["brokers"]
    assert "broker 3 does not answer" in said["brokers"] or "(broker 2)" in said["brokers"]


def _wrong_risk() -> list[object]:
    from kafka.admin import ConfigResource, ConfigResourceType

    wrong = {"min.insync.replicas": "1", "unclean.leader.election.enable": "true", "segment.bytes": "1073741824"}
    return [ConfigResource(ConfigResourceType.TOPIC, "siaga.risk", wrong)]
