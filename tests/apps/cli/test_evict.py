"""`siaga evict` and `siaga erase` on a real broker with a real worker, and what they refuse without one."""

import asyncio
import json
import subprocess
from datetime import UTC, datetime, timedelta

import pytest
from kafka import KafkaProducer

from tests.agents.deployment import Deployment
from tests.apps.cli.siaga import Siaga

REGENCY, OTHER = "16.71", "16.02"
TIMES = ("--from", "2024-01-01T00:00:00+07:00", "--to", "2100-01-01T00:00:00+07:00")
EVICTED = (*TIMES, "--role", "operator", "--reason", "test_data")
ERASED = ("--role", "operator", "--reason", "personal_data_found")
PERSON = "polda/0x-budi"


@pytest.fixture
def deployment(broker, fresh_prefix, tmp_path):
    with Deployment(broker.bootstrap, fresh_prefix, tmp_path, SIAGA_TICK_SECONDS="0.5") as made:
        yield made


def told(number: str, source: str, regency: str = REGENCY) -> tuple[str, dict]:
    at = (datetime.now(UTC) - timedelta(seconds=30)).isoformat()
    return "incidents", {
        "event_id": f"e-{number}", "incident_id": number, "revision": 1, "regency": regency, "category": "clash",
        "severity": 3, "status": "reported", "occurred_at": at, "reported_at": at, "source": source,
    }  # fmt: skip


def figure(source: str) -> tuple[str, dict]:
    at = (datetime.now(UTC) - timedelta(seconds=30)).isoformat()
    return "turnout", {
        "event_id": f"t-{source}", "regency": REGENCY, "station": f"9-{source}", "registered": 100, "voted": 900,
        "as_of": at, "source": source,
    }  # fmt: skip


async def send(deployment: Deployment, *messages: tuple[str, dict]) -> None:
    producer = KafkaProducer(bootstrap_servers=deployment.bootstrap)
    for topic, message in messages:
        producer.send(deployment.prefix + topic, json.dumps(message).encode(), partition=0).get(timeout=30)
    producer.close()


async def row_with(deployment: Deployment, incidents: int, regency: str = REGENCY) -> dict:
    row = {}
    for _ in range(120):
        row = (await deployment.rows()).get(regency, {})
        if row and row["windows"]["1h"]["incidents"] == incidents:
            return row
        await asyncio.sleep(0.5)
    raise AssertionError(f"no row with {incidents} incidents: {row}\n{deployment.log().read_text()[-2000:]}")


def siaga(deployment: Deployment, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return deployment.run(*arguments, check=False, LC_ALL="C")


async def test_what_a_source_said_is_shown_and_taken_out_of_every_regency(deployment: Deployment):
    deployment.start()
    honest = told("h-1", "bawaslu")
    flood = [told(f"f-{n}", "flooder", code) for code in (REGENCY, OTHER) for n in range(3)]
    await send(deployment, honest, *flood, figure("flooder"))
    await row_with(deployment, 4)
    await row_with(deployment, 3, OTHER)

    refused = siaga(deployment, "evict", "flooder", *EVICTED)  # standard input is empty: nobody says yes
    assert refused.returncode == 1 and f"({REGENCY}): words 3, turnout figures 1" in refused.stdout
    assert "words 6, turnout figures 1" in refused.stdout
    done = siaga(deployment, "evict", "flooder", *EVICTED, "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert "words of flooder left in that time: 0, figures: 0" in done.stdout
    row = (await deployment.rows())[REGENCY]
    assert row["windows"]["1h"]["incidents"] == 1 and row["turnout"]["stations_reported"] == 0
    assert (await deployment.rows())[OTHER]["windows"]["1h"]["incidents"] == 0
    again = siaga(deployment, "evict", "flooder", *EVICTED, "--yes")
    assert (again.returncode, again.stderr) == (
        1, "Error: nothing of flooder is held in that time; nothing was written\n",
    )  # fmt: skip
    entries = [entry for frame in await deployment.read("ledger") for entry in json.loads(frame.value)]
    decisions = [entry for entry in entries if entry[0] == "e"]
    assert len(decisions) == len(await deployment.rows()) and {entry[2] for entry in decisions} == {"flooder"}
    audited = siaga(deployment, "audit")
    assert audited.returncode == 0, audited.stdout


async def test_an_erased_incident_is_gone_and_its_copies_are_listed(deployment: Deployment):
    deployment.start()
    name = PERSON.partition("/")[2]
    await send(deployment, told(name, "polda"), told("h-1", "bawaslu"), ("incidents", {"incident_id": name}))
    await row_with(deployment, 2)
    held = siaga(deployment, "erase", "--check", PERSON)
    assert held.returncode == 1
    assert held.stderr == f"Error: {PERSON} is still held: {deployment.prefix}risk-state\n"

    done = siaga(deployment, "erase", REGENCY, PERSON, *ERASED)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{PERSON} is erased: personal data was found." in done.stdout
    assert (await deployment.rows())[REGENCY]["windows"]["1h"]["incidents"] == 1
    newest = {record.key: record.value for record in await deployment.read("risk-state")}
    assert not [key for key, value in newest.items() if value and name.encode() in value]

    checked = siaga(deployment, "erase", "--check", PERSON)
    assert (checked.returncode, checked.stderr) == (0, "")
    lines = dict(line.removeprefix(deployment.prefix).split(": ", 1) for line in checked.stdout.splitlines())
    assert lines["incidents"].startswith("2, deleted until ") and lines["ledger"].startswith("1, deleted until ")
    assert lines["rejected"].startswith("1, deleted until ")
    assert lines["risk-state"].startswith("0 in force, ") and lines["escalations"] == "none"
    again = siaga(deployment, "erase", REGENCY, PERSON, *ERASED)
    assert again.returncode == 1 and "no incident of this number is held; nothing was written" in again.stderr


@pytest.mark.parametrize(
    "arguments, problem",
    [
        (("evict", "Flooder", *EVICTED), "SOURCE: 'Flooder'"),
        (("evict", "x", *EVICTED, "--from", "yesterday"), "--from: 'yesterday' is not RFC 3339"),
        (("evict", "x", *EVICTED, "--to", "2020-01-01T00:00:00Z"), "--to: is before --from"),
        (("evict", "x", *EVICTED, "--regency", "16"), "'16' is a province"),
        (("evict", "x", *TIMES, "--role", "operator", "--reason", "because"), "--reason"),
        (("erase", "16.71", "polda", *ERASED), "'polda' is not ORIGIN/ID"),
        (("erase", "16.71", "polda/1"), "REGENCY, ORIGIN/ID, --role and --reason are needed, or --check"),
        (("erase", "16.71", "--check", "polda/1"), "--check goes alone"),
    ],
)
def test_a_wrong_argument_is_named_without_a_broker(arguments: tuple[str, ...], problem: str):
    done = Siaga({"SIAGA_BROKER": "127.0.0.1:1"})(*arguments)
    assert done.status == 2 and problem in done.err
