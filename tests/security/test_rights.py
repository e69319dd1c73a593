"""Least privilege, by attempts with real clients: what each role must do succeeds, all else is refused by the broker."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    KafkaTimeoutError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)
from kafka import KafkaAdminClient
from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    ConfigResource,
    ConfigResourceType,
    NewTopic,
    ResourcePattern,
    ResourceType,
)
from kafka.errors import TopicAuthorizationFailedError as KafkaPythonTopicRefused

from schemas.topics import Topic
from tests.agents.cli.siaga import Siaga
from tests.security.deployment import STRANGER, USERS, GuardedDeployment

INPUTS = (Topic.INCIDENTS, Topic.TURNOUT)
INTERNAL = (Topic.POSITIONS, Topic.LEDGER, Topic.STATE)
PUBLIC = (Topic.RISK, Topic.PROVINCE, Topic.ESCALATIONS)
EVERY = tuple(Topic)
MAY_WRITE = {"publisher": INPUTS, "processor": (*INTERNAL, *PUBLIC, Topic.REJECTED), "reader": (), "operator": ()}
MAY_READ = {"publisher": (), "processor": (*INPUTS, *INTERNAL), "reader": PUBLIC, "operator": EVERY}
ROLES = tuple(USERS)


@pytest.fixture
async def filled(deployment: GuardedDeployment) -> GuardedDeployment:
    """Every topic holds something to read, put there past the guards."""
    producer = AIOKafkaProducer(bootstrap_servers=deployment.bootstrap)
    await producer.start()
    for topic in EVERY:
        await producer.send_and_wait(deployment.prefix + topic, b"{}", key=b"k", partition=0)
    await producer.stop()
    return deployment


async def refused(attempt: Callable[[], Awaitable[object]], error: type[Exception]) -> bool:
    try:
        await attempt()
    except error:
        return True
    return False


@pytest.mark.parametrize("role", [*ROLES, STRANGER])
async def test_a_role_writes_its_topics_and_no_other(deployment: GuardedDeployment, role: str):
    producer = AIOKafkaProducer(**deployment.guarded.client(USERS.get(role, role)), enable_idempotence=False)
    await producer.start()
    try:
        denied = {
            topic
            for topic in EVERY
            if await refused(
                lambda topic=topic: producer.send_and_wait(deployment.prefix + topic, b"{}", key=b"k", partition=0),
                TopicAuthorizationFailedError,
            )
        }
    finally:
        await producer.stop()
    assert set(EVERY) - denied == set(MAY_WRITE.get(role, ()))


@pytest.mark.parametrize("role", [*ROLES, STRANGER])
async def test_a_role_reads_its_topics_and_no_other(filled: GuardedDeployment, role: str):
    deployment = filled
    client = deployment.guarded.client(USERS.get(role, role))
    # To whom a topic is hidden, its partitions never appear: the time-out is how long this client looks for them.
    consumer = AIOKafkaConsumer(**client, auto_offset_reset="earliest", request_timeout_ms=1500)
    await consumer.start()

    async def seen(topic: Topic) -> bool:
        return not await refused(
            lambda: consumer.end_offsets([TopicPartition(deployment.prefix + topic, 0)]), KafkaTimeoutError
        )

    async def read(topic: Topic) -> None:
        partition = TopicPartition(deployment.prefix + topic, 0)
        consumer.assign([partition])
        await asyncio.wait_for(consumer.getone(partition), 20)

    try:
        visible = [t for t, is_seen in zip(EVERY, await asyncio.gather(*map(seen, EVERY)), strict=True) if is_seen]
        allowed = [t for t in visible if not await refused(lambda t=t: read(t), TopicAuthorizationFailedError)]
    finally:
        await consumer.stop()
    assert set(allowed) == set(MAY_READ.get(role, ()))
    assert set(visible) == {*MAY_READ.get(role, ()), *MAY_WRITE.get(role, ())}


async def test_an_idempotent_producer_needs_no_further_right(deployment: GuardedDeployment):
    producer = AIOKafkaProducer(**deployment.guarded.client(USERS["publisher"]), enable_idempotence=True)
    await producer.start()
    await producer.send_and_wait(deployment.prefix + Topic.INCIDENTS, b"{}", partition=0)
    await producer.stop()


@pytest.mark.parametrize("role", ["publisher", "reader", "operator"])
async def test_only_a_worker_joins_the_workers_group(deployment: GuardedDeployment, role: str):
    client = deployment.guarded.client(USERS[role])
    consumer = AIOKafkaConsumer(deployment.prefix + Topic.RISK, **client, group_id=deployment.group)
    with pytest.raises((GroupAuthorizationFailedError, TopicAuthorizationFailedError)):
        try:
            await consumer.start()
            await consumer.getone()
        finally:
            await consumer.stop()


@pytest.mark.parametrize("role", ["publisher", "operator"])
async def test_nobody_else_fences_a_worker(deployment: GuardedDeployment, role: str):
    """A producer with a worker's transactional id would throw that worker out."""
    stolen = f"{deployment.group}-risk-{deployment.prefix}ledger-0"
    producer = AIOKafkaProducer(**deployment.guarded.client(USERS[role]), transactional_id=stolen)
    with pytest.raises(TransactionalIdAuthorizationFailed):
        try:
            await producer.start()
        finally:
            await producer.stop()


@pytest.mark.parametrize("role", ROLES)
def test_no_role_creates_or_deletes_a_topic(deployment: GuardedDeployment, role: str):
    with KafkaAdminClient(**deployment.guarded.client(USERS[role])) as admin:
        answer = admin.create_topics([NewTopic(f"{deployment.prefix}mine", 1, 1)], raise_errors=False)
        assert answer["topics"][0]["error_code"] == KafkaPythonTopicRefused.errno
        with pytest.raises(KafkaPythonTopicRefused):
            admin.delete_topics([deployment.prefix + Topic.INCIDENTS])


@pytest.mark.parametrize("role", ROLES)
def test_only_the_operator_changes_a_topics_configuration(deployment: GuardedDeployment, role: str):
    name = deployment.prefix + Topic.REJECTED
    with KafkaAdminClient(**deployment.guarded.client(USERS[role])) as admin:
        week = ConfigResource(ConfigResourceType.TOPIC, name, configs={"retention.ms": "604800000"})
        try:
            answer = admin.alter_configs([week], raise_on_unknown=False)["topic"][name]
        except KafkaPythonTopicRefused as error:
            answer = str(error)
    assert (answer == "OK") is (role == "operator"), answer


async def test_a_stranger_does_not_even_learn_the_topics_names(deployment: GuardedDeployment):
    admin = AIOKafkaAdminClient(**deployment.guarded.client(STRANGER))
    await admin.start()
    assert await admin.list_topics() == []
    await admin.close()


def test_granting_again_changes_nothing_and_a_check_finds_nothing(deployment: GuardedDeployment):
    for done in (deployment.grant(), deployment.grant("--check")):
        assert done.returncode == 0, done.stdout
        rights = done.stdout.splitlines()[len(EVERY) :]
        assert rights and all(line.endswith("  ok") for line in rights)


def test_a_check_tells_what_is_missing_and_grants_nothing(deployment: GuardedDeployment):
    for _ in range(2):
        done = deployment.grant("--publisher", STRANGER, "--check")
        assert done.returncode == 1
        missing = [line for line in done.stdout.splitlines() if line.endswith("missing")]
        assert missing == [f"{STRANGER}  write topic {deployment.prefix}{topic}  missing" for topic in INPUTS]


def test_a_right_beyond_the_role_is_told_and_left_alone(deployment: GuardedDeployment):
    pattern = ResourcePattern(ResourceType.TOPIC, deployment.prefix + Topic.LEDGER)
    excess = ACL(f"User:{USERS['reader']}", "*", ACLOperation.READ, ACLPermissionType.ALLOW, pattern)
    with KafkaAdminClient(bootstrap_servers=deployment.bootstrap) as admin:
        admin.create_acls([excess])
        try:
            told = f"{USERS['reader']}  read topic {deployment.prefix}ledger  surplus"
            for options, status in (((), 0), (("--check",), 1), (("--check",), 1)):
                done = deployment.grant(*options)
                assert (done.returncode, told in done.stdout.splitlines()) == (status, True), done.stdout
        finally:
            admin.delete_acls([excess])


def test_only_the_administrator_grants(deployment: GuardedDeployment):
    done = deployment.siaga("operator")("topics", "--check", "--acls", "--reader", STRANGER)
    assert done.status == 1
    reason = "it takes Alter and Describe on the cluster; sign in as its administrator"
    assert done.error_lines == [f"Error: cannot read the rights of {STRANGER}: {reason}"]


def test_a_broker_without_an_authorizer_is_told_so(broker, fresh_prefix):
    siaga = Siaga({"SIAGA_BROKER": broker.bootstrap, "SIAGA_TOPIC_PREFIX": fresh_prefix, "SIAGA_PARTITIONS": "1"})
    done = siaga("topics", "--acls", "--reader", "papan")
    assert (done.status, len(done.error_lines)) == (1, 1)
    assert "no authorizer" in done.err


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--acls",), "name at least one"),
        (("--reader", "papan"), "for --acls"),
        (("--acls", "--reader", "*"), "--reader"),
        (("--acls", "--reader", "a b"), "--reader"),
        (("--acls", "--reader", "papan", "--quota", "4096"), "--publisher"),
    ],
)
def test_asking_wrongly_is_one_line_before_any_broker_is_asked(arguments: tuple[str, ...], named: str):
    done = Siaga({"SIAGA_BROKER": "127.0.0.1:1"})("topics", *arguments)
    assert (done.status, len(done.error_lines)) == (2, 1)
    assert named in done.err
