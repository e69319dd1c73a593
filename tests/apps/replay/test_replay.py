"""The pace of a replay, on a clock that the test controls."""

import pytest

from apps.replay.replay import Pace

START_MS = 1_732_640_400_000


class Clock:
    def __init__(self) -> None:
        self.s = 1000.0

    def __call__(self) -> float:
        return self.s


@pytest.mark.parametrize("speed", [0.5, 1, 60, 3600])
def test_a_recorded_hour_takes_an_hour_divided_by_the_speed(speed: float):
    pace = Pace(speed, now_s=Clock())
    assert pace.wait_s(START_MS) == 0
    assert pace.wait_s(START_MS + 3_600_000) == pytest.approx(3600 / speed)


def test_a_delay_is_caught_up():
    clock = Clock()
    pace = Pace(60, now_s=clock)
    pace.wait_s(START_MS)
    clock.s += 45  # the broker was slow: a recorded hour is 60 s
    assert pace.wait_s(START_MS + 3_600_000) == pytest.approx(15)
    clock.s += 30
    assert pace.wait_s(START_MS + 3_600_000) == 0
    assert pace.wait_s(START_MS + 7_200_000) == pytest.approx(45)


def test_without_a_speed_nothing_waits():
    pace = Pace(None)
    assert pace.wait_s(START_MS) == pace.wait_s(START_MS + 10**12) == 0
