"""A message of a later version waits among the rejected ones, and is applied once by workers that know the version."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from apps.embedded import EmbeddedBroker
from schemas.ledger import decode_frame
from schemas.vocabulary import RejectReason
from tests.agents.deployment import Deployment
from tests.apps.cli.siaga import incident

#: The command of a release that reads version 3 besides version 2.
UPGRADED = (
    "from schemas import versions; versions.INCIDENTS_READ += ('siaga.incident/3',); "
    "from apps.cli.main import main; main()"
)
AFTER_UPGRADE = (sys.executable, "-c", UPGRADED)


@pytest.fixture
def deployment(broker: EmbeddedBroker, fresh_prefix: str, tmp_path: Path):
    with Deployment(broker.bootstrap, fresh_prefix, tmp_path, SIAGA_TICK_SECONDS="0.5") as made:
        yield made


def publish(deployment: Deployment, *messages: dict) -> None:
    """As a publisher that has been upgraded before the workers, so without Siaga's own check."""
    file = deployment.directory / "messages.jsonl"
    file.write_text("".join(json.dumps(message) + "\n" for message in messages))
    deployment.run("publish", "incidents", "--no-validate", str(file))


async def applied(deployment: Deployment) -> list[str]:
    """The event ids of the ledger's incidents."""
    frames = [record.value for record in await deployment.read("ledger")]
    return sorted(entry[2] for frame in frames for entry in decode_frame(frame) if entry[0] == "i")


def redrive(deployment: Deployment, command: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    arguments = [*command, "redrive", "--reason", "unsupported_version"]
    return subprocess.run(
        arguments,
        env=deployment.env(),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=deployment.directory,
    )


async def test_a_later_version_is_redriven_after_the_upgrade_and_applied_once(deployment: Deployment) -> None:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    newer, plain = (incident(n, occurred_at=now, reported_at=now) for n in (1, 2))
    newer["schema"] = "siaga.incident/3"
    deployment.start("before")
    publish(deployment, newer, plain)
    await deployment.drained()
    (rejected,) = await deployment.read("rejected")
    assert dict(rejected.headers)["siaga.reason"] == RejectReason.UNSUPPORTED_VERSION.value.encode()
    assert await applied(deployment) == ["e-2"]

    too_early = redrive(deployment, (sys.executable, "-m", "apps.cli.main"))
    assert too_early.returncode == 1
    assert "unsupported_version: schema: siaga.incident/3 is not read by this version" in too_early.stderr

    await deployment.stop_workers()
    deployment.start("after", AFTER_UPGRADE + ("worker",))
    for sent in (1, 0):  # a second run skips it
        done = redrive(deployment, AFTER_UPGRADE)
        assert (done.returncode, f"1 read, {sent} redriven" in done.stderr) == (0, True), done.stderr
    await deployment.drained()
    assert await applied(deployment) == ["e-1", "e-2"]
    row = (await deployment.rows())[newer["regency"]]
    assert (row["windows"]["24h"]["incidents"], row["excluded"]["duplicate"]) == (1, 0)
