"""`siaga replay` on a real broker: order, speed, continuing, and Italy's turnout."""

import csv
import json
import re
import signal
import subprocess
import time
from collections import defaultdict
from pathlib import Path

import pytest

from tests.apps.cli.conftest import Log
from tests.apps.cli.siaga import Siaga, incident, json_lines, turnout

pytestmark = pytest.mark.usefixtures("topics")


def hour(number: int) -> str:
    return f"2024-11-27T{number:02}:00:00+07:00"


@pytest.fixture
def pair(tmp_path: Path) -> list[str]:
    """A day in two files, newest first, as arguments."""
    incidents, turnouts = tmp_path / "incidents.jsonl", tmp_path / "turnout.jsonl"
    hours = range(12, 6, -1)
    incidents.write_bytes(
        json_lines(incident(n, regency="16.01", occurred_at=hour(n), reported_at=hour(n)) for n in hours)
    )
    turnouts.write_bytes(json_lines(turnout(n, regency="16.01", as_of=hour(n)) for n in hours))
    return ["--incidents", str(incidents), "--turnout", str(turnouts)]


def ids(log: Log, topic: str) -> list[str]:
    return [json.loads(record.value)["event_id"] for record in log.records(topic)]


def test_each_regency_is_sent_in_the_order_of_event_time(siaga: Siaga, log: Log, pair: list[str]):
    done = siaga("replay", *pair, "--speed", "max")
    assert done.status == 0
    assert done.error_lines == [
        "12 messages from 2024-11-27T00:00:00.000Z to 2024-11-27T05:00:00.000Z, 0 rejected",
        "12 sent",
    ]
    assert ids(log, "incidents") == [f"e-{n}" for n in range(7, 13)]
    assert ids(log, "turnout") == [f"t-{n}" for n in range(7, 13)]


def test_from_skips_messages_before_the_time(siaga: Siaga, log: Log, pair: list[str]):
    assert siaga("replay", *pair, "--speed", "max", "--from", hour(11)).status == 0
    assert ids(log, "incidents") == ["e-11", "e-12"]


def test_five_hours_at_3600_take_five_seconds(siaga: Siaga, log: Log, pair: list[str]):
    began = time.monotonic()
    assert siaga("replay", *pair, "--speed", "3600").status == 0
    assert 5 <= time.monotonic() - began < 20
    appended = [record.timestamp for record in log.records("incidents")]  # by the broker's clock
    assert 4_000 <= appended[-1] - appended[0] <= 10_000


def test_an_interrupted_replay_continues_without_loss(siaga: Siaga, log: Log, pair: list[str]):
    run = siaga.start("replay", *pair, "--speed", "3600", stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 30
    while len(log.records("turnout")) < 2:
        assert time.monotonic() < deadline
    run.send_signal(signal.SIGINT)
    _, err = run.communicate(timeout=30)
    assert run.returncode == 130
    match = re.search(r"continue with --from (\S+)$", err.splitlines()[-1])
    assert match, err
    assert siaga("replay", *pair, "--speed", "max", "--from", match[1]).status == 0
    assert set(ids(log, "incidents")) == {f"e-{n}" for n in range(7, 13)}
    assert set(ids(log, "turnout")) == {f"t-{n}" for n in range(7, 13)}


def test_an_invalid_line_is_reported_and_the_rest_is_sent(siaga: Siaga, log: Log, tmp_path: Path):
    file = tmp_path / "turnout.jsonl"
    file.write_bytes(b"{}\r\n" + json_lines([turnout(1)]).strip())
    done = siaga("replay", "--turnout", str(file), "--speed", "max")
    assert done.status == 1
    assert done.error_lines[0].startswith("turnout line 1: schema: ")
    assert ids(log, "turnout") == ["t-1"]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--turnout", "no-such-file"],
        ["--turnout", "/dev/null", "--speed", "0"],
        ["--turnout", "/dev/null", "--speed", "nan"],
        ["--turnout", "/dev/null", "--from", "yesterday"],
    ],
)
def test_wrong_arguments_are_one_line_and_status_2(siaga: Siaga, arguments: list[str]):
    done = siaga("replay", *arguments)
    assert (done.status, len(done.error_lines)) == (2, 1)


def test_italy_2020_is_sent_completely(siaga: Siaga, log: Log, shared_data: Path, tmp_path: Path):
    source = shared_data / "italy_2020_referendum_affluenzaComuni.csv"
    roster, file = str(tmp_path / "roster.csv"), str(tmp_path / "turnout.jsonl")
    assert siaga("convert", "italy-2020", str(source), "--roster", roster, "--turnout", file).status == 0
    done = siaga("replay", "--turnout", file, "--roster", roster, "--speed", "max", timeout=120)
    assert (done.status, done.error_lines[-1]) == (0, "31936 sent")
    last: dict[tuple[str, str], int] = {}  # the latest of each station is the last on its partition
    for record in log.records("turnout"):
        message = json.loads(record.value)
        last[message["regency"], message["station"]] = message["voted"]
    voted: dict[str, int] = defaultdict(int)
    for (regency, _station), count in last.items():
        voted[regency] += count
    with (shared_data / "italy_2020_referendum_affluenzaRegioni.csv").open(encoding="utf-8-sig", newline="") as regioni:
        assert voted == {f"39.{int(row['cod']):02}": int(row["com_vot:3:vot_t"]) for row in csv.DictReader(regioni)}
