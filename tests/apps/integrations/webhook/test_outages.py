"""`siaga webhook` and `siaga cap` while the broker is down, and a receiver whose certificate is not trusted."""

import asyncio
import signal
import ssl
import subprocess
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from apps.embedded import EmbeddedBroker
from apps.embedded.ports import free_port
from tests.agents.deployment import until
from tests.apps.cli.siaga import Siaga
from tests.apps.integrations.conftest import SECRET, Publisher
from tests.apps.integrations.webhook.receiver import Receiver, receiving
from tests.health_page import health_of
from tests.security.certificates import Authority

WITHIN_S = 90


async def publish_on(bootstrap: str, numbers: range) -> list[str]:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, transactional_id="outages")
    await producer.start()
    publish = Publisher(producer, "siaga.escalations")
    await publish(numbers, regency="16.01")
    await producer.stop()
    return publish.ids


@pytest.mark.timeout(600)
async def test_outages_of_the_broker_lose_nothing_and_do_not_block_a_stop(tmp_path: Path, receiver: Receiver):
    port = free_port()
    siaga = Siaga(
        {
            "SIAGA_BROKER": f"127.0.0.1:{port}",
            "SIAGA_PARTITIONS": "1",
            "SIAGA_DATA_DIR": str(tmp_path / "data"),
            "SIAGA_WEBHOOK_SECRET": SECRET,
        }
    )
    receiver.answers = lambda post, before: None if len(receiver.posts) == 4 else 200
    command = ("webhook", "--url", receiver.url, "--from-beginning")
    log, out, ports = tmp_path / "webhook.log", tmp_path / "alerts", [free_port(), free_port()]
    with log.open("wb") as stream:
        process = siaga.start(*command, "--metrics-port", str(ports[0]), stderr=stream)
    cap: subprocess.Popen[bytes] | None = None
    try:
        await until(lambda: health_of(ports[0])[0] == 503, WITHIN_S, "it does not look well while it waits for Kafka")
        await until(lambda: "cannot read" in log.read_text(), WITHIN_S, "it logs the missing broker")
        own = await asyncio.to_thread(EmbeddedBroker(tmp_path / "own", port=port).start)
        try:
            assert (await asyncio.to_thread(siaga, "topics")).status == 0
            ids = await publish_on(own.bootstrap, range(0, 20, 4))
            await until(lambda: len(receiver.posts) >= 4, WITHIN_S, "a post in progress")
            cap = siaga.start("cap", "--from-beginning", "--out", str(out), "--metrics-port", str(ports[1]))
            await until(lambda: len(list(out.glob("*.xml"))) == 5, WITHIN_S, "its documents")
            await until(lambda: [health_of(port)[0] for port in ports] == [200, 200], WITHIN_S, "both are well")
            await asyncio.to_thread(own.kill)
            receiver.release.set()
            await until(lambda: [health_of(port)[0] for port in ports] == [503, 503], WITHIN_S, "both say so")
            assert all(health_of(port)[1]["stuck"] for port in ports) and cap.poll() is None
            await asyncio.to_thread(own.start)
            ids += await publish_on(own.bootstrap, range(20, 40, 4))
            await until(lambda: len(set(receiver.keys)) == 10, WITHIN_S, "all of before and after")
            await until(lambda: len(list(out.glob("*.xml"))) == 10, WITHIN_S, "all documents")
            await until(lambda: [health_of(port)[0] for port in ports] == [200, 200], WITHIN_S, "both are well again")
            receiver.release.clear()
            receiver.answers = lambda post, before: 200 if before else None
            ids += await publish_on(own.bootstrap, range(40, 48, 4))
            await until(lambda: len(set(receiver.keys)) == 11, WITHIN_S, "another post in progress")
            await asyncio.to_thread(own.kill)
            receiver.release.set()
            process.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(process.wait, 30) == 0
            await asyncio.to_thread(own.start)
            process = siaga.start(*command)
            await until(lambda: len(set(receiver.keys)) == 12, WITHIN_S, "the rest, after a restart")
        finally:
            await asyncio.to_thread(own.stop)
    finally:
        for one in (process, cap):
            if one:
                one.kill()
                one.wait()
    assert [post.key for post in receiver.kept()] == ids


async def test_a_receiver_without_a_trusted_certificate_gets_nothing(siaga: Siaga, publish: Publisher, tmp_path: Path):
    authority = Authority(tmp_path / "ca")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*authority.issue("receiver", "127.0.0.1"))
    await publish(range(3))
    async with receiving(context) as receiver:
        command = ("webhook", "--url", receiver.url, "--from-beginning", "--instance", "one")
        log = tmp_path / "log"
        with log.open("wb") as stream:
            wary = siaga.start(*command, stderr=stream)
        try:
            await until(
                lambda: "its certificate is not trusted" in log.read_text(), WITHIN_S, "it rejects the certificate"
            )
        finally:
            wary.kill()
            wary.wait()
        assert receiver.posts == [] and "/hook" not in log.read_text()
        trusting = Siaga(siaga.environment | {"SSL_CERT_FILE": str(authority.ca)}).start(*command)
        try:
            await until(lambda: len(receiver.posts) == 3, WITHIN_S, "all delivered")
        finally:
            trusting.kill()
            trusting.wait()
