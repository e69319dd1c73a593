"""A record that is larger than an input topic takes is refused by the broker, before anybody has to read it."""

import json
import os
from collections.abc import Iterator

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import MessageSizeTooLargeError
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType

from schemas.topics import INPUT_MESSAGE_MAX_BYTES, INPUTS, Topic
from tests.apps.cli.siaga import turnout
from tests.security.deployment import USERS, GuardedDeployment

NARROW = 4096


@pytest.fixture
def narrow(deployment: GuardedDeployment) -> Iterator[GuardedDeployment]:
    """The turnout topic takes 4 KiB: a line of `siaga publish` has at most 64 KiB, less than the topic's own limit."""
    name = deployment.prefix + Topic.TURNOUT
    with KafkaAdminClient(bootstrap_servers=deployment.bootstrap) as admin:

        def limit(size: int) -> None:
            answer = admin.alter_configs(
                [ConfigResource(ConfigResourceType.TOPIC, name, {"max.message.bytes": str(size)})]
            )
            assert answer["topic"][name] == "OK"

        limit(NARROW)
        yield deployment
        limit(INPUT_MESSAGE_MAX_BYTES)


async def ends(deployment: GuardedDeployment) -> int:
    return sum([len(await deployment.read(topic, "read_uncommitted")) for topic in INPUTS])


@pytest.mark.parametrize("topic", INPUTS)
async def test_above_max_message_bytes_the_broker_refuses_whatever_the_client_allows(
    deployment: GuardedDeployment, topic: Topic
):
    client = deployment.guarded.client(USERS["publisher"])
    # A client without a limit of its own (1 MiB by default).
    producer = AIOKafkaProducer(**client, max_request_size=8 << 20, max_batch_size=8 << 20)
    await producer.start()
    before = await ends(deployment)
    try:
        with pytest.raises(MessageSizeTooLargeError):
            await producer.send_and_wait(deployment.prefix + topic, os.urandom(INPUT_MESSAGE_MAX_BYTES), partition=0)
        assert await ends(deployment) == before
        fits = os.urandom(INPUT_MESSAGE_MAX_BYTES - 200)  # a batch's own bytes count too
        await producer.send_and_wait(deployment.prefix + topic, fits, partition=0)
    finally:
        await producer.stop()
    assert await ends(deployment) == before + 1


async def test_publish_names_the_record_that_was_too_large_in_one_line(narrow: GuardedDeployment):
    good = json.dumps(turnout(1)).encode()
    lines = good + b"\n" + b"x" * (2 * NARROW) + b"\n" + good + b"\n"
    done = narrow.siaga("publisher")("publish", "turnout", "--no-validate", stdin=lines)
    assert done.status == 1
    summary, error = done.error_lines
    assert summary == "3 read, 1 sent, 0 rejected"
    assert error.startswith("Error: broker ") and "record 2 was not accepted: MessageSizeTooLargeError" in error
    assert [r for r in await narrow.read(Topic.TURNOUT) if len(r.value) == 2 * NARROW] == []
