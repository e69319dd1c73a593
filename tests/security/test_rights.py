"""Least privilege, tested with real clients: what each role must do succeeds, the broker refuses all else."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

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
    ACLResourcePatternType,
    ConfigResource,
    ConfigResourceType,
    NewTopic,
    ResourcePattern,
    ResourceType,
)
from kafka.errors import TopicAuthorizationFailedError as KafkaPythonTopicRefused

from agents.topology import STAGES
from schemas.topics import Topic
from tests.apps.cli.siaga import Siaga
from tests.security.deployment import STRANGER, USERS, GuardedDeployment

INPUTS = (Topic.INCIDENTS, Topic.TURNOUT)
INTERNAL = (Topic.POSITIONS, Topic.LEDGER, Topic.STATE, Topic.OWNERS, Topic.STATUS)
PUBLIC = (Topic.RISK, Topic.PROVINCE, Topic.ESCALATIONS)
EVERY = tuple(Topic)
MAY_WRITE = {
    "publisher": INPUTS,
    "processor": (*INTERNAL, *PUBLIC, Topic.REJECTED),
    "decider": (Topic.LEDGER,),
    "sender": (Topic.NOTIFICATIONS, Topic.STATUS),
    "reader": (Topic.STATUS,),
}
MAY_READ = {
    "processor": (*INPUTS, *INTERNAL, *PUBLIC, Topic.REJECTED),
    "reader": PUBLIC,
    "sender": (Topic.ESCALATIONS, Topic.NOTIFICATIONS),
    "decider": (Topic.RISK, Topic.STATE),
    "operator": EVERY,
}
#: What a role may see and neither read nor write: a worker checks at its start that every topic exists.
MAY_SEE = {"processor": (Topic.NOTIFICATIONS,)}
ROLES = tuple(USERS)


@pytest.fixture
async def filled(deployment: GuardedDeployment) -> GuardedDeployment:
    """Every topic holds something to read, written past the authorizer."""
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
    # Partitions of a hidden topic never appear: the time-out is how long this client looks for them.
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
    assert set(visible) == {*MAY_READ.get(role, ()), *MAY_WRITE.get(role, ()), *MAY_SEE.get(role, ())}


async def test_an_idempotent_producer_needs_no_further_right(deployment: GuardedDeployment):
    producer = AIOKafkaProducer(**deployment.guarded.client(USERS["publisher"]), enable_idempotence=True)
    await producer.start()
    await producer.send_and_wait(deployment.prefix + Topic.INCIDENTS, b"{}", partition=0)
    await producer.stop()


async def join(deployment: GuardedDeployment, role: str, group: str) -> None:
    client = deployment.guarded.client(USERS[role])
    consumer = AIOKafkaConsumer(deployment.prefix + Topic.ESCALATIONS, **client, group_id=group)
    try:
        await consumer.start()
        await asyncio.wait_for(consumer.getone(), 20)
    finally:
        await consumer.stop()


async def commit(deployment: GuardedDeployment, role: str, group: str, offset: int) -> None:
    """Move a group's position without being its member, as someone would who wants records skipped."""
    client = deployment.guarded.client(USERS[role])
    consumer = AIOKafkaConsumer(**client, group_id=group, enable_auto_commit=False)
    await consumer.start()
    try:
        partition = TopicPartition(deployment.prefix + Topic.ESCALATIONS, 0)
        consumer.assign([partition])
        await consumer.commit({partition: offset})
    finally:
        await consumer.stop()


@pytest.mark.parametrize("role", [role for role in ROLES if role != "processor"])
async def test_only_a_worker_joins_the_workers_group(deployment: GuardedDeployment, role: str):
    with pytest.raises((GroupAuthorizationFailedError, TopicAuthorizationFailedError)):
        await join(deployment, role, deployment.group)
    with pytest.raises(GroupAuthorizationFailedError):
        await commit(deployment, role, deployment.group, 7)


@pytest.mark.parametrize("role", [role for role in ROLES if role != "sender"])
async def test_only_a_sender_joins_a_senders_group_or_moves_its_position(filled: GuardedDeployment, role: str):
    """Whoever could move it would make it skip escalations."""
    group = f"{filled.group}-sender-webhook-law"
    others = () if Topic.ESCALATIONS in MAY_READ.get(role, ()) else (TopicAuthorizationFailedError,)
    with pytest.raises((GroupAuthorizationFailedError, *others)):
        await join(filled, role, group)
    with pytest.raises(GroupAuthorizationFailedError):
        await commit(filled, role, group, 7)
    await commit(filled, "sender", group, 0)


@pytest.mark.parametrize("role", ["reader", "sender"])
async def test_readers_have_groups_in_which_a_sender_commits_nothing(filled: GuardedDeployment, role: str):
    group = f"{filled.group}-reader-webhook-law"
    assert await refused(lambda: commit(filled, role, group, 0), GroupAuthorizationFailedError) is (role == "sender")


async def fence(deployment: GuardedDeployment, role: str, transactional_id: str) -> None:
    """Begin as a producer of this id, which throws out the one before."""
    producer = AIOKafkaProducer(**deployment.guarded.client(USERS[role]), transactional_id=transactional_id)
    try:
        await producer.start()
    finally:
        await producer.stop()


@pytest.mark.parametrize("role", [role for role in ROLES if role != "processor"])
@pytest.mark.parametrize("stage", [stage.name for stage in STAGES])
async def test_nobody_else_fences_a_worker(deployment: GuardedDeployment, role: str, stage: str):
    with pytest.raises(TransactionalIdAuthorizationFailed):
        await fence(deployment, role, f"{deployment.group}-{stage}-lane-0-of-2")


async def test_a_worker_fences_no_id_of_a_group_with_the_same_beginning(deployment: GuardedDeployment):
    await fence(deployment, "processor", f"{deployment.group}-risk-lane-0-of-1")
    for foreign in ("-x-risk-lane-0-of-2", "-risk-x-risk-lane-0-of-2", "x-risk-lane-0-of-2", "-anything"):
        with pytest.raises(TransactionalIdAuthorizationFailed):
            await fence(deployment, "processor", deployment.group + foreign)


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
        same = ConfigResource(ConfigResourceType.TOPIC, name, configs={"retention.ms": "15552000000"})
        try:
            answer = admin.alter_configs([same], raise_on_unknown=False)["topic"][name]
        except KafkaPythonTopicRefused as error:
            answer = str(error)
    assert (answer == "OK") is (role == "operator"), answer


async def test_a_stranger_does_not_see_the_topics_names(deployment: GuardedDeployment):
    admin = AIOKafkaAdminClient(**deployment.guarded.client(STRANGER))
    await admin.start()
    assert await admin.list_topics() == []
    await admin.close()


def test_granting_again_changes_nothing_and_a_check_finds_nothing(deployment: GuardedDeployment):
    for done in (deployment.grant(), deployment.grant("--check")):
        assert done.returncode == 0, done.stdout
        rights = done.stdout.splitlines()[len(EVERY) :]
        assert rights and all(line.endswith("  ok") for line in rights)


def test_a_check_lists_what_is_missing_and_grants_nothing(deployment: GuardedDeployment):
    for _ in range(2):
        done = deployment.grant("--publisher", STRANGER, "--check")
        assert done.returncode == 1
        missing = [line for line in done.stdout.splitlines() if line.endswith("missing")]
        assert missing == [f"{STRANGER}  write topic {deployment.prefix}{topic}  missing" for topic in INPUTS]


LITERAL, PREFIXED = ACLResourcePatternType.LITERAL, ACLResourcePatternType.PREFIXED
TOPIC, GROUP, IDS = ResourceType.TOPIC, ResourceType.GROUP, ResourceType.TRANSACTIONAL_ID
CLUSTER = (ResourceType.CLUSTER, "kafka-cluster", LITERAL)
#: Rights beyond the roles: principal, operation, host, resource (`~` is the deployment's prefix), and their line.
BEYOND = [
    ("papan", "READ", "*", (TOPIC, "~ledger", LITERAL), "papan  read topic ~ledger"),
    ("papan", "READ", "*", (TOPIC, "~", PREFIXED), "papan  read topic ~*"),
    ("papan", "READ", "192.0.2.7", (TOPIC, "~ledger", LITERAL), "papan  read topic ~ledger from 192.0.2.7"),
    ("papan", "READ", "*", (GROUP, "~workers", LITERAL), "papan  read group ~workers"),
    ("papan", "READ", "*", (GROUP, "~workers-s", PREFIXED), "papan  read group ~workers-s*"),
    ("papan", "READ", "*", (GROUP, "~workers-sender-a", LITERAL), "papan  read group ~workers-sender-a"),
    ("papan", "READ", "*", (GROUP, "*", LITERAL), "papan  read group *"),
    ("mesin", "WRITE", "*", (IDS, "~workers-", PREFIXED), "mesin  write transactional id ~workers-*"),
    ("papan", "ALTER", "*", CLUSTER, "papan  alter cluster kafka-cluster"),
    ("*", "READ", "*", (TOPIC, "~rejected", LITERAL), "*  read topic ~rejected"),
    ("*", "WRITE", "192.0.2.7", (IDS, "*", LITERAL), "*  write transactional id * from 192.0.2.7"),
]
#: Not Siaga's, or the role's own from one host alone.
WITHIN = [
    ("papan", "READ", "*", (TOPIC, "elsewhere", LITERAL)),
    ("papan", "READ", "*", (GROUP, "~workers-x", LITERAL)),
    ("papan", "READ", "192.0.2.7", (TOPIC, "~risk", LITERAL)),
    ("mesin", "WRITE", "*", (IDS, "~workers-x-risk-lane-", PREFIXED)),
]


@contextmanager
def granted(deployment: GuardedDeployment, *rights: tuple) -> Iterator[None]:
    """These rights besides, granted past the authorizer."""
    acls = [
        ACL(
            f"User:{user}",
            host,
            ACLOperation[operation],
            ACLPermissionType.ALLOW,
            ResourcePattern(kind, name.replace("~", deployment.prefix), pattern),
        )
        for user, operation, host, (kind, name, pattern), *_ in rights
    ]
    with KafkaAdminClient(bootstrap_servers=deployment.bootstrap) as admin:
        assert not admin.create_acls(acls)["failed"]
        try:
            yield
        finally:
            admin.delete_acls(acls)


def test_a_right_beyond_the_role_is_listed_and_left_alone(deployment: GuardedDeployment):
    lines = {text.replace("~", deployment.prefix) + "  surplus" for *_, text in BEYOND}
    with granted(deployment, *BEYOND, *WITHIN):
        for options, status in (((), 0), (("--check",), 1), (("--check",), 1)):
            done = deployment.grant(*options)
            surplus = [line for line in done.stdout.splitlines() if line.endswith("  surplus")]
            assert (done.returncode, set(surplus), len(surplus)) == (status, lines, len(lines)), done.stdout


def test_only_the_administrator_grants(deployment: GuardedDeployment):
    done = deployment.siaga("operator")("topics", "--check", "--acls", "--reader", STRANGER)
    assert done.status == 1
    reason = "it takes Alter and Describe on the cluster; sign in as its administrator"
    assert done.error_lines == [f"Error: cannot read the rights of {STRANGER}: {reason}"]


def test_granting_on_a_broker_without_an_authorizer_is_one_line(broker, fresh_prefix):
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
def test_wrong_options_are_one_line_before_any_broker_is_called(arguments: tuple[str, ...], named: str):
    done = Siaga({"SIAGA_BROKER": "127.0.0.1:1"})("topics", *arguments)
    assert (done.status, len(done.error_lines)) == (2, 1)
    assert named in done.err
