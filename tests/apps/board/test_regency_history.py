"""The score history holds the last score of each bucket, six hours back."""

from hypothesis import given
from hypothesis import strategies as st

from apps.board.regency_history import BUCKET_MS, BUCKETS, ScoreHistory

STEPS = st.lists(st.tuples(st.integers(0, 4 * BUCKET_MS), st.integers(0, 100)), min_size=1, max_size=150)


@given(STEPS)
def test_each_bucket_shows_the_last_score_known_by_its_end(steps):
    history, rows, clock_ms = ScoreHistory(), [], 1_700_000_000_000
    for step_ms, score in steps:
        clock_ms += step_ms
        rows.append((clock_ms // BUCKET_MS, score))
        history.add(clock_ms, score)
    view = history.view()
    last = clock_ms // BUCKET_MS
    first = max(rows[0][0], last - BUCKETS + 1)
    wanted = [[score for bucket, score in rows if bucket <= shown][-1] for shown in range(first, last + 1)]
    assert view == {"end_ms": last * BUCKET_MS, "scores": wanted}


def test_a_gap_longer_than_the_history_clears_it():
    history = ScoreHistory()
    history.add(0, 10)
    history.add(BUCKETS * BUCKET_MS, 20)
    assert history.view()["scores"] == [20]


def test_a_clock_set_back_clears_the_history():
    history = ScoreHistory()
    history.add(10 * BUCKET_MS, 10)
    history.add(3 * BUCKET_MS, 20)
    assert history.view() == {"end_ms": 3 * BUCKET_MS, "scores": [20]}
