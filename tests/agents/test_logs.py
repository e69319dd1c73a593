"""Laws of the log: no floods, no forged lines."""

import json
import logging

from agents.logs import FloodGate, JsonLine, OneLine


def record(name: str, message: str, *args: object) -> logging.LogRecord:
    return logging.LogRecord(name, logging.WARNING, "file.py", 1, message, args, None)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_cause_is_logged_once_in_ten_seconds_and_then_says_how_often():
    clock = Clock()
    gate = FloodGate(10.0, clock)
    lines = [record("aiokafka.conn", "cannot connect to %s", n) for n in range(1000)]
    assert sum(gate.filter(line) for line in lines) == 1
    clock.now = 10.0
    last = record("aiokafka.conn", "cannot connect to %s", "broker")
    assert gate.filter(last)
    assert last.getMessage() == "cannot connect to broker (999 more like it were held back)"


def test_one_cause_does_not_silence_another():
    gate = FloodGate(10.0, Clock())
    assert gate.filter(record("aiokafka.conn", "cannot connect to %s", 1))
    assert gate.filter(record("aiokafka.consumer", "heartbeat failed"))


def test_our_own_lines_are_never_held_back():
    gate = FloodGate(10.0, Clock())
    assert all(gate.filter(record("agents.batching.stage", "shard failed")) for _ in range(100))


def test_a_retry_that_is_normal_between_two_transactions_is_no_news():
    line = record("aiokafka.producer.sender", "Got error produce response: %s", "<class 'NotEnoughReplicasError'>")
    assert not FloodGate(10.0, Clock()).filter(line)


def test_a_line_break_in_a_message_cannot_forge_a_line():
    text = OneLine().format(record("agents", "source %s", "x\n2026-01-01 ERROR all is lost"))
    assert "\n" not in text


def test_json_lines_keep_what_was_given_as_extra():
    line = record("agents", "shard %s", "open")
    line.partition = 3
    assert json.loads(JsonLine().format(line)) | {"time": 0} == {
        "time": 0,
        "level": "warning",
        "logger": "agents",
        "message": "shard open",
        "partition": 3,
    }
