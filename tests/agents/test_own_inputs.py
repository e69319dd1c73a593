"""A publisher's own input is read like the common one, under its own rules; the event clock waits for it too."""

import asyncio
import itertools
import signal
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition

from agents.app import WorkerStages
from agents.health import Health
from agents.kafka.acls import Right, Role, rights_of
from agents.settings import Settings
from schemas.ledger import TICK_KEY, Frame, decode_frame, watermark_frame
from schemas.vocabulary import MINUTE_MS
from streams.admission import ClockMode
from streams.event_time.sequencer import sequencer_of
from tests.agents.deployment import Deployment
from tests.agents.test_intake import batch, incident
from tests.agents.test_worker import incident as recent_incident

FILE = """
[sources.kpu]
agency = "kpu"
turnout = 1
input = "kpu"
[sources.sirekap]
agency = "kpu"
input = "kpu"
"""
NUMBERS = itertools.count()
INPUTS = {"siaga.incidents", "siaga.turnout", "siaga.incidents.kpu", "siaga.turnout.kpu"}


@pytest.fixture
def sources_file(tmp_path: Path) -> str:
    (tmp_path / "sources.toml").write_text(FILE)
    return str(tmp_path / "sources.toml")


def stages(sources_file: str, **settings: str) -> WorkerStages:
    return WorkerStages(Settings.load({"SIAGA_SOURCES_FILE": sources_file, **settings}), Health("worker", ""))


def outcome(made: WorkerStages, topic: str, source: str) -> bytes:
    """The error of a report of this source on this topic, or the key of its ledger frame."""
    fold = made._intake_fold(TopicPartition(topic, 2))
    fold.restored("")
    output, *_ = fold.fold(batch(incident(source=source)))
    return dict(output.headers).get("siaga.error", output.key)


def test_intake_reads_every_input_and_risk_reads_none(sources_file: str):
    made = stages(sources_file)
    assert made.intake.topics == INPUTS and made.risk.topics == {"siaga.ledger"}


def test_who_may_report_depends_on_the_topic(sources_file: str):
    made = stages(sources_file, SIAGA_CLOCK="event")
    assert outcome(made, "siaga.incidents.kpu", "sirekap") == b"16.71"
    assert outcome(made, "siaga.incidents.kpu", "polda") == b"source: may not report on the input kpu"
    assert outcome(made, "siaga.incidents", "kpu") == b"source: reports on the input kpu only"
    assert outcome(made, "siaga.incidents", "polda") == b"16.71"


def test_shards_of_different_inputs_have_different_names(sources_file: str):
    made, names = stages(sources_file, SIAGA_CLOCK="event"), []
    for topic, source in (("siaga.incidents", "polda"), ("siaga.incidents.kpu", "kpu")):
        fold = made._intake_fold(TopicPartition(topic, 2))
        fold.restored("")
        outputs = [output for output in fold.fold(batch(incident(source=source))) if output.key == TICK_KEY]
        names.append(decode_frame(outputs[0].value)[0][2])
    assert names == ["incidents-2", "incidents.kpu-2"]


@pytest.mark.parametrize("inputs, shards", [(0, 4), (1, 8), (3, 16)])
def test_the_event_clock_waits_for_the_shards_of_every_input(inputs: int, shards: int):
    sequencer = sequencer_of(ClockMode.EVENT, 2, inputs)
    frames = (Frame(number, watermark_frame(MINUTE_MS + 1, f"shard-{number}", True), 0) for number in range(shards))
    released = [bool(list(sequencer.take(TICK_KEY, frame))) for frame in frames]
    assert released == [False] * (shards - 1) + [True]
    assert sequencer_of(ClockMode.WALL, 2, inputs) is None


def topics_of(rights: frozenset[Right], operation: str) -> set[str]:
    return {right.name for right in rights if right.kind.name == "TOPIC" and right.operation.name == operation}


def test_the_user_of_an_input_writes_it_alone_and_others_the_common_topics():
    settings = Settings.load({})
    own = topics_of(rights_of(Role.PUBLISHER, settings, ["kpu"], "kpu"), "WRITE")
    other = topics_of(rights_of(Role.PUBLISHER, settings, ["kpu"], "polda"), "WRITE")
    assert own == {"siaga.incidents.kpu", "siaga.turnout.kpu"} and other == {"siaga.incidents", "siaga.turnout"}


def test_workers_and_operators_read_every_input_and_readers_none():
    settings = Settings.load({})
    rights = {role: topics_of(rights_of(role, settings, ["kpu"]), "READ") for role in Role}
    assert rights[Role.PROCESSOR] >= INPUTS and rights[Role.OPERATOR] >= INPUTS
    assert not rights[Role.READER] & INPUTS and not rights[Role.SENDER] & INPUTS


async def send(deployment: Deployment, *reports: tuple[str, str]) -> None:
    """A report of each (topic, source); the number of its place is its own."""
    producer = AIOKafkaProducer(bootstrap_servers=deployment.bootstrap)
    await producer.start()
    for topic, source in reports:
        value = recent_incident(next(NUMBERS), source=source)
        await producer.send_and_wait(deployment.prefix + topic, value, partition=0)
    await producer.stop()


async def counted(deployment: Deployment, incidents: int) -> None:
    """Wait until the row of Palembang counts so many incidents."""
    async with asyncio.timeout(180):
        while (row := (await deployment.rows()).get("16.71")) is None or row["windows"]["1h"]["incidents"] != incidents:
            await asyncio.sleep(0.2)


async def test_with_the_event_clock_reports_of_every_input_are_folded(broker, fresh_prefix, tmp_path, sources_file):
    settings = {"SIAGA_CLOCK": "event", "SIAGA_IDLE_SECONDS": "0.5", "SIAGA_SOURCES_FILE": sources_file}
    with Deployment(broker.bootstrap, fresh_prefix, tmp_path, **settings) as deployment:
        await send(deployment, ("incidents", "polda"), ("incidents.kpu", "kpu"))
        deployment.start()
        await counted(deployment, 2)
        audited = deployment.run("audit", check=False)
        assert audited.returncode == 0, audited.stdout + audited.stderr


async def test_what_waits_on_a_new_input_is_read_by_workers_that_know_it(broker, fresh_prefix, tmp_path, sources_file):
    """The order of docs/operating/sources.md: topics, publisher, workers one after another."""
    with Deployment(broker.bootstrap, fresh_prefix, tmp_path, SIAGA_TICK_SECONDS="0.5") as deployment:
        deployment.start("old")
        await send(deployment, ("incidents", "polda"))
        await counted(deployment, 1)
        deployment.run("topics", SIAGA_SOURCES_FILE=sources_file)
        await send(deployment, ("incidents.kpu", "kpu"))
        deployment.start("new", SIAGA_SOURCES_FILE=sources_file)
        deployment.signal("old", signal.SIGTERM)
        await send(deployment, ("incidents", "polda"))
        await counted(deployment, 3)
