"""The score of a regency over the last hours, from the rows seen."""

from collections import deque

from schemas.vocabulary import MINUTE_MS

BUCKET_MS = 5 * MINUTE_MS
BUCKETS = 72


class Trend:
    """The last score of each 5 minutes of the regency's own clock, 6 hours back. A bucket without a row repeats the one
    before.
    """

    def __init__(self) -> None:
        self._last_bucket = 0
        self._scores: deque[float] = deque(maxlen=BUCKETS)

    def add(self, as_of_ms: int, score: float) -> None:
        bucket = as_of_ms // BUCKET_MS
        step = bucket - self._last_bucket
        if self._scores and step == 0:
            self._scores[-1] = score
            return
        self._last_bucket = bucket
        if not self._scores or not 0 < step < BUCKETS:  # first row, long silence, or another election on the same topic
            self._scores.clear()
        else:
            self._scores.extend([self._scores[-1]] * (step - 1))
        self._scores.append(score)

    def view(self) -> dict:
        """`end_ms`: start of the newest bucket; `scores`: one per bucket, oldest first."""
        return {"end_ms": self._last_bucket * BUCKET_MS, "scores": list(self._scores)}
