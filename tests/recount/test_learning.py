"""What a regency has shown is judged by when it was told, and one agency's share of it is limited."""

import pytest

from tests.recount.policy import GROUPS
from tests.recount.sample_entries import HOUR_MS, MINUTE_MS, SECOND_MS, SMALL, TEN_MS, regency, word

BEGAN = ["k", TEN_MS - 30 * HOUR_MS]
NOW = ["k", TEN_MS + 15 * SECOND_MS]


def learned(*entries: list) -> float:
    return regency(BEGAN, *entries, NOW).known.learned["security"]


QUIET = learned()


@pytest.mark.parametrize("hours, counts", [(-1, False), (0, False), (1, True), (20, True), (21, True), (22, False)])
def test_an_incident_counts_by_the_hour_in_which_it_was_told(hours, counts):
    """From 24 to 3 full hours before the hour of the evaluation."""
    at_ms = TEN_MS - (3 + hours) * HOUR_MS
    assert (learned(word("x", at_ms=at_ms, occurred_ms=at_ms + MINUTE_MS)) > QUIET) == counts


def test_what_is_dated_back_or_taken_back_does_not_count():
    at_ms = TEN_MS - 10 * HOUR_MS
    assert learned(word("x", at_ms=TEN_MS - HOUR_MS, occurred_ms=at_ms)) == QUIET
    assert learned(word("x", "x 1", at_ms), word("x", "x 1", at_ms + 1, revision=2, status="retracted")) == QUIET


def test_of_one_agency_no_more_count_than_ordinary_or_than_all_others_have():
    at_ms = TEN_MS - 10 * HOUR_MS
    mine, others = [word("x", at_ms=at_ms) for _ in range(20)], [word("y", at_ms=at_ms) for _ in range(4)]
    policy = regency().policy
    ordinary = policy.ordinary_reports(SMALL.stations, ("security",), TEN_MS - 24 * HOUR_MS, TEN_MS - 3 * HOUR_MS)
    assert learned(*mine) == pytest.approx(1.0, abs=1e-3), "as many as ordinary days bring"
    weight = policy.surprise["learning"]
    assert learned(*mine, *others) == pytest.approx((weight + 8) / (weight + ordinary))


def test_nothing_is_learned_before_three_hours_are_over():
    made = regency(["k", TEN_MS - 3 * HOUR_MS], word("x", at_ms=TEN_MS - 3 * HOUR_MS), NOW)
    assert made.known.learned == dict.fromkeys(GROUPS, 1.0)
