"""`siaga join` on a real broker with a real worker: one incident of two agencies, and back."""

import asyncio
import json
import subprocess
from datetime import UTC, datetime, timedelta

import pytest
from kafka import KafkaProducer

from tests.agents.deployment import Deployment
from tests.apps.cli.siaga import Siaga

REGENCY = "16.71"
POLICE, BAWASLU = "polda/urn:b/142", "siwaslu/000142"
WHY = ("--role", "kominda", "--reason", "agencies_agree")


@pytest.fixture
def deployment(broker, fresh_prefix, tmp_path):
    with Deployment(broker.bootstrap, fresh_prefix, tmp_path, SIAGA_TICK_SECONDS="0.5") as made:
        yield made


def clash(name: str, severity: int) -> bytes:
    origin, _, number = name.partition("/")
    at = (datetime.now(UTC) - timedelta(seconds=30)).isoformat()
    message = {
        "schema": "siaga.incident/2", "event_id": f"e-{origin}", "incident_id": number, "revision": 1,
        "regency": REGENCY, "village": "16.71.01.1001", "category": "clash", "severity": severity,
        "status": "reported", "occurred_at": at, "reported_at": at, "source": origin,
    }  # fmt: skip
    return json.dumps(message).encode()


async def candidates(deployment: Deployment) -> dict:
    """The row, once two agencies' reports are a pair on it."""
    producer = KafkaProducer(bootstrap_servers=deployment.bootstrap)
    for name, severity in ((POLICE, 4), (BAWASLU, 3)):
        producer.send(deployment.prefix + "incidents", clash(name, severity), partition=0).get(timeout=30)
    producer.close()
    return await row_with(deployment, 1)


async def row_with(deployment: Deployment, pairs: int) -> dict:
    row = {}
    for _ in range(60):
        row = (await deployment.rows()).get(REGENCY, {})
        if row.get("candidates") == pairs:
            return row
        await asyncio.sleep(0.5)
    raise AssertionError(f"no row with {pairs} pairs: {row}\n{deployment.log().read_text()[-2000:]}")


def told(row: dict) -> dict:
    """What a row says of incidents, without what passes with time."""
    return {name: row[name] for name in ("level", "candidates", "candidate_pairs", "confidence")} | {
        "incidents": {name: window["incidents"] for name, window in row["windows"].items()}
    }


def join(deployment: Deployment, *arguments: str, **more: str) -> "subprocess.CompletedProcess[str]":
    return deployment.run("join", REGENCY, *arguments, check=False, LC_ALL="C", **more)


async def test_two_numbers_become_one_incident_of_two_agencies_and_two_again(deployment: Deployment):
    deployment.start()
    before = await candidates(deployment)
    pair = {"first": named(POLICE), "second": named(BAWASLU)}
    assert before["candidate_pairs"] == [pair] and before["windows"]["1h"]["incidents"] == 2

    done = join(deployment, POLICE, BAWASLU, *WHY)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{POLICE} and {BAWASLU} are one incident, {POLICE}: the agencies agree." in done.stdout
    joined = (await deployment.rows())[REGENCY]
    assert (joined["candidates"], joined["windows"]["1h"]["incidents"]) == (0, 1)
    assert joined["confidence"]["sources"] == 2
    raised = await evidence_of_two(deployment)
    assert raised == [named(POLICE) | {"agencies": ["bawaslu", "polda"]}]

    explained = deployment.run("explain", REGENCY, "--lang", "en").stdout
    assert f"{POLICE}: confirmed, words of bawaslu, polda stand" in explained
    assert f"{BAWASLU} is counted as {POLICE}" in explained

    again = join(deployment, BAWASLU, POLICE, *WHY)
    assert (again.returncode, again.stderr) == (1, f"Error: {REGENCY}: they are one incident already\n")

    undone = join(deployment, POLICE, BAWASLU, "--undo", "--role", "kominda", "--reason", "joined_by_mistake")
    assert (undone.returncode, undone.stderr) == (0, "")
    assert f"{BAWASLU} is an incident of its own again, apart from {POLICE}: joined by mistake." in undone.stdout
    after = told((await deployment.rows())[REGENCY])
    assert after | {"level": ""} == told(before) | {"level": ""}
    audited = deployment.run("audit", check=False)
    assert audited.returncode == 0, audited.stdout
    entries = [entry for frame in await deployment.read("ledger") for entry in json.loads(frame.value)]
    assert [entry[2:] for entry in entries if entry[0] == "j"] == [
        [key(POLICE), key(BAWASLU), False, "kominda", "agencies_agree"],
        [key(POLICE), key(BAWASLU), True, "kominda", "joined_by_mistake"],
    ]


async def evidence_of_two(deployment: Deployment) -> list[dict]:
    """What the last escalation about incidents of two agencies cites."""
    found: list[dict] = []

    def cited() -> list[dict]:
        return [
            {name: item[name] for name in ("origin", "incident_id", "agencies")}
            for item in found
            if len(item["agencies"]) == 2
        ]

    for _ in range(60):
        found = [item for escalation in await deployment.escalations() for item in escalation["evidence"]]
        if cited():
            break
        await asyncio.sleep(0.5)
    return cited()


async def test_with_the_event_clock_a_decision_has_the_time_of_the_row(broker, fresh_prefix, tmp_path):
    event_time = {"SIAGA_CLOCK": "event", "SIAGA_IDLE_SECONDS": "0.5"}
    with Deployment(broker.bootstrap, fresh_prefix, tmp_path, **event_time) as deployment:
        deployment.start()
        before = await candidates(deployment)
        done = join(deployment, POLICE, BAWASLU, *WHY)
        assert (done.returncode, done.stderr) == (0, "")
        joined = (await deployment.rows())[REGENCY]
        assert (joined["candidates"], joined["as_of"]) == (0, before["as_of"])


async def test_an_unknown_number_or_a_wrong_setting_writes_nothing(deployment: Deployment):
    deployment.start()
    await candidates(deployment)
    before = await deployment.read("ledger")
    unknown = join(deployment, POLICE, "siwaslu/000143", *WHY)
    assert unknown.returncode == 1
    assert unknown.stderr == (
        f"Error: {REGENCY}: siwaslu/000143: no incident of this number is held; see `siaga explain`\n"
    )
    other = join(deployment, POLICE, BAWASLU, *WHY, "--partitions", "4")
    assert other.returncode == 1 and "the ledger has 3 partitions and SIAGA_PARTITIONS is 4" in other.stderr
    decisions = [frame for frame in await deployment.read("ledger") if json.loads(frame.value)[0][0] == "j"]
    assert before and not decisions


async def test_without_a_worker_it_says_what_to_do(deployment: Deployment):
    deployment.start()
    await candidates(deployment)
    await deployment.stop_workers()
    done = join(deployment, POLICE, BAWASLU, *WHY, "--wait", "0.5")
    assert done.returncode == 1
    assert (
        "was not applied within 0.5 s: see that workers run; it is applied once, do not write it again" in done.stderr
    )
    deployment.start("b")
    await row_with(deployment, 0)


@pytest.mark.parametrize(
    "arguments, problem",
    [
        (("16.71", "polda", "kpu/1", *WHY), "'polda' is not ORIGIN/ID"),
        (("16", "polda/1", "kpu/1", *WHY), "REGENCY: '16' is a province"),
        (("16.71", "polda/1", "kpu/1", "--role", "Budi", "--reason", "agencies_agree"), "--role"),
        (("16.71", "polda/1", "kpu/1", "--role", "kpu", "--reason", "because"), "--reason"),
        (("16.71", "polda/1", "kpu/1", "--role", "kpu", "--reason", "joined_by_mistake"), "is a reason to undo a join"),
    ],
)
def test_a_wrong_argument_is_named_without_a_broker(arguments: tuple[str, ...], problem: str):
    done = Siaga({"SIAGA_BROKER": "127.0.0.1:1"})("join", *arguments)
    assert done.status == 2 and problem in done.err


def named(name: str) -> dict[str, str]:
    origin, _, number = name.partition("/")
    return {"origin": origin, "incident_id": number}


def key(name: str) -> str:
    return name.replace("/", " ", 1)
