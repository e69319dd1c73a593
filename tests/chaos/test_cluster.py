"""Which workers a chaos run starts again, as a deployment would."""

from types import SimpleNamespace

import pytest

from tests.chaos.cluster import Cluster

ENDS = {
    "waited": "echo looking; echo 'Error: no Kafka at 127.0.0.1:1: KafkaTimeoutError'; exit 1",
    "refused": "echo 'Error: no Kafka at first'; echo 'Error: chaos.ledger: no such topic'; exit 1",
    "killed": "echo 'Error: no Kafka at 127.0.0.1:1: KafkaTimeoutError'; kill -9 $$",
    "done": "echo 'Error: no Kafka at 127.0.0.1:1: KafkaTimeoutError'; exit 0",
}


@pytest.fixture
def cluster(tmp_path):
    nowhere = "127.0.0.1:1"  # never connected to: the workers here are shells
    cluster = Cluster(SimpleNamespace(bootstrap=nowhere), tmp_path, workers_see=nowhere)
    for name, script in ENDS.items():
        cluster.start(name, command=("sh", "-c", script)).wait(20)
    return cluster


def test_only_a_worker_whose_last_line_is_no_kafka_gave_up(cluster):
    assert cluster.gave_up() == ["waited"]
    assert cluster.alive() == []
