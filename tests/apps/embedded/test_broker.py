"""The embedded broker starts, keeps its data over stop and kill, and says in one line why it cannot."""

import os
import signal
import socket
import time
from pathlib import Path

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.admin import NewTopic

from apps.embedded import BrokerError, EmbeddedBroker
from apps.embedded.java import run_tool
from apps.embedded.ports import free_port, is_free


def publish(broker: EmbeddedBroker, topic: str, *values: bytes) -> None:
    producer = KafkaProducer(bootstrap_servers=broker.bootstrap, acks="all")
    futures = [producer.send(topic, value) for value in values]
    producer.flush(timeout=30)
    for future in futures:
        future.get(timeout=1)
    producer.close()


def create(broker: EmbeddedBroker, topic: str) -> None:
    admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap)
    admin.create_topics([NewTopic(topic, 1, 1)])
    admin.close()


def read(broker: EmbeddedBroker, topic: str, count: int) -> list[bytes]:
    consumer = KafkaConsumer(
        topic, bootstrap_servers=broker.bootstrap, auto_offset_reset="earliest", consumer_timeout_ms=20_000
    )
    values = [record.value for _, record in zip(range(count), consumer, strict=False)]
    consumer.close()
    return values


def test_records_survive_a_stop_and_a_kill_on_the_same_port(tmp_path: Path) -> None:
    broker = EmbeddedBroker(tmp_path / "b")
    with broker:
        bootstrap = broker.bootstrap
        create(broker, "kept")
        publish(broker, "kept", b"one")
        broker.restart()
        assert broker.bootstrap == bootstrap
        publish(broker, "kept", b"two")
        broker.kill()
        assert not broker.running
        broker.start()
        assert broker.bootstrap == bootstrap
        assert read(broker, "kept", 2) == [b"one", b"two"]
    assert not broker.running
    assert is_free(broker.port)


def test_data_can_move_to_another_port(tmp_path: Path) -> None:
    with EmbeddedBroker(tmp_path) as first:
        create(first, "kept")
        publish(first, "kept", b"one")
    with EmbeddedBroker(tmp_path, port=free_port()) as second:
        assert second.port != first.port
        assert read(second, "kept", 1) == [b"one"]


def test_a_misspelt_topic_is_not_created(broker: EmbeddedBroker, fresh_prefix: str) -> None:
    consumer = KafkaConsumer(bootstrap_servers=broker.bootstrap)
    assert consumer.partitions_for_topic(f"{fresh_prefix}misspelt") in (None, set())
    assert f"{fresh_prefix}misspelt" not in consumer.topics()
    consumer.close()


def test_the_broker_logs_to_its_file(broker: EmbeddedBroker) -> None:
    assert "KafkaRaftServer" in broker.log_path.read_text()


def test_kafkas_own_tools_run_on_the_same_jars(broker: EmbeddedBroker, fresh_prefix: str) -> None:
    topic = f"{fresh_prefix}by-tool"
    at = ["--bootstrap-server", broker.bootstrap]
    assert "Created topic" in run_tool("org.apache.kafka.tools.TopicCommand", *at, "--create", "--topic", topic)
    publish(broker, topic, b"one")
    consumer = ["--topic", topic, "--from-beginning", "--max-messages", "1"]
    assert run_tool("org.apache.kafka.tools.consumer.ConsoleConsumer", *at, *consumer) == "one\n"


def test_a_port_in_use_is_one_line_that_names_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", free_port())) as other:
        port = other.getsockname()[1]
        with pytest.raises(BrokerError, match=f"^port {port} is in use[^\n]*$"):
            EmbeddedBroker(tmp_path, port=port).start()


@pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="no /proc, where not even root may write, on this system"
)
def test_a_directory_that_cannot_be_written_is_one_line_that_names_it() -> None:
    with pytest.raises(BrokerError, match="^cannot write /proc/siaga-broker: [^\n]*$"):
        EmbeddedBroker("/proc/siaga-broker").start()


def test_the_probe_tells_clusters_apart_by_id(broker: EmbeddedBroker) -> None:
    from apps.embedded import probe

    assert probe.cluster_id(broker.port) == broker._cluster_id
    assert probe.cluster_id(free_port()) is None


def test_no_two_brokers_share_a_cluster_id(tmp_path: Path) -> None:
    """Ids are random and never start with a dash, which Kafka's tools would take for an option."""
    for index in range(200):
        assert not EmbeddedBroker(tmp_path / str(index))._load_node()["cluster"].startswith("-")


def test_a_broker_that_cannot_start_is_one_line_with_its_error(tmp_path: Path) -> None:
    with EmbeddedBroker(tmp_path) as broker:
        pass
    (broker.directory / "data" / "meta.properties").write_text("version=1\ncluster.id=another\nnode.id=7\n")
    with pytest.raises(BrokerError, match="^the embedded broker ended: [^\n]+$") as raised:
        EmbeddedBroker(tmp_path).start()
    assert "cluster" in str(raised.value) or "node" in str(raised.value)


def test_a_killed_broker_names_the_signal(tmp_path: Path) -> None:
    with EmbeddedBroker(tmp_path) as broker:
        os.kill(broker.pid, signal.SIGKILL)
        while broker.running:
            time.sleep(0.02)
        assert broker.end_in_words == "was killed by SIGKILL"
