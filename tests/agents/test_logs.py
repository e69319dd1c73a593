"""The log: no floods, no forged lines."""

import json
import logging

from agents.logs import CAUSES_MAX, FloodGate, JsonLine, OneLine


def record(name: str, message: str, *args: object) -> logging.LogRecord:
    return logging.LogRecord(name, logging.WARNING, "file.py", 1, message, args, None)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_cause_is_logged_once_in_ten_seconds_with_the_suppressed_count():
    clock = Clock()
    gate = FloodGate(10.0, clock)
    lines = [record("aiokafka.conn", "cannot connect to %s", n) for n in range(1000)]
    assert sum(gate.filter(line) for line in lines) == 1
    clock.now = 10.0
    last = record("aiokafka.conn", "cannot connect to %s", "broker")
    assert gate.filter(last)
    assert last.getMessage() == "cannot connect to broker (999 similar lines suppressed)"


def test_one_cause_does_not_silence_another():
    gate = FloodGate(10.0, Clock())
    assert gate.filter(record("aiokafka.conn", "cannot connect to %s", 1))
    assert gate.filter(record("aiokafka.consumer", "heartbeat failed"))


def test_info_lines_of_siaga_are_never_suppressed():
    gate = FloodGate(10.0, Clock())
    lines = [record("agents.shard_metrics", "shard open") for _ in range(100)]
    for line in lines:
        line.levelno = logging.INFO
    assert all(gate.filter(line) for line in lines)


def test_a_failing_shard_does_not_suppress_the_lines_of_another():
    gate = FloodGate(10.0, Clock())
    lines = [
        record("agents.batching.stage", "shard %s failed: %r", shard, OSError(n)) for n in range(50) for shard in (1, 2)
    ]
    assert [gate.filter(line) for line in lines] == [True, True] + [False] * 98


def test_the_memory_of_causes_is_bounded():
    clock = Clock()
    gate = FloodGate(10.0, clock)
    for number in range(50_000):
        clock.now += 0.1
        assert gate.filter(record("agents.batching.stage", "%d offsets are gone", number))
    assert len(gate._last) <= CAUSES_MAX


def test_the_expected_retry_between_two_transactions_is_not_logged():
    line = record("aiokafka.producer.sender", "Got error produce response: %s", "<class 'NotEnoughReplicasError'>")
    assert not FloodGate(10.0, Clock()).filter(line)


def test_a_line_break_in_a_message_cannot_forge_a_line():
    text = OneLine().format(record("agents", "source %s", "x\n2026-01-01 ERROR all is lost"))
    assert "\n" not in text


def test_a_message_cannot_send_escape_sequences_to_a_terminal():
    text = OneLine().format(record("agents", "source %s", "\x1b]0;owned\x07\x1b[2J\x9b1A\u2028 all is well"))
    assert text.endswith(r"source \x1b]0;owned\x07\x1b[2J\x9b1A\u2028 all is well")


def test_no_line_of_a_traceback_can_pass_for_a_record():
    line = record("agents", "crashed")
    try:
        raise ValueError("x\n2026-01-01 ERROR agents: all is lost")
    except ValueError as error:
        line.exc_info = (ValueError, error, error.__traceback__)
    first, *others = OneLine().format(line).split("\n")
    assert first.endswith("agents: crashed") and len(others) >= 4
    assert all(other.startswith("  | ") for other in others)


def test_every_json_record_is_one_line():
    assert len(JsonLine().format(record("agents", "a\nb\rc\u2028d\x85e")).splitlines()) == 1


def test_json_lines_contain_the_extra_fields():
    line = record("agents", "shard %s", "open")
    line.partition = 3
    assert json.loads(JsonLine().format(line)) | {"time": 0} == {
        "time": 0,
        "level": "warning",
        "logger": "agents",
        "message": "shard open",
        "partition": 3,
    }
