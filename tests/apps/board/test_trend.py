"""The trend holds the last score of each bucket, six hours back."""

from hypothesis import given
from hypothesis import strategies as st

from apps.board.trend import BUCKET_MS, BUCKETS, Trend

STEPS = st.lists(st.tuples(st.integers(0, 4 * BUCKET_MS), st.integers(0, 100)), min_size=1, max_size=150)


@given(STEPS)
def test_each_bucket_shows_the_last_score_known_by_its_end(steps):
    trend, rows, clock_ms = Trend(), [], 1_700_000_000_000
    for step_ms, score in steps:
        clock_ms += step_ms
        rows.append((clock_ms // BUCKET_MS, score))
        trend.add(clock_ms, score)
    view = trend.view()
    last = clock_ms // BUCKET_MS
    first = max(rows[0][0], last - BUCKETS + 1)
    wanted = [[score for bucket, score in rows if bucket <= shown][-1] for shown in range(first, last + 1)]
    assert view == {"end_ms": last * BUCKET_MS, "scores": wanted}


def test_a_gap_longer_than_the_trend_begins_it_anew():
    trend = Trend()
    trend.add(0, 10)
    trend.add(BUCKETS * BUCKET_MS, 20)
    assert trend.view()["scores"] == [20]


def test_a_clock_set_back_is_another_election_and_begins_the_trend_anew():
    trend = Trend()
    trend.add(10 * BUCKET_MS, 10)
    trend.add(3 * BUCKET_MS, 20)
    assert trend.view() == {"end_ms": 3 * BUCKET_MS, "scores": [20]}
