"""Redriving with real workers: a corrected record is in the row; sent twice it counts once."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from apps.embedded import EmbeddedBroker
from tests.agents.deployment import Deployment

REGENCY = "16.71"


@pytest.fixture
def deployment(broker: EmbeddedBroker, fresh_prefix: str, tmp_path: Path):
    with Deployment(broker.bootstrap, fresh_prefix, tmp_path, SIAGA_TICK_SECONDS="0.5") as made:
        yield made


def incident(number: int, **changes: object) -> dict:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return {
        "event_id": f"e-{number}",
        "incident_id": f"i-{number}",
        "revision": 1,
        "regency": REGENCY,
        "category": "logistics",
        "severity": 2,
        "status": "reported",
        "occurred_at": now,
        "reported_at": now,
        "source": "kpu-sumsel",
    } | changes


async def test_a_corrected_record_counts_once(deployment: Deployment, tmp_path: Path) -> None:
    deployment.start()
    sent, rejects = tmp_path / "sent.jsonl", tmp_path / "rejects.jsonl"
    bad = [incident(1, severity="2"), incident(2, regency="31.71"), incident(3)]
    sent.write_text("".join(json.dumps(message) + "\n" for message in bad))
    deployment.run("publish", "incidents", str(sent), "--no-validate")
    await deployment.drained()
    assert await incidents(deployment) == 1

    rejected = deployment.run("tail", "rejected", "--from-beginning", "--until-end").stdout
    assert sorted(json.loads(line)["reason"] for line in rejected.splitlines()) == ["schema", "unknown_regency"]
    # As with an editor: only the value changes.
    rejects.write_text(rejected.replace(r"\"severity\": \"2\"", r"\"severity\": 2").replace("31.71", REGENCY))
    assert deployment.run("redrive", str(rejects)).stderr == "2 read, 2 redriven, 0 still fail\n"
    await deployment.drained()
    assert await incidents(deployment) == 3

    again = deployment.run("redrive", str(rejects), "--again")
    assert again.stderr == "2 read, 2 redriven, 0 still fail\n"
    await deployment.drained()
    row = (await deployment.rows())[REGENCY]
    assert (row["windows"]["24h"]["incidents"], row["excluded"]["duplicate"]) == (3, 2)
    assert len(await deployment.read("rejected")) == 2


async def incidents(deployment: Deployment) -> int:
    return (await deployment.rows())[REGENCY]["windows"]["24h"]["incidents"]
