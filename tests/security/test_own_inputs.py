"""Nobody reports in another's name: who has an input of its own is held to it by Kafka, and everybody else by Siaga."""

import asyncio
import json
from collections.abc import Iterator

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import TopicAuthorizationFailedError

from tests.agents.test_worker import incident
from tests.security.deployment import USERS, GuardedDeployment
from tests.security.guarded import Guarded

#: The publisher whose input it is, and one of the common topics.
KPU, POLDA = USERS["publisher"], "polda"
FILE = """
[sources.kpu]
agency = "kpu"
input = "kpu"
[sources.polda]
agency = "polda"
"""


@pytest.fixture(scope="module")
def deployment(guarded: Guarded, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedDeployment]:
    directory = tmp_path_factory.mktemp("inputs")
    (directory / "sources.toml").write_text(FILE)
    guarded.add_users(POLDA)
    settings = {"SIAGA_TICK_SECONDS": "0.5", "SIAGA_SOURCES_FILE": str(directory / "sources.toml")}
    with GuardedDeployment(guarded, f"{directory.name}.", directory, **settings) as made:
        granted = made.grant("--publisher", POLDA)
        assert granted.returncode == 0, granted.stderr
        yield made


async def is_written(deployment: GuardedDeployment, user: str, topic: str, value: bytes) -> bool:
    """Whether the broker takes a record of this user."""
    producer = AIOKafkaProducer(**deployment.guarded.client(user))
    await producer.start()
    try:
        await producer.send_and_wait(deployment.prefix + topic, value, partition=0)
    except TopicAuthorizationFailedError:
        return False
    finally:
        await producer.stop()
    return True


def test_rights_on_an_input_are_granted_to_its_user_alone(deployment: GuardedDeployment):
    done = deployment.grant("--publisher", POLDA, "--check")
    assert done.returncode == 0, done.stdout
    writes = {line.split()[0] + " " + line.split()[3] for line in done.stdout.splitlines() if " write topic " in line}
    prefix, inputs = deployment.prefix, ("incidents", "turnout")
    assert {line for line in writes if line.startswith(KPU)} == {f"{KPU} {prefix}{kind}.kpu" for kind in inputs}
    assert {line for line in writes if line.startswith(POLDA)} == {f"{POLDA} {prefix}{kind}" for kind in inputs}


def test_the_user_of_an_input_is_granted_its_rights_without_being_named(deployment: GuardedDeployment):
    done = deployment.run("topics", "--acls", "--check", check=False, **deployment.guarded.settings("cluster-admin"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{KPU}  write topic {deployment.prefix}incidents.kpu  ok" in done.stdout.splitlines()


async def test_kafka_keeps_each_publisher_to_its_topics(deployment: GuardedDeployment):
    assert not await is_written(deployment, POLDA, "incidents.kpu", b"{}")
    assert not await is_written(deployment, POLDA, "turnout.kpu", b"{}")
    assert not await is_written(deployment, KPU, "incidents", b"{}")
    assert not await is_written(deployment, KPU, "turnout", b"{}")


async def test_a_report_in_anothers_name_is_rejected_on_either_topic(deployment: GuardedDeployment):
    deployment.start()
    assert await is_written(deployment, POLDA, "incidents", incident(1, source="kpu"))
    assert await is_written(deployment, KPU, "incidents.kpu", incident(2, source="polda"))
    assert await is_written(deployment, POLDA, "incidents", incident(3, source="polda"))
    assert await is_written(deployment, KPU, "incidents.kpu", incident(4, source="kpu"))
    async with asyncio.timeout(180):
        while len(await deployment.read("rejected")) < 2 or len(await applied(deployment)) < 2:
            await asyncio.sleep(0.2)
    assert await applied(deployment) == {"e-3", "e-4"}
    rejected = [(json.loads(r.value)["event_id"], r.headers) for r in await deployment.read("rejected")]
    assert {event: (headers["siaga.reason"], headers["siaga.error"]) for event, headers in rejected} == {
        "e-1": (b"source_not_allowed", b"source: reports on the input kpu only"),
        "e-2": (b"source_not_allowed", b"source: may not report on the input kpu"),
    }


async def applied(deployment: GuardedDeployment) -> set[str]:
    """The event ids on the ledger."""
    frames = [json.loads(record.value) for record in await deployment.read("ledger")]
    return {entry[2] for frame in frames for entry in frame if entry[0] == "i"}


def test_publish_sends_to_the_input_of_its_user(deployment: GuardedDeployment):
    line = incident(5, source="kpu") + b"\n"
    sent = deployment.siaga("publisher")("publish", "incidents", "--input", "kpu", stdin=line)
    assert (sent.status, sent.error_lines) == (0, ["1 read, 1 sent, 0 rejected"])
    refused = deployment.siaga("publisher")("publish", "incidents", stdin=line)
    assert refused.status == 1 and "TopicAuthorizationFailed" in refused.err


def test_rejected_records_of_an_input_are_redriven_by_its_user_alone(deployment: GuardedDeployment):
    source = {"topic": f"{deployment.prefix}incidents.kpu", "partition": 0, "offset": 1}
    line = json.dumps({"source": source, "key": None, "value": incident(6, source="kpu").decode()}).encode() + b"\n"
    file = {"SIAGA_SOURCES_FILE": str(deployment.directory / "sources.toml")}
    refused = deployment.siaga(POLDA)("redrive", "-", stdin=line, **file)
    assert refused.status == 1 and "source.topic" in refused.err, refused.err
    done = deployment.siaga("publisher")("redrive", "-", stdin=line, **file)
    assert (done.status, done.error_lines) == (0, ["1 read, 1 redriven, 0 still fail"])
