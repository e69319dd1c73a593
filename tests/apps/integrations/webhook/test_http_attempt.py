"""What an HTTP answer means, and the backoff before the next attempt."""

import email.utils

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.integrations.webhook.http_attempt import BACKOFF_MAX_S, RETRY_AFTER_MAX_S, Action, backoff_s, interpret_status

NOW_S = 1_732_670_000.0


@given(st.integers(200, 599))
def test_2xx_commits_5xx_and_three_4xx_retry_and_all_else_is_refused(status: int):
    outcome = interpret_status(status, None).action
    assert (outcome is Action.COMMIT) == (status < 300)
    assert (outcome is Action.RETRY) == (status >= 500 or status in (408, 425, 429))


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7),
        (" 0 ", 0),
        ("99999999999999", RETRY_AFTER_MAX_S),
        (email.utils.formatdate(NOW_S + 30, usegmt=True), 30),
        (email.utils.formatdate(NOW_S - 30, usegmt=True), 0),
        ("soon", None),
        ("-5", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_bounded(header: str | None, seconds: float | None):
    assert interpret_status(503, header, lambda: NOW_S).retry_after_s == seconds


@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True), st.none() | st.floats(0, RETRY_AFTER_MAX_S))
def test_backoff_grows_to_a_bound_and_is_never_below_retry_after(tries: int, chance: float, asked: float | None):
    pause = backoff_s(tries, asked, lambda: chance)
    assert 0.5 <= pause <= max(BACKOFF_MAX_S, asked or 0)
    assert pause >= (asked or 0)
    assert asked is not None or backoff_s(tries + 1, None, lambda: chance) >= pause
