"""The command on a broker that is away, and comes back: at the start, in between, on the same port and data. And
topics that change below a board that reads them."""

import asyncio
import signal

import aiohttp
import orjson
import pytest
from aiokafka import AIOKafkaProducer
from kafka.admin import NewPartitions

from agents.kafka import topics
from agents.kafka.connection import kafka_python_options
from agents.settings import Settings
from apps.board import kafka_reader
from apps.board.reader_progress import BEHIND_AFTER_S
from apps.board.trouble import Trouble
from apps.embedded import EmbeddedBroker
from schemas.topics import Topic
from tests.apps.board.records import escalation, row
from tests.apps.board.running_board import BROKER_WAIT_S, RunningBoard, until
from tests.apps.board.test_command import start

WITHIN_S = 120


async def send(settings: Settings, partition: int, *records: dict) -> None:
    """Rows and escalations without a transaction, by a producer that knows nothing of topics that are gone."""
    producer = AIOKafkaProducer(bootstrap_servers=settings.broker)
    await producer.start()
    try:
        for record in records:
            topic = settings.topics[Topic.ESCALATIONS if "escalation_id" in record else Topic.RISK]
            sent = producer.send_and_wait(topic, orjson.dumps(record), record["regency"].encode(), partition)
            await asyncio.wait_for(sent, WITHIN_S)
    finally:
        await asyncio.wait_for(producer.stop(), WITHIN_S)


def change(settings: Settings, *steps) -> None:
    with topics.open_admin(kafka_python_options(settings), BROKER_WAIT_S) as admin:
        for step in steps:
            step(admin)


async def behind_s(session: aiohttp.ClientSession, url: str) -> float:
    async with session.get(url + "metrics") as answer:
        lines = (await answer.text()).splitlines()
    return next(float(line.split(" ")[1]) for line in lines if line.startswith("siaga_board_behind_seconds "))


async def test_the_command_says_since_when_and_reads_on_when_the_broker_is_back(tmp_path, free_port):
    broker = EmbeddedBroker(tmp_path).start()
    settings = Settings.load({}, broker=broker.bootstrap, topic_prefix="papan.", partitions=2)
    url = f"http://127.0.0.1:{free_port}/"
    process = None
    try:
        await asyncio.to_thread(change, settings, lambda admin: topics.ensure(admin, settings))
        await send(settings, 0, row(score=10), escalation(escalation_id="before"))
        broker.stop()
        variables = {"SIAGA_BROKER": broker.bootstrap, "SIAGA_TOPIC_PREFIX": "papan."}
        process = start("--board-port", str(free_port), **variables)
        assert await asyncio.to_thread(process.stdout.readline) == f"board: {url}\n"
        async with aiohttp.ClientSession() as session:

            async def get(path: str) -> tuple[int, dict]:
                async with session.get(url + path) as answer:
                    return answer.status, await answer.json()

            async def stuck() -> dict | None:
                status, health = await get("healthz")
                return health if status == 503 and health["stuck"] else None

            async def reads(score: int) -> bool:
                scores = [row["score"] for row in (await get("api/risk"))[1]["rows"]]
                return (await get("healthz"))[0] == 200 and scores == [score]

            found = await until(stuck, "it says that it is stuck", WITHIN_S)
            assert (found["status"], found["role"], found["deployment"]) == ("stuck", "board", "papan.")
            assert found["stuck"][0]["reason"] == "Kafka does not answer" and found["stuck"][0]["since_s"] >= 10
            broker.start()
            await until(lambda: reads(10), "it reads what was there before", WITHIN_S)
            broker.stop()
            found = await until(stuck, "it says so again", WITHIN_S)
            assert found["caught_up"] and (await get("api/risk"))[1]["rows"][0]["score"] == 10
            assert await behind_s(session, url) >= BEHIND_AFTER_S
            broker.start()
            await send(settings, 0, row(score=20), escalation(escalation_id="after"))
            await until(lambda: reads(20), "it reads on", WITHIN_S)
            escalations = (await get("api/escalations"))[1]["escalations"]
            assert [item["escalation_id"] for item in escalations] == ["after", "before"]
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        _, errors = await asyncio.to_thread(process.communicate)
        assert process.returncode == 0 and "Traceback" not in errors
        assert "Kafka does not answer; start the broker" in errors and "Kafka answers again" in errors
        assert errors.count("\n") < 30, errors
    finally:
        if process is not None:
            process.kill()
        broker.stop()


@pytest.fixture
def often(monkeypatch):
    monkeypatch.setattr(kafka_reader, "TOPICS_EVERY_S", 0.3)


async def test_a_board_follows_topics_that_grow_go_and_come_back(broker, fresh_prefix, often):
    async with RunningBoard(broker.bootstrap, fresh_prefix) as running:
        settings, state = running.settings, running.board.state
        await running.load(rows=[row("16.71", score=10), row("16.01", score=11)])
        risk = settings.topics[Topic.RISK]
        await asyncio.to_thread(change, settings, lambda admin: admin.create_partitions({risk: NewPartitions(3)}))
        await send(settings, 2, row("16.02"))
        await until(lambda: "16.02" in state.rows, "the new partition is read", WITHIN_S)
        assert state.rows.keys() == {"16.71", "16.01", "16.02"}
        names = [settings.topics[topic] for topic in (Topic.RISK, Topic.PROVINCE, Topic.ESCALATIONS)]
        await asyncio.to_thread(change, settings, lambda admin: admin.delete_topics(names))
        progress = running.board.progress
        await until(lambda: progress.trouble is Trouble.TOPICS, "it says that the topics are gone", WITHIN_S)
        assert "16.71" in state.rows, "what was there stays in sight, with its age"
        await running.create_topics()
        await until(lambda: progress.healthy and not state.rows, "the table is empty, as the new topics are", WITHIN_S)
        await send(settings, 0, *(row("16.03", score=score) for score in range(30)))
        await until(lambda: state.rows.keys() == {"16.03"}, "the table is that of the new topics", WITHIN_S)
        await until(lambda: progress.healthy, "it has caught up", WITHIN_S)
