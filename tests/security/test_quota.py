"""The broker slows a publisher above its quota; nothing it sent is dropped, and no other publisher waits."""

import pytest
from kafka import KafkaProducer

from agents.kafka.quotas import PUBLISHER_BYTES_PER_S
from schemas.topics import Topic
from tests.security.deployment import STRANGER, USERS, GuardedDeployment

QUOTA = 16 * 1024
RECORDS = 96


@pytest.fixture(scope="module")
def limited(deployment: GuardedDeployment) -> str:
    """A user who may publish, slowly."""
    user = "terlalu-cepat"
    deployment.guarded.add_users(user)
    done = deployment.grant("--publisher", user, "--quota", str(QUOTA))
    assert done.returncode == 0 and f"{user}  {QUOTA} bytes/s  set" in done.stdout, done.stdout
    # The quota was set for every publisher named; the deployment's own gets more again.
    assert deployment.grant("--quota", str(1 << 30)).returncode == 0
    return user


def publish(deployment: GuardedDeployment, user: str) -> tuple[int, float]:
    """(records acknowledged, longest time the broker made it wait in ms) of 96 records of 1 KiB."""
    producer = KafkaProducer(**deployment.guarded.client(user), batch_size=32 * 1024, linger_ms=50)
    try:
        futures = [producer.send(deployment.prefix + Topic.INCIDENTS, b"x" * 1024, partition=0) for _ in range(RECORDS)]
        acknowledged = [future.get(timeout=60) for future in futures]
        return len(acknowledged), max(_waits_ms(producer), default=0.0)
    finally:
        producer.close()


def _waits_ms(producer: KafkaProducer) -> list[float]:
    """Longest throttle times that the broker reported, in every group of metrics that has one."""
    groups = producer.metrics().values()
    return [value for group in groups for name, value in group.items() if "throttle-time-max" in name and value > 0]


def test_a_limited_publisher_waits_loses_nothing_and_delays_no_other(deployment: GuardedDeployment, limited: str):
    acknowledged, waited_ms = publish(deployment, limited)
    assert acknowledged == RECORDS
    assert waited_ms > 0
    acknowledged, waited_ms = publish(deployment, USERS["publisher"])
    assert (acknowledged, waited_ms) == (RECORDS, 0)


def test_a_check_compares_the_quota_and_changes_none(deployment: GuardedDeployment, limited: str):
    def check(quota: int, user: str) -> str:
        done = deployment.run(
            *("topics", "--check", "--acls", "--publisher", user, "--quota", str(quota)),
            check=False,
            **deployment.guarded.settings("cluster-admin"),
        )
        return done.stdout.splitlines()[-1]

    for _ in range(2):
        assert check(QUOTA, limited) == f"{limited}  {QUOTA} bytes/s  ok"
        assert check(99_999, limited) == f"{limited}  is {QUOTA} bytes/s, must be 99999 bytes/s  differs"
    assert check(QUOTA, STRANGER) == f"{STRANGER}  is unlimited, must be {QUOTA} bytes/s  differs"


def test_who_has_no_limit_gets_the_default_and_who_has_one_keeps_it(deployment: GuardedDeployment, limited: str):
    user = "tanpa-batas"
    deployment.guarded.add_users(user)
    named = ("--publisher", user, "--publisher", limited)
    admin = deployment.guarded.settings("cluster-admin")
    before = deployment.run("topics", "--check", "--acls", *named, check=False, **admin).stdout.splitlines()
    assert f"{user}  is unlimited, must be {PUBLISHER_BYTES_PER_S} bytes/s  differs" in before
    for state in ("set", "ok"):
        lines = deployment.run("topics", "--acls", *named, check=False, **admin).stdout.splitlines()
        assert f"{user}  {PUBLISHER_BYTES_PER_S} bytes/s  {state}" in lines
        assert f"{limited}  {QUOTA} bytes/s  ok" in lines
