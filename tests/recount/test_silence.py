"""A regency that falls silent at level normal: whether that is published."""

import pytest

from tests.recount.policy import DEFAULT_POLICY, GROUPS
from tests.recount.sample_entries import HOUR_MS, LARGE, MINUTE_MS, TEN_MS, figure, regency


@pytest.mark.parametrize("hours, is_published", [(-10, False), (-1, True)])
def test_what_is_missed_is_judged_by_the_profiles_alone(hours, is_published):
    """From midnight to three, and from nine to twelve: an ordinary day brings reports in both, in part evenly."""
    begin_ms = TEN_MS + hours * HOUR_MS
    least, silent = DEFAULT_POLICY.rules["silence"]["expected_least"], (begin_ms, begin_ms + 3 * HOUR_MS)
    assert DEFAULT_POLICY.ordinary_reports(LARGE.stations, GROUPS, *silent) > least
    made, found = regency(figure("x", "TPS 1", begin_ms), place=LARGE), []
    for minute in range(5, 186, 5):
        made.take(["k", begin_ms + minute * MINUTE_MS])
        found += [change.kind for change in made.evaluate(None)]
    assert made.data_status == "stale" and found == ["stale"] * is_published
