"""The table and the picture of a run, from its lines."""

import json
import subprocess
import sys

import pytest

from benchmarks.nation import incidents_per_hour, stations_of
from benchmarks.sheet import table
from tests.agents.deployment import ROOT

LINES = [
    {"what": "micro", "part": "decode", "us": 3.25, "of_json": 0.9},
    {
        "what": "drain",
        "workers": 1,
        "regencies": 17,
        "events_per_s": 32067,
        "cpu_s_per_million": 30.7,
        "memory_mib": 809,
    },
    {
        "what": "places",
        "workers": 1,
        "regencies": 514,
        "events_per_s": 27000,
        "cpu_s_per_million": 35.0,
        "cpu_us_per_event": 34.5,
        "memory_mib": 900,
    },
    {"what": "start", "new_topics_s": 2.4, "after_kill_s": [1.3, 1.5]},
    {"what": "latency", "workers": 1, "rate": 500, "p50_ms": 41.1, "p99_ms": 120.0, "cpu_share": 0.67},
]


def test_each_measurement_is_a_row_with_its_figures_under_their_units():
    head, _, micro, small, large, start, latency = [
        [cell.strip() for cell in row.split("|")[1:-1]] for row in table(LINES).splitlines()
    ]
    assert head[1:] == [
        "events/s",
        "processor µs an event",
        "start left out",
        "of json.loads",
        "p50 ms",
        "p99 ms",
        "seconds",
        "worker's MiB",
    ]
    assert micro == ["micro: part decode", "", "3.25", "", "0.9", "", "", "", ""]
    assert small == ["drain: workers 1, regencies 17", "32,067", "30.7", "", "", "", "", "", "809"]
    assert large[:4] == ["places: workers 1, regencies 514", "27,000", "35.0", "34.5"]
    assert start[0] == "start" and start[7] == "2.4; 1.3, 1.5"
    assert latency[0] == "latency: workers 1, rate 500" and latency[5:7] == ["41.1", "120.0"]


def test_an_earlier_run_is_printed_and_drawn_without_measuring(tmp_path):
    pytest.importorskip("matplotlib")
    lines, picture = tmp_path / "run.jsonl", tmp_path / "cost.png"
    lines.write_text("".join(json.dumps(line) + "\n" for line in LINES))
    command = [sys.executable, "-m", "benchmarks", "--from", str(lines), "--plot", str(picture)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == table(LINES)
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_an_unknown_measurement_is_refused_by_name():
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "drian"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2 and "drian" in done.stderr


@pytest.mark.parametrize("keys", [10_000, 100_000, 1_000_000])
def test_stations_and_an_hour_of_incidents_give_the_wanted_keys(keys):
    stations = stations_of(keys)
    assert stations + incidents_per_hour(stations) == pytest.approx(keys, rel=1e-3)
