"""`siaga publish` on a real broker: what is sent, what is not, and resuming."""

import gzip
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.apps.cli.conftest import Log
from tests.apps.cli.siaga import Siaga, incident, json_lines, turnout


@pytest.mark.usefixtures("topics")
def test_valid_lines_are_sent_unchanged_with_the_regency_as_key(siaga: Siaga, log: Log):
    lines = json_lines(incident(number) for number in range(100))
    done = siaga("publish", "incidents", stdin=lines)
    assert (done.status, done.error_lines) == (0, ["100 read, 100 sent, 0 rejected"])
    records = log.records("incidents")
    assert sorted(record.value + b"\n" for record in records) == sorted(lines.splitlines(keepends=True))
    for record in records:
        assert b'"regency": "%b"' % record.key in record.value


@pytest.mark.usefixtures("topics")
def test_the_lines_of_a_regency_keep_their_order(siaga: Siaga, log: Log):
    siaga("publish", "incidents", stdin=json_lines(incident(number) for number in range(1000)))
    by_regency: dict[bytes, list[int]] = {}
    for record in log.records("incidents"):
        by_regency.setdefault(record.key, []).append(int(record.value.split(b'"e-')[1].split(b'"')[0]))
    assert sum(map(len, by_regency.values())) == 1000
    assert all(numbers == sorted(numbers) for numbers in by_regency.values())


@pytest.mark.usefixtures("topics")
def test_an_invalid_line_is_reported_with_number_and_reason_and_not_sent(siaga: Siaga, log: Log):
    good = [json_lines([turnout(number)]) for number in (1, 2)]
    lines = [
        good[0],
        b"\r\n",
        b"{}\n",
        b"not json\n",
        json_lines([turnout(3, voted="9")]),
        b"\xff\xfe\n",
        b"\n",
        good[1],
    ]
    done = siaga("publish", "turnout", stdin=b"".join(lines).rstrip(b"\n"))
    assert done.status == 1
    assert [line.split(": ")[:2] for line in done.error_lines[:-1]] == [
        ["line 3", "schema"],
        ["line 4", "invalid_json"],
        ["line 5", "schema"],
        ["line 6", "not_utf8"],
    ]
    assert done.error_lines[-1] == "6 read, 2 sent, 4 rejected (invalid_json 1, not_utf8 1, schema 2)"
    assert len(log.records("turnout")) == 2


@pytest.mark.usefixtures("topics")
def test_a_regency_outside_the_given_roster_is_reported(siaga: Siaga, log: Log, tmp_path: Path):
    roster = tmp_path / "roster.csv"
    roster.write_text("regency,name,stations,registered\n16.02,Here,1,1\n")
    lines = json_lines([incident(1), incident(2)])
    done = siaga("publish", "incidents", "--roster", str(roster), stdin=lines)
    assert (done.status, done.error_lines[0]) == (1, "line 2: unknown_regency: regency: 16.03 is not in the roster")
    assert [record.key for record in log.records("incidents")] == [b"16.02"]


@pytest.mark.usefixtures("topics")
def test_no_validate_sends_everything(siaga: Siaga, log: Log):
    done = siaga("publish", "incidents", "--no-validate", stdin=b'{"regency":"16.01","x":1}\nnot json\n[]\n')
    assert (done.status, done.error_lines[-1]) == (0, "3 read, 3 sent, 0 rejected")
    assert {(record.key, record.value) for record in log.records("incidents")} == {
        (b"16.01", b'{"regency":"16.01","x":1}'),
        (None, b"not json"),
        (None, b"[]"),
    }


@pytest.mark.usefixtures("topics")
def test_check_sends_nothing_and_needs_no_broker(siaga: Siaga, log: Log):
    lines = json_lines([incident(1), incident(2, severity=6)])
    done = siaga("publish", "incidents", "--check", stdin=lines, SIAGA_BROKER="127.0.0.1:1")
    assert (done.status, done.error_lines[-1]) == (1, "2 read, 1 would be sent, 1 rejected (schema 1)")
    assert log.records("incidents") == []


@pytest.mark.usefixtures("topics")
@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
def test_a_value_arrives_unchanged_through_every_codec(siaga: Siaga, log: Log, codec: str):
    lines = json_lines(incident(number) for number in range(50))
    assert siaga("publish", "incidents", "--compression", codec, stdin=lines).status == 0
    assert sorted(record.value for record in log.records("incidents")) == sorted(lines.splitlines())


@pytest.mark.usefixtures("topics")
@pytest.mark.parametrize("name", ["plain.jsonl", "packed.jsonl.gz"])
def test_an_interrupted_run_resumes_and_every_line_arrives(siaga: Siaga, log: Log, tmp_path: Path, name: str):
    lines = json_lines(incident(number) for number in range(60_000))
    file = tmp_path / name
    file.write_bytes(gzip.compress(lines, 1) if name.endswith("gz") else lines)
    run = siaga.start("publish", "incidents", str(file), stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not list((tmp_path / "data").glob("publish/*.json")):  # written about a second after the start
        assert time.monotonic() < deadline and run.poll() is None, run.stderr and run.stderr.read()
        time.sleep(0.02)
    run.send_signal(signal.SIGINT)
    _, err = run.communicate(timeout=30)
    assert run.returncode == 130
    assert err.splitlines()[-1] == "interrupted; continue with --resume"

    resumed = siaga("publish", "incidents", str(file), "--resume", timeout=120)
    assert resumed.status == 0
    assert resumed.error_lines[0].startswith("resuming after line ")
    assert 0 < int(resumed.error_lines[-1].split()[0]) < 60_000
    values = [record.value for record in log.records("incidents")]
    assert set(values) == set(lines.splitlines())
    assert len(values) < 72_000  # what was in flight may come twice, not more

    again = siaga("publish", "incidents", str(file), "--resume")
    assert (again.status, again.error_lines[-1]) == (0, "0 read, 0 sent, 0 rejected")


@pytest.mark.usefixtures("topics")
def test_a_file_that_has_grown_resumes_with_the_new_lines(siaga: Siaga, log: Log, tmp_path: Path):
    file = tmp_path / "log.jsonl"
    file.write_bytes(json_lines([incident(1), incident(2)]))
    assert siaga("publish", "incidents", str(file)).status == 0
    with file.open("ab") as grown:
        grown.write(json_lines([incident(3)]))
    done = siaga("publish", "incidents", str(file), "--resume")
    assert done.error_lines == ["resuming after line 2 (2 sent by then)", "1 read, 1 sent, 0 rejected"]
    assert len(log.records("incidents")) == 3


@pytest.mark.usefixtures("topics")
def test_another_file_of_the_same_name_does_not_resume(siaga: Siaga, tmp_path: Path):
    file = tmp_path / "log.jsonl"
    file.write_bytes(json_lines([incident(1), incident(2)]))
    assert siaga("publish", "incidents", str(file)).status == 0
    file.write_bytes(json_lines([incident(1), incident(9), incident(3)]))
    done = siaga("publish", "incidents", str(file), "--resume")
    assert (done.status, len(done.error_lines)) == (2, 1)
    assert "line 2 is not what the last run sent" in done.err


def test_missing_topics_are_one_line(siaga: Siaga, fresh_prefix: str):
    done = siaga("publish", "incidents", stdin=b"")
    assert (done.status, len(done.error_lines)) == (1, 1)
    assert f"no topic {fresh_prefix}incidents" in done.err and "siaga topics" in done.err


@pytest.mark.parametrize(
    "arguments", [["publish", "incidents", "no-such-file"], ["publish", "incidents", "-", "--resume"]]
)
def test_unreadable_input_is_one_line_and_status_2(siaga: Siaga, arguments: list[str]):
    done = siaga(*arguments)
    assert (done.status, len(done.error_lines)) == (2, 1)


@pytest.mark.usefixtures("topics")
def test_a_truncated_gzip_is_one_line_and_the_lines_before_are_sent(siaga: Siaga, log: Log, tmp_path: Path):
    file = tmp_path / "half.jsonl.gz"
    file.write_bytes(gzip.compress(json_lines(incident(number) for number in range(2000)))[:-2000])
    done = siaga("publish", "incidents", str(file))
    assert done.status == 2
    assert done.error_lines[-1].startswith("Error: after line ")
    assert log.records("incidents")
