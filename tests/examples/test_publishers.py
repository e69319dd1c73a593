"""The publishers' examples: run with their own clients; what arrives fits the schema, and moves a real worker's row."""

import json
from pathlib import Path

import jsonschema
import pytest

from apps.embedded import EmbeddedBroker
from schemas.incident import INCIDENT_SCHEMA
from schemas.jsonschema import CONTRACTS, json_schema
from schemas.turnout import TURNOUT_SCHEMA
from schemas.wire import decode_incident, decode_turnout
from tests.agents.deployment import Deployment
from tests.examples.clients import CLIENTS, Client, Unavailable, client
from tests.recount.records import Record

SCHEMAS = {contract.name: jsonschema.Draft202012Validator(json_schema(contract)) for contract in CONTRACTS}
REGENCY = "16.71"


@pytest.fixture
def deployment(broker: EmbeddedBroker, fresh_prefix: str, tmp_path: Path):
    with Deployment(broker.bootstrap, fresh_prefix, tmp_path, SIAGA_TICK_SECONDS="0.5") as made:
        yield made


def installed(name: str, scratch: Path) -> Client:
    try:
        return client(name, scratch)
    except Unavailable as why:
        pytest.skip(f"{name}: {why}")


@pytest.mark.parametrize("name", CLIENTS)
async def test_an_example_sends_four_good_messages(name: str, deployment: Deployment, tmp_path: Path) -> None:
    installed(name, tmp_path).publish(deployment.bootstrap, deployment.prefix)
    incidents, turnout = await deployment.read("incidents"), await deployment.read("turnout")
    assert {record.key for record in incidents + turnout} == {REGENCY.encode()}
    messages = [valid("incident", record) for record in incidents]
    # One key, one partition, idempotent: the order sent is the order kept.
    assert [(m["revision"], m["status"]) for m in messages] == [(1, "reported"), (2, "verified"), (3, "retracted")]
    assert len({m["incident_id"] for m in messages}) == 1
    (count,) = (valid("turnout", record) for record in turnout)
    assert len({m["event_id"] for m in (*messages, count)}) == 4
    assert {m["source"] for m in (*messages, count)} == {f"example-{name}"}
    assert {m["origin"] for m in messages} == {f"example-{name}"}
    assert {m["village"] for m in (*messages, count)} == {"16.71.01.1001"}
    assert [m["schema"] for m in (*messages, count)] == [INCIDENT_SCHEMA] * 3 + [TURNOUT_SCHEMA]


async def test_whatever_client_sent_them_the_row_counts_them_all(deployment: Deployment, tmp_path: Path) -> None:
    """Runs with those clients that are here; Python's always is."""
    clients = {}
    for name in CLIENTS:
        try:
            clients[name] = client(name, tmp_path)
        except Unavailable:
            continue
    deployment.start()
    for one in clients.values():
        one.publish(deployment.bootstrap, deployment.prefix)
    await deployment.drained()
    row = (await deployment.rows())[REGENCY]
    assert await deployment.read("rejected") == []
    assert (row["data_status"], row["turnout"]["stations_reported"]) == ("live", len(clients))
    assert (row["turnout"]["registered"], row["turnout"]["voted"]) == (300 * len(clients), 120 * len(clients))
    # Every incident was retracted. A later revision brings one back, whoever sends it.
    assert row["windows"]["24h"]["incidents"] == 0
    await reopen(deployment, row["ledger"])


async def reopen(deployment: Deployment, before: dict[str, int]) -> None:
    last = json.loads((await deployment.read("incidents"))[-1].value)
    again = last | {"event_id": last["event_id"] + "-again", "revision": 4, "status": "reported"}
    file = deployment.directory / "again.jsonl"
    file.write_text(json.dumps(again) + "\n")
    deployment.run("publish", "incidents", str(file))
    await deployment.drained()
    row = (await deployment.rows())[REGENCY]
    assert (row["ledger"]["offset"] > before["offset"], row["windows"]["24h"]["incidents"]) == (True, 1)


def valid(schema: str, record: Record) -> dict:
    """The message in a record, held against the JSON Schema and the reader that intake uses."""
    message = json.loads(record.value)
    SCHEMAS[schema].validate(message)
    (decode_incident if schema == "incident" else decode_turnout)(record.value)
    return message
