"""`siaga redrive` on a real broker: valid records are sent to the topic they came from, once."""

import base64
import json
import signal
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaProducer

from apps.embedded import EmbeddedBroker
from apps.publishing.redrive import KEY_MAX_BYTES, REPLACES_HEADER
from schemas.rejected import HEADER_VALUE_CUT, rejected_headers
from schemas.vocabulary import RejectReason
from tests.apps.cli.conftest import Log
from tests.apps.cli.siaga import Done, Siaga, incident, json_lines, turnout

pytestmark = pytest.mark.usefixtures("topics")


def now(**ahead: float) -> str:
    return (datetime.now(UTC) + timedelta(**ahead)).isoformat(timespec="seconds")


def good(number: int, **changes: Any) -> dict[str, Any]:
    return incident(number, occurred_at=now(minutes=-1), reported_at=now()) | changes


def reject_line(prefix: str, offset: int, value: Any, topic: str = "incidents", **changes: Any) -> dict[str, Any]:
    """A line as `siaga tail rejected` prints it."""
    source = {"topic": prefix + topic, "partition": 0, "offset": offset}
    return {
        "topic": prefix + "rejected",
        "partition": 0,
        "offset": offset,
        "reason": "schema",
        "error": "severity: is missing",
        "source": source,
        "key": "16.71",
        "value": value if isinstance(value, str) else json.dumps(value),
    } | changes


def reject(
    bootstrap: str, prefix: str, reason: RejectReason, offset: int, value: bytes, key: bytes = b"k", more=()
) -> None:
    """Write a rejected record as intake does."""
    producer = KafkaProducer(bootstrap_servers=bootstrap, acks="all")
    headers = [*rejected_headers(reason, "for the test", prefix + "incidents", 1, offset), *more]
    producer.send(prefix + "rejected", value=value, key=key, headers=headers, partition=1).get(timeout=30)
    producer.close()


@pytest.fixture
def redrive(siaga: Siaga, tmp_path: Path):
    def run(lines: list[dict[str, Any]] | bytes, *flags: str, **environ: str) -> Done:
        file = tmp_path / "rejects.jsonl"
        file.write_bytes(lines if isinstance(lines, bytes) else json_lines(lines))
        return siaga("redrive", str(file), *flags, **environ)

    return run


def test_corrected_lines_go_to_their_topics_and_failing_ones_are_reported(redrive, log: Log, fresh_prefix: str):
    first, second = good(1), turnout(2, as_of=now())
    done = redrive(
        [
            reject_line(fresh_prefix, 7, first),
            reject_line(fresh_prefix, 8, good(3, severity=9)),
            reject_line(fresh_prefix, 9, second, "turnout", key=None),
            reject_line(fresh_prefix, 10, good(4, regency="31.71")),
            reject_line(fresh_prefix, 11, good(5, reported_at=now(hours=1))),
        ]
    )
    assert done.status == 1
    assert done.error_lines == [
        "line 2: schema: severity: Input should be less than or equal to 5",
        "line 4: unknown_regency: regency: not in the roster",
        "line 5: future: event or report time is more than 10 minutes ahead of the clock",
        "5 read, 2 redriven, 3 still fail (future 1, schema 1, unknown_regency 1)",
    ]
    (sent,) = log.records("incidents")
    assert (sent.key, json.loads(sent.value)) == (b"16.71", first)
    assert dict(sent.headers) == {REPLACES_HEADER: f"{fresh_prefix}incidents/0/7".encode()}
    (sent,) = log.records("turnout")
    assert (sent.key, json.loads(sent.value)) == (None, second)


def test_a_cloudevent_in_structured_mode_is_sent_as_one(redrive, log: Log, fresh_prefix: str):
    event = {"specversion": "1.0", "id": "1", "type": "report", "source": "/media", "data": good(1)}
    assert redrive([reject_line(fresh_prefix, 7, event)]).status == 0
    (sent,) = log.records("incidents")
    assert json.loads(sent.value) == event
    assert dict(sent.headers)["content-type"] == b"application/cloudevents+json; charset=utf-8"


def test_a_second_run_skips_what_was_redriven(redrive, log: Log, fresh_prefix: str):
    lines = [reject_line(fresh_prefix, 1, good(1)), reject_line(fresh_prefix, 2, good(2, severity=0))]
    assert redrive([*lines, lines[0]]).error_lines[-1] == (
        "3 read, 1 redriven, 1 redriven before, 1 still fail (schema 1)"
    )
    lines[1] = reject_line(fresh_prefix, 2, good(2))
    done = redrive(lines)
    assert (done.status, done.error_lines) == (0, ["2 read, 1 redriven, 1 redriven before, 0 still fail"])
    assert redrive(lines).error_lines == ["2 read, 0 redriven, 2 redriven before, 0 still fail"]
    assert sorted(json.loads(record.value)["event_id"] for record in log.records("incidents")) == ["e-1", "e-2"]
    assert redrive(lines, "--again").error_lines == ["2 read, 2 redriven, 0 still fail"]
    assert len(log.records("incidents")) == 4


def test_a_partial_journal_line_does_not_count_as_redriven(redrive, log: Log, fresh_prefix: str, tmp_path: Path):
    assert redrive([reject_line(fresh_prefix, 41, good(1))]).status == 0
    (journal,) = [path for path in (tmp_path / "data" / "redrive").iterdir() if path.read_bytes()]
    journal.write_bytes(journal.read_bytes() + b"0/4")
    done = redrive([reject_line(fresh_prefix, number, good(number)) for number in (4, 41)])
    assert done.error_lines == ["2 read, 1 redriven, 1 redriven before, 0 still fail"]
    assert journal.read_bytes() == b"0/41\n0/4\n"


def test_after_an_interrupted_run_the_next_sends_the_rest(siaga: Siaga, log: Log, fresh_prefix: str, tmp_path: Path):
    count = 20_000
    file = tmp_path / "rejects.jsonl"
    file.write_bytes(
        json_lines(reject_line(fresh_prefix, number, good(number, regency="16.71")) for number in range(count))
    )
    run = siaga.start("redrive", str(file), stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not any(path.stat().st_size for path in (tmp_path / "data").glob("redrive/*")):
        assert time.monotonic() < deadline and run.poll() is None, run.stderr and run.stderr.read()
        time.sleep(0.02)
    run.send_signal(signal.SIGINT)
    _, err = run.communicate(timeout=60)
    assert (run.returncode, err.splitlines()[-1]) == (130, "interrupted; run it again for the rest")
    assert siaga("redrive", str(file), timeout=120).status == 0
    sent = [json.loads(record.value)["event_id"] for record in log.records("incidents")]
    assert (len(sent), len(set(sent))) == (count, count)


def test_a_value_may_be_written_as_json_or_base64(redrive, log: Log, fresh_prefix: str):
    packed = reject_line(fresh_prefix, 2, "") | {
        "value_base64": base64.b64encode(json.dumps(good(2)).encode()).decode()
    }
    del packed["value"]
    key = reject_line(fresh_prefix, 3, good(3)) | {"key_base64": base64.b64encode(b"\xff").decode()}
    del key["key"]
    done = redrive([reject_line(fresh_prefix, 1, "") | {"value": good(1)}, packed, key])
    assert (done.status, done.error_lines) == (0, ["3 read, 3 redriven, 0 still fail"])
    records = {json.loads(record.value)["event_id"]: record for record in log.records("incidents")}
    assert set(records) == {"e-1", "e-2", "e-3"} and records["e-3"].key == b"\xff"


def test_an_unreadable_line_is_reported_and_does_not_stop_the_others(redrive, log: Log, fresh_prefix: str):
    fine = reject_line(fresh_prefix, 1, good(1))
    odd = [
        b"not json",
        b"\xff",
        b"[]",
        b"{}",
        json.dumps(fine | {"source": {"topic": fresh_prefix + "incidents", "partition": 0}}).encode(),
        json.dumps(fine | {"source": {"topic": "elsewhere", "partition": 0, "offset": 2}}).encode(),
        json.dumps(fine | {"value_base64": ""}).encode(),
        json.dumps(fine | {"value": 3}).encode(),
        json.dumps(fine | {"key": "k" * (KEY_MAX_BYTES // 2), "value": "x" * KEY_MAX_BYTES}).encode(),
        json.dumps(fine | {"value": None}).encode(),
        json.dumps(fine | {"value": 0}).replace('"value": 0', '"value": {"severity": 1, "severity": 2}').encode(),
        json.dumps(fine | {"source": {"topic": "x", "partition": 0, "offset": 0}})
        .replace(": 0", ": " + "9" * 5000)
        .encode(),
    ]
    done = redrive(b"\n".join([*odd, json.dumps(fine).encode()]))
    errors = dict(line.split(": ", 1) for line in done.error_lines[:-1])
    assert done.status == 1 and set(errors) == {f"line {number}" for number in range(1, len(odd) + 1)}
    assert errors.pop("line 10") == "invalid_json: the record has no value"
    assert all(text.startswith("unreadable: ") for text in errors.values())
    assert done.error_lines[-1].startswith(f"{len(odd) + 1} read, 1 redriven, {len(odd)} still fail")
    assert len(log.records("incidents")) == 1


def test_check_needs_no_broker_for_a_file_and_sends_nothing(redrive, log: Log, fresh_prefix: str):
    lines = [reject_line(fresh_prefix, 1, good(1)), reject_line(fresh_prefix, 2, "{}")]
    done = redrive(lines, "--check", SIAGA_BROKER="127.0.0.1:1")
    assert (done.status, done.error_lines[-1]) == (1, "2 read, 1 would be redriven, 1 still fail (schema 1)")
    assert log.records("incidents") == []


def test_records_valid_under_an_extended_roster_are_redriven_from_the_topic(
    siaga: Siaga, broker: EmbeddedBroker, log: Log, fresh_prefix: str, tmp_path: Path
):
    values = [
        json.dumps(good(number, regency=code)).encode() for number, code in enumerate(("31.71", "31.72", "31.71"))
    ]
    for offset, value in enumerate(values):
        reject(broker.bootstrap, fresh_prefix, RejectReason.UNKNOWN_REGENCY, offset, value)
    reject(broker.bootstrap, fresh_prefix, RejectReason.SCHEMA, 3, json.dumps(good(9)).encode())
    done = siaga("redrive", "--reason", "unknown_regency")
    assert (done.status, done.error_lines[-1]) == (1, "3 read, 0 redriven, 3 still fail (unknown_regency 3)")
    roster = tmp_path / "roster.csv"
    roster.write_text("regency,name,stations,registered\n31.71,New,1,1\n")
    checked = siaga("redrive", "--reason", "unknown_regency", "--check", "--roster", str(roster))
    assert checked.error_lines[-1] == "3 read, 2 would be redriven, 1 still fail (unknown_regency 1)"
    assert log.records("incidents") == []
    for sent in (2, 0):
        before = 2 - sent
        done = siaga("redrive", "--reason", "unknown_regency", "--roster", str(roster))
        assert done.error_lines[0] == "rejected 1/1: unknown_regency: regency: not in the roster"
        assert done.error_lines[1].startswith(
            f"3 read, {sent} redriven, " + f"{before} redriven before, " * bool(before)
        )
    assert sorted(record.value for record in log.records("incidents")) == sorted((values[0], values[2]))
    assert {record.key for record in log.records("incidents")} == {b"k"}


def test_only_records_no_longer_in_the_future_are_redriven(
    siaga: Siaga, broker: EmbeddedBroker, log: Log, fresh_prefix: str
):
    past, ahead = json.dumps(good(1)).encode(), json.dumps(good(2, reported_at=now(hours=2))).encode()
    reject(broker.bootstrap, fresh_prefix, RejectReason.FUTURE, 5, past)
    reject(broker.bootstrap, fresh_prefix, RejectReason.FUTURE, 6, ahead)
    done = siaga("redrive", "--reason", "future", "--reason", "too_old")
    assert (done.status, done.error_lines[-1]) == (1, "2 read, 1 redriven, 1 still fail (future 1)")
    (record,) = log.records("incidents")
    assert (record.value, dict(record.headers)[REPLACES_HEADER]) == (past, f"{fresh_prefix}incidents/1/5".encode())


def test_with_the_event_clock_a_past_election_is_valid(
    siaga: Siaga, broker: EmbeddedBroker, log: Log, fresh_prefix: str
):
    old = json.dumps(incident(1, occurred_at="2019-04-17T07:00:00+07:00")).encode()
    reject(broker.bootstrap, fresh_prefix, RejectReason.TOO_OLD, 0, old)
    assert siaga("redrive", "--reason", "too_old").status == 1
    assert siaga("redrive", "--reason", "too_old", "--clock", "event").status == 0
    assert [record.value for record in log.records("incidents")] == [old]


def test_a_cut_record_or_a_giant_key_is_reported_and_skipped(
    siaga: Siaga, broker: EmbeddedBroker, log: Log, fresh_prefix: str
):
    value = json.dumps(good(1)).encode()
    reject(broker.bootstrap, fresh_prefix, RejectReason.FUTURE, 0, value, more=[(HEADER_VALUE_CUT, b"99999")])
    reject(broker.bootstrap, fresh_prefix, RejectReason.FUTURE, 1, value, key=b"k" * 1_000_000)
    reject(broker.bootstrap, fresh_prefix, RejectReason.FUTURE, 2, value)
    done = siaga("redrive", "--reason", "future")
    cut, *lines = done.error_lines
    assert "is not read whole: key: 1000000 bytes" in cut
    assert lines == [
        "rejected 1/0: unreadable: only its beginning was kept, so it cannot be sent again",
        "rejected 1/1: unreadable: key: 1000000 bytes, at most 65536 are sent again",
        "3 read, 1 redriven, 2 still fail (unreadable 2)",
    ]
    assert len(log.records("incidents")) == 1


def test_wrong_arguments_are_one_line_and_status_2(siaga: Siaga, tmp_path: Path):
    for arguments in ([], ["file", "--reason", "schema"], [str(tmp_path / "absent")]):
        done = siaga("redrive", *arguments)
        assert (done.status, len(done.error_lines)) == (2, 1), done.err


def test_nothing_is_sent_without_a_writable_journal(redrive, log: Log, fresh_prefix: str, tmp_path: Path):
    (tmp_path / "data").write_text("a file where the directory should be")
    done = redrive([reject_line(fresh_prefix, 1, good(1))])
    assert done.status == 1 and "the journal of redriven records cannot be written" in done.error_lines[-1]
    assert log.records("incidents") == []
