"""`siaga simulate`: files, a real broker, a signal, and errors of one line."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner
from kafka import KafkaConsumer

from agents.kafka.connection import kafka_python_options
from agents.kafka.topics import ensure, open_admin
from agents.settings import Settings
from apps.cli.simulate import command
from apps.simulation.day import Plan, simulate_day
from schemas.roster import Roster
from schemas.wire import decode_incident, decode_turnout

ROSTER = "regency,name,stations,registered\n16.01,Hulu,40,16000\n16.02,Hilir,20,8000\n"


@pytest.fixture
def roster_file(tmp_path):
    path = tmp_path / "roster.csv"
    path.write_text(ROSTER)
    return path


@pytest.fixture
def environment(broker, fresh_prefix, roster_file):
    """Variables of a broker with fresh topics and a small roster."""
    variables = {
        "SIAGA_BROKER": broker.bootstrap,
        "SIAGA_TOPIC_PREFIX": fresh_prefix,
        "SIAGA_ROSTER": str(roster_file),
        "SIAGA_REPLICATION": "1",
    }
    settings = Settings.load(variables)
    with open_admin(kafka_python_options(settings), 10.0) as admin:
        ensure(admin, settings)
    return variables


def published(environment, name):
    settings = Settings.load(environment)
    consumer = KafkaConsumer(
        settings.topic_prefix + name,
        **kafka_python_options(settings),
        auto_offset_reset="earliest",
        consumer_timeout_ms=3000,
    )
    try:
        return list(consumer)
    finally:
        consumer.close()


def test_the_published_messages_are_the_day_of_the_seed_keyed_by_regency(environment):
    result = CliRunner().invoke(command, ["--speed", "0", "--seed", "5", "--flareups", "chance"], env=environment)
    assert result.exit_code == 0, result.output
    day = simulate_day(Roster.parse(ROSTER), Plan(seed=5))
    for topic in ("incidents", "turnout"):
        records = published(environment, topic)
        assert all(record.key.decode() == json.loads(record.value)["regency"] for record in records)
        wanted = sorted(json.dumps(message.body) for message in day.messages if message.topic == topic)
        assert sorted(json.dumps(json.loads(record.value)) for record in records) == wanted


def test_sigterm_ends_it_soon_with_status_0(environment):
    run = subprocess.Popen(
        [sys.executable, "-m", "apps.cli.main", "simulate", "--speed", "60"],
        env=os.environ | environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert "messages" in run.stderr.readline()  # publishing begins
        run.send_signal(signal.SIGTERM)
        began = time.monotonic()
        _, rest = run.communicate(timeout=10)
        assert time.monotonic() - began < 5
        assert run.returncode == 0 and "stopped" in rest and "Traceback" not in rest
    finally:
        run.kill()
        run.wait()


def test_out_writes_files_that_are_valid_line_by_line(roster_file, tmp_path):
    out = tmp_path / "day"
    result = CliRunner().invoke(command, ["--out", str(out), "--roster", str(roster_file)])
    assert result.exit_code == 0, result.output
    incidents = [decode_incident(line) for line in (out / "incidents.jsonl").read_bytes().splitlines()]
    turnout = [decode_turnout(line) for line in (out / "turnout.jsonl").read_bytes().splitlines()]
    arrivals = json.loads((out / "arrivals.json").read_bytes())
    (day,) = json.loads((out / "truth.json").read_bytes())["days"]
    assert (len(arrivals["incidents"]), len(arrivals["turnout"])) == (len(incidents), len(turnout))
    assert day["truth"]["flareups"][0]["onset"] == "2024-11-27T06:36:00+07:00"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--date", "27-11-2024"], "--date: '27-11-2024' is not a date YYYY-MM-DD"),
        (["--start", "25:00"], "--start: '25:00' is not a time of day HH:MM"),
        (["--speed", "-1"], "--speed: must not be negative"),
        (["--flareups", "absent.json"], "--flareups: absent.json: No such file or directory"),
        (["--roster", "absent.csv"], "absent.csv"),
    ],
)
def test_an_invalid_flag_is_one_line_and_exit_status_2(arguments, line, tmp_path):
    with CliRunner().isolated_filesystem(tmp_path):
        result = CliRunner().invoke(command, arguments)
    assert result.exit_code == 2
    assert line in result.output and len(result.output.splitlines()) == 1


def test_an_invalid_flare_up_is_one_line_that_names_its_field(tmp_path):
    file = tmp_path / "flareups.json"
    file.write_text('[{"regency": "16.71", "onset": "10:30", "kind": "picnic"}]')
    result = CliRunner().invoke(command, ["--flareups", str(file)])
    assert result.exit_code == 2
    assert "flareup 1, kind: 'picnic' is none of" in result.output


def test_world_chooses_the_family_which_stages_flare_ups_of_its_own(roster_file, tmp_path):
    options = ["--seed", "4", "--turnout-every", "0", "--roster", str(roster_file), "--world", "shifts"]
    result = CliRunner().invoke(command, [*options, "--out", str(tmp_path / "day")])
    assert result.exit_code == 0, result.output
    day = simulate_day(Roster.parse(ROSTER), Plan(4, turnout_every_min=0, world="shifts"))
    lines = (tmp_path / "day" / "incidents.jsonl").read_bytes().splitlines()
    assert lines == [message.value for message in day.messages]
    result = CliRunner().invoke(command, [*options, "--flareups", "demo"])
    assert result.exit_code == 2 and "world shifts draws its own" in result.output
