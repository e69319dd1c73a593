"""What a process says of parts that have work and make no progress."""

from queue import Queue

import pytest
from prometheus_client import CollectorRegistry

from agents import metrics
from agents.health import END_AFTER_S, STUCK_AFTER_S, Health, end_when_hopeless
from agents.settings import Settings
from apps.embedded.ports import free_port
from tests.health_page import health_of


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def health(clock: Clock) -> Health:
    return Health("worker", "siaga.", clock)


def test_a_part_that_is_blocked_for_a_moment_is_not_stuck(health: Health, clock: Clock) -> None:
    health.blocked("intake incidents/0", "no broker", "start it")
    clock.now += STUCK_AFTER_S - 0.1
    assert health.stuck() == []


def test_the_time_counts_from_the_first_call_and_the_reason_is_the_latest(health: Health, clock: Clock) -> None:
    health.blocked("intake incidents/0", "no broker", "start it")
    clock.now += STUCK_AFTER_S
    health.blocked("intake incidents/0", "a fold failed", "read the log")
    (stuck,) = health.stuck()
    assert (stuck.since_s, stuck.reason, stuck.advice) == (STUCK_AFTER_S, "a fold failed", "read the log")


def test_progress_ends_it_and_the_time_begins_again(health: Health, clock: Clock) -> None:
    health.blocked("intake incidents/0", "no broker", "start it")
    clock.now += STUCK_AFTER_S
    health.works("intake incidents/0")
    health.blocked("intake incidents/0", "no broker", "start it")
    assert health.stuck() == []


def test_a_part_blocked_for_the_limit_is_a_reason_to_end(health: Health, clock: Clock) -> None:
    health.blocked("a", "no broker", "start it")
    clock.now += END_AFTER_S
    health.blocked("b", "no broker", "start it")
    hopeless = health.hopeless()
    assert hopeless is not None
    assert hopeless.line() == "a has made no progress for 900 s: no broker; start it"


def test_a_loop_that_no_longer_looks_at_its_parts_is_stuck_itself(health: Health, clock: Clock) -> None:
    health.looked()
    clock.now += STUCK_AFTER_S - 1
    assert health.stuck() == []
    clock.now += 1
    assert [stuck.part for stuck in health.stuck()] == ["loop"]
    health.looked()
    assert health.stuck() == []


def test_a_hopeless_process_ends_with_status_1_and_its_line(
    health: Health, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    ended: Queue[int] = Queue()
    health.blocked("a", "no broker", "start it")
    clock.now += END_AFTER_S
    end_when_hopeless(health, ended.put)
    assert ended.get(timeout=60) == 1
    assert "ending: a has made no progress for 900 s: no broker; start it" in caplog.text


def test_healthz_answers_503_with_the_reason_while_a_part_is_stuck(health: Health, clock: Clock) -> None:
    port = free_port()
    metrics.serve_metrics(Settings.load({}, metrics_port=port), health, CollectorRegistry())
    assert health_of(port) == (200, {"status": "ok", "role": "worker", "deployment": "siaga.", "stuck": []})
    health.blocked("risk ledger/3", "the fold raised KeyError", "read the log")
    clock.now += STUCK_AFTER_S
    status, body = health_of(port)
    assert status == 503
    assert body["stuck"] == [
        {"part": "risk ledger/3", "since_s": 10.0, "reason": "the fold raised KeyError", "advice": "read the log"}
    ]
