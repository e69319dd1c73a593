"""What an HTTP answer means, and the backoff before the next attempt."""

import email.utils

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.integrations.webhook.http_attempt import (
    ADVICE,
    BACKOFF_MAX_S,
    RETRY_AFTER_MAX_S,
    backoff_s,
    interpret_status,
)
from schemas.notification import AnswerReason

NOW_S = 1_732_670_000.0


@given(st.integers(100, 999))
def test_only_2xx_is_a_success(status: int):
    assert interpret_status(status, None).accepted == (200 <= status < 300)


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (204, "accepted"), (301, "redirect"), (308, "redirect"), (400, "client_error"), (401, "unauthorized"),
        (403, "unauthorized"), (404, "not_found"), (408, "no_answer"), (410, "not_found"), (413, "client_error"),
        (429, "too_many_requests"), (500, "server_error"), (503, "server_error"), (799, "server_error"),
    ],
)  # fmt: skip
def test_a_status_has_a_reason_and_the_reason_an_advice(status: int, reason: str):
    found = interpret_status(status, None).reason
    assert found == reason and (found is AnswerReason.ACCEPTED or ADVICE[found])


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
