"""A regency that falls silent at level normal: whether that is published."""

import pytest

from tests.recount.policy import DEFAULT_POLICY, GROUPS
from tests.recount.sample_entries import HOUR_MS, LARGE, MINUTE_MS, TEN_MS, figure, regency, told, word


def minutes(begin_ms: int, many: int) -> list[list]:
    return [["k", begin_ms + minute * MINUTE_MS] for minute in range(5, many + 1, 5)]


@pytest.mark.parametrize("hours, is_published", [(-10, False), (-1, True)])
def test_what_is_missed_is_judged_by_the_profiles_alone(hours, is_published):
    """From midnight to three, and from nine to twelve: an ordinary day brings reports in both, in part evenly."""
    begin_ms = TEN_MS + hours * HOUR_MS
    least, silent = DEFAULT_POLICY.rules["silence"]["expected_least"], (begin_ms, begin_ms + 3 * HOUR_MS)
    assert DEFAULT_POLICY.ordinary_reports(LARGE.stations, GROUPS, *silent) > least
    made, found = regency(figure("x", "TPS 1", begin_ms), place=LARGE), []
    for tick in minutes(begin_ms, 185):
        made.take(tick)
        found += [change.kind for change in made.evaluate(None)]
    assert made.data_status == "stale" and found == ["stale"] * is_published


def test_reports_that_come_again_and_raise_a_level_are_told_before_its_episode_begins():
    made = told(regency(figure("x", "TPS 1"), place=LARGE), *minutes(TEN_MS, 185))
    assert made.is_stale_published
    made.take(word("x", at_ms=TEN_MS + 186 * MINUTE_MS, category="fatality", severity=5))
    changes = [(change.kind, change.level, change.episode) for change in made.evaluate(None)]
    assert changes == [("recovered", 0, 0), ("raised", 2, 1)]
