"""Playing at a speed: messages are sent when due, earlier ones at once; a stop ends it."""

import threading
import time

from apps.simulation.messages import SimulatedMessage
from apps.simulation.play import play


def at(*seconds):
    return [SimulatedMessage(1000 * second, "incidents", {}) for second in seconds]


def test_messages_before_the_start_are_sent_at_once_the_rest_when_due():
    sent = []
    began = time.monotonic()
    done = play(
        at(1, 2, 100, 130),
        100_000,
        100.0,
        lambda message: sent.append((message.at_ms, time.monotonic() - began)),
        threading.Event(),
    )
    assert done and [moment for moment, _ in sent] == [1000, 2000, 100_000, 130_000]
    assert sent[3][1] >= 0.3  # 30 simulated seconds at 100 times real time


def test_speed_zero_does_not_wait():
    began = time.monotonic()
    assert play(at(0, 86_400), 0, 0, lambda _message: None, threading.Event())
    assert time.monotonic() - began < 1


def test_a_stop_ends_it_before_the_next_message():
    stop, sent = threading.Event(), []

    def send(message):
        sent.append(message)
        stop.set()

    assert not play(at(0, 86_400), 0, 1.0, send, stop)
    assert len(sent) == 1
