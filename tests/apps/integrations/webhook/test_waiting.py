"""Since when an escalation is tried, by clocks that do not jump; and which attempts are logged."""

import logging
import time

import pytest

from apps.integrations.webhook.http_attempt import Answer, interpret_status
from apps.integrations.webhook.partition_sender import CLOCK_OFF_S, PartitionSender
from apps.integrations.webhook.waiting import CHANGES_MAX, SAME_AGAIN_S, AttemptLog, Waiting


class Monotonic:
    now = 50.0

    def __call__(self) -> float:
        return self.now


def test_the_time_counts_from_the_first_attempt_and_on_from_earlier_processes(monkeypatch: pytest.MonkeyPatch):
    clock = Monotonic()
    one = Waiting(0, 0, None, None, clock=clock)
    clock.now += 100
    assert one.tried_for_s == 0, "not tried yet"
    one.tried()
    clock.now += 10
    monkeypatch.setattr(time, "time", lambda: 1e12)  # the host's clock jumps by 31,000 years
    one.tried()
    assert one.tried_for_s == 10 and one.attempts == 2
    after = Waiting(0, 0, None, None, clock=clock)
    after.taken_over(40, 3600.0)
    clock.now += 5
    assert after.tried_for_s == 3605 and after.attempts == 40
    back = Waiting(0, 0, None, None, clock=clock)
    back.taken_over(40, -7200.0)  # the broker's clock went back between two processes
    assert back.tried_for_s == 0


@pytest.mark.parametrize(("off_s", "is_said"), [(0, False), (CLOCK_OFF_S + 5, True), (-CLOCK_OFF_S - 5, True)])
def test_a_clock_that_receivers_would_refuse_is_said(off_s: float, is_said: bool, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.ERROR, "siaga.webhook"):
        PartitionSender._compare_clocks(None, int((time.time() - off_s) * 1000))  # type: ignore[arg-type]
    assert ("set it" in caplog.text) is is_said


def test_an_answer_is_logged_first_when_it_changes_and_each_hour():
    log = AttemptLog()

    def due(status: int, at_s: float) -> bool:
        return log.is_due(interpret_status(status, None), at_s)

    assert due(404, 0) and not due(404, 10) and due(500, 20) and not due(500, 30)
    assert not due(500, 20 + SAME_AGAIN_S - 1) and due(500, 20 + SAME_AGAIN_S)


def test_a_day_of_changing_answers_has_a_bounded_number_of_entries():
    log, answers = AttemptLog(), [interpret_status(status, None) for status in (404, 500)]
    day = [(answers[number % 2], 60.0 * number) for number in range(1440)]

    def is_due(answer: Answer, at_s: float) -> bool:
        return log.is_due(answer, at_s)

    assert sum(is_due(*attempt) for attempt in day) <= CHANGES_MAX + 25
