"""`siaga cap` on a real broker: chains that survive restarts, the same bytes every time, committed records only."""

import signal
import subprocess
from pathlib import Path

import pytest

from tests.apps.cli.siaga import Siaga
from tests.apps.integrations import cap_rules
from tests.apps.integrations.conftest import Publisher

ALL = ("cap", "--from-beginning", "--until-end")


async def episode(publish: Publisher) -> None:
    """Raised, amended, an aborted lie, cleared; and another regency's raise in between."""
    await publish(range(1), regency="16.71")
    await publish(range(1, 2), regency="16.72")
    await publish(range(4, 5), regency="16.71", change="amended", previous_level="waspada")
    await publish(range(8, 9), regency="16.71", change="raised", level="awas", commit=False)
    await publish(range(12, 13), regency="16.71", change="cleared", level="normal", previous_level="waspada")


async def test_an_episode_is_alert_update_cancel_and_the_same_topic_gives_the_same_bytes(
    siaga: Siaga, publish: Publisher
):
    await episode(publish)
    done = siaga(*ALL)
    assert (done.status, done.err) == (0, "")
    documents = done.out.splitlines()
    assert len(documents) == 4 and [cap_rules.faults(one) for one in documents] == [[]] * 4
    mine = [one for one in documents if cap_rules.text(one, "incidents") == "16.71/1"]
    assert [cap_rules.text(one, "msgType") for one in mine] == ["Alert", "Update", "Cancel"]
    assert [key for _, key, _ in cap_rules.references(mine[2])] == [
        cap_rules.text(one, "identifier") for one in mine[:2]
    ]
    assert siaga(*ALL).out == done.out


async def test_files_are_one_each_the_same_after_a_restart_and_never_changed(
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


async def test_a_restart_without_the_past_still_references_it(siaga: Siaga, publish: Publisher):
    await publish(range(1), regency="16.71")
    assert siaga("cap", "--until-end").out == b""
    with siaga.start("cap", stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        assert run.stdout
        lines: list[bytes] = []
        number = 4
        while (
            not lines
        ):  # it begins at some moment; the first that it writes is an Update of the Alert it did not write
            await publish(range(number, number + 1), regency="16.71", change="amended", previous_level="waspada")
            number += 4
            lines = _line_within(run, 1.0)
        run.send_signal(signal.SIGINT)
        assert run.wait(15) == 0
    assert cap_rules.text(lines[0], "msgType") == "Update"
    assert cap_rules.references(lines[0])[0][1] == f"siaga-exercise-{publish.ids[0]}"


def _line_within(run: "subprocess.Popen[bytes]", seconds: float) -> list[bytes]:
    import select

    assert run.stdout
    return [run.stdout.readline()] if select.select([run.stdout], [], [], seconds)[0] else []


async def test_what_is_no_escalation_is_told_and_the_rest_written(siaga: Siaga, publish: Publisher):
    await publish.raw(b"\xff", partition=0)
    await publish.raw(b'{"level":"awas","secret":"NIK"}', partition=0)
    await publish(range(1), regency="16.71")
    done = siaga(*ALL)
    assert done.status == 1 and len(done.out.splitlines()) == 1
    assert len(done.error_lines) == 2 and all("no escalation" in line for line in done.error_lines)
    assert "NIK" not in done.err


async def test_actual_must_be_said_with_a_sender(siaga: Siaga, publish: Publisher):
    await publish(range(1), regency="16.71")
    assert siaga(*ALL, "--status", "actual").status == 2
    said = siaga(*ALL, "--status", "actual", "--sender", "siaga.example.org").out
    assert cap_rules.text(said, "status") == "Actual" and cap_rules.text(said, "note") is None
    assert cap_rules.text(siaga(*ALL).out, "status") == "Exercise"


@pytest.mark.parametrize("arguments", [("--sender", "a b"), ("--utc-offset", "Z"), ("--status", "real")])
def test_what_cap_does_not_allow_is_exit_status_2(arguments: tuple[str, ...]):
    assert Siaga()(*ALL, *arguments).status == 2
