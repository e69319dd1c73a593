"""What the board derives from the rows of one regency: its score over the last hours, and since when its data is stale.

Rows say what holds now and nothing of the past; both classes keep the little that the page shows of it."""

from collections import deque
from typing import Any

BUCKET_MS = 5 * 60_000
BUCKETS = 72


class ScoreHistory:
    """The last score of each 5 minutes of the regency's clock, 6 hours back.

    A bucket without a row repeats the score of the bucket before it."""

    def __init__(self) -> None:
        self._last_bucket = 0
        self._scores: deque[float] = deque(maxlen=BUCKETS)

    def add(self, as_of_ms: int, score: float) -> None:
        """Record the score of a row; `as_of_ms` is the row's own time."""
        bucket = as_of_ms // BUCKET_MS
        step = bucket - self._last_bucket
        if self._scores and step == 0:
            self._scores[-1] = score
            return
        self._last_bucket = bucket
        # The first row, a gap longer than the history, or a clock set back: another election on the same topic.
        if not self._scores or not 0 < step < BUCKETS:
            self._scores.clear()
        else:
            self._scores.extend([self._scores[-1]] * (step - 1))
        self._scores.append(score)

    def view(self) -> dict[str, Any]:
        """`end_ms`: start of the newest bucket; `scores`: one per bucket, oldest first."""
        return {"end_ms": self._last_bucket * BUCKET_MS, "scores": list(self._scores)}


class DataGap:
    """Since when nothing was reported of a regency that is stale or silent.

    A row says that reports are overdue, not when the last one came. Data becomes stale a fixed time after the last
    report (`stale_after` of the ruleset), so the moment at which it became stale gives it: exact when the board saw the
    status change. After a restart of the board only a bound is known, from the last `stale` escalation or from the
    first row that was read: the last report was before."""

    def __init__(self) -> None:
        self._status = ""
        self._first_row_ms = 0  # as_of of the first row with this status
        self._saw_change = False  # whether the row before it had another status
        self._stale_event_ms = 0  # event time of the last `stale` escalation, 0 after `recovered`

    @property
    def is_exact(self) -> bool:
        """Whether `since_ms` is the time of the last report, not a bound that it was before."""
        return self._saw_change

    def add_row(self, status: str, as_of_ms: int) -> None:
        """Record the data status of a row: `live`, `stale` or `silent`."""
        if status != self._status:
            self._saw_change = bool(self._status)
            self._status, self._first_row_ms = status, as_of_ms

    def add_escalation(self, change: str, event_ms: int) -> None:
        """Record an escalation; only `stale` and `recovered` matter."""
        if change == "stale":
            self._stale_event_ms = event_ms
        elif change == "recovered":
            self._stale_event_ms = 0

    def since_ms(self, row_since_ms: int, stale_after_ms: int) -> int | None:
        """Regency time of the last report of a stale regency, or a bound of it; None while the regency is live.

        A regency that never reported is silent from the start of its clock, which is its row's `since`
        (`row_since_ms`) as long as its level has not changed."""
        if self._status == "live":
            return None
        if self._status == "silent":
            return min(self._first_row_ms, row_since_ms)
        became_stale_ms = self._first_row_ms
        if not self._saw_change and self._stale_event_ms:
            became_stale_ms = min(became_stale_ms, self._stale_event_ms)
        return became_stale_ms - stale_after_ms
