"""Three embedded brokers: acknowledged records survive one of them, and nothing of them survives its parent."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from kafka import KafkaAdminClient

from apps.embedded import BrokerError, EmbeddedCluster
from apps.embedded.ports import is_free
from tests.apps.embedded.test_broker import publish, read

ROOT = Path(__file__).resolve().parents[3]
PARENT = """
import sys, time
from apps.embedded import EmbeddedCluster
cluster = EmbeddedCluster(sys.argv[1]).start()
print(*(broker.pid for broker in cluster.brokers), flush=True)
time.sleep(600)
"""


def test_records_survive_a_killed_broker_and_a_stop_of_all(tmp_path: Path) -> None:
    with EmbeddedCluster(tmp_path) as cluster:
        bootstrap, ports = cluster.bootstrap, [broker.port for broker in cluster.brokers]
        with KafkaAdminClient(bootstrap_servers=bootstrap) as admin:
            admin.create_topics({"kept": {"num_partitions": 1}})
            admin.wait_for_topics(["kept"])
            (topic,) = admin.describe_topics(["kept"])
            replicas, leader = topic["partitions"][0]["replica_nodes"], topic["partitions"][0]["leader_id"]
            assert sorted(replicas) == [1, 2, 3]
        publish(cluster, "kept", b"one")
        cluster.brokers[leader - 1].kill()
        assert not cluster.running
        publish(cluster, "kept", b"two")
        cluster.start()
        assert cluster.running
        cluster.stop()
        assert all(map(is_free, ports))
        cluster.start()
        assert cluster.bootstrap == bootstrap
        assert read(cluster, "kept", 2) == [b"one", b"two"]
    with pytest.raises(BrokerError, match="holds a cluster of 3 brokers, not 1; use another directory"):
        EmbeddedCluster(tmp_path, count=1).start()


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel ends children with their parent on Linux only")
def test_a_killed_parent_leaves_no_broker(tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    with parent:
        assert parent.stdout is not None
        pids = [int(word) for word in parent.stdout.readline().split()]
        assert len(pids) == 3
        parent.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 60
    while left := [pid for pid in pids if _runs(pid)]:
        assert time.monotonic() < deadline, left
        time.sleep(0.05)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
