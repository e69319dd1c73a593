"""`siaga cap` on a real broker: committed records only, chains across restarts, the same bytes every time."""

import signal
import subprocess
from pathlib import Path

import pytest

from tests.apps.cli.siaga import Siaga
from tests.apps.integrations.cap import standard
from tests.apps.integrations.conftest import Publisher

ALL = ("cap", "--from-beginning", "--until-end")


async def episode(publish: Publisher) -> None:
    """Raised, amended, a raise in an aborted transaction, cleared; and another regency's raise in between."""
    await publish(range(1), regency="16.71")
    await publish(range(1, 2), regency="16.72")
    await publish(range(4, 5), regency="16.71", change="amended", previous_level="waspada")
    await publish(range(8, 9), regency="16.71", change="raised", level="awas", commit=False)
    await publish(range(12, 13), regency="16.71", change="cleared", level="normal", previous_level="waspada")


async def test_the_same_topic_gives_the_same_documents_of_an_episode(siaga: Siaga, publish: Publisher):
    await episode(publish)
    done = siaga(*ALL)
    assert (done.status, done.err) == (0, "")
    documents = done.out.splitlines()
    assert len(documents) == 4 and [standard.faults(one) for one in documents] == [[]] * 4
    mine = [one for one in documents if standard.text(one, "incidents") == "16.71/1"]
    assert [standard.text(one, "msgType") for one in mine] == ["Alert", "Update", "Cancel"]
    assert [key for _, key, _ in standard.references(mine[2])] == [standard.text(one, "identifier") for one in mine[:2]]
    assert siaga(*ALL).out == done.out


async def test_a_restart_writes_no_file_twice_and_other_settings_change_none(
    siaga: Siaga, publish: Publisher, tmp_path: Path
):
    out = tmp_path / "alerts"
    await episode(publish)
    assert siaga(*ALL, "--out", str(out)).status == 0
    files = {file.name: (file.read_bytes(), file.stat().st_mtime_ns) for file in out.iterdir()}
    assert sorted(content for content, _ in files.values()) == sorted(
        line + b"\n" for line in siaga(*ALL).out.splitlines()
    )
    await publish(range(16, 17), regency="16.72", change="cleared", level="normal", previous_level="waspada")
    assert siaga(*ALL, "--out", str(out)).status == 0
    again = {file.name: (file.read_bytes(), file.stat().st_mtime_ns) for file in out.iterdir()}
    assert again.items() >= files.items() and len(again) == 5
    other = siaga(*ALL, "--out", str(out), "--sender", "other.example.org")
    assert other.status == 1 and "must not change" in other.err and len(other.error_lines) == 1
    assert {file.name: (file.read_bytes(), file.stat().st_mtime_ns) for file in out.iterdir()} == again


async def test_without_from_beginning_new_messages_still_reference_old_ones(siaga: Siaga, publish: Publisher):
    await publish(range(1), regency="16.71")
    assert siaga("cap", "--until-end").out == b""
    with siaga.start("cap", stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        assert run.stdout
        lines: list[bytes] = []
        number = 4
        while not lines:  # when it starts is unknown; its first document updates an Alert that it did not write
            await publish(range(number, number + 1), regency="16.71", change="amended", previous_level="waspada")
            number += 4
            lines = _line_within(run, 1.0)
        run.send_signal(signal.SIGINT)
        assert run.wait(15) == 0
    assert standard.text(lines[0], "msgType") == "Update"
    assert standard.references(lines[0])[0][1] == f"siaga-exercise-{publish.ids[0]}"


def _line_within(run: "subprocess.Popen[bytes]", seconds: float) -> list[bytes]:
    import select

    assert run.stdout
    return [run.stdout.readline()] if select.select([run.stdout], [], [], seconds)[0] else []


async def test_a_record_that_is_no_escalation_is_reported_and_skipped(siaga: Siaga, publish: Publisher):
    await publish.raw(b"\xff", partition=0)
    await publish.raw(b'{"level":"awas","secret":"NIK"}', partition=0)
    await publish(range(1), regency="16.71")
    done = siaga(*ALL)
    assert done.status == 1 and len(done.out.splitlines()) == 1
    assert len(done.error_lines) == 2 and all("no escalation" in line for line in done.error_lines)
    assert "NIK" not in done.err


async def test_status_actual_requires_a_sender(siaga: Siaga, publish: Publisher):
    await publish(range(1), regency="16.71")
    assert siaga(*ALL, "--status", "actual").status == 2
    said = siaga(*ALL, "--status", "actual", "--sender", "siaga.example.org").out
    assert standard.text(said, "status") == "Actual" and standard.text(said, "note") is None
    assert standard.text(siaga(*ALL).out, "status") == "Exercise"


@pytest.mark.parametrize("arguments", [("--sender", "a b"), ("--utc-offset", "Z"), ("--status", "real")])
def test_a_value_that_cap_forbids_is_exit_status_2(arguments: tuple[str, ...]):
    assert Siaga()(*ALL, *arguments).status == 2
