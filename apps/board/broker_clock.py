"""The broker's clock beside the board's: rows carry the broker's append time, and their age is counted here."""

import logging
from collections import deque

TOLERATED_MS = 3_000
"""A row is read within a fraction of a second of its append; a difference below this may be delay and is left."""
ROWS_COMPARED = 512
"""Some minutes of rows: the least delayed of them shows the difference of the clocks, and an old one is forgotten."""

log = logging.getLogger("siaga.board")


class BrokerClock:
    """Feed it rows that were read as they were written; it says when a row was written by the board's clock."""

    def __init__(self) -> None:
        self._delays_ms: deque[int] = deque(maxlen=ROWS_COMPARED)
        self._logged_ms = 0

    @property
    def ahead_ms(self) -> int:
        """How far the broker's clock is ahead of the board's; 0 within the tolerance, and before the first row."""
        least = min(self._delays_ms, default=0)
        return -least if abs(least) > TOLERATED_MS else 0

    def compare(self, appended_ms: int, now_ms: int) -> None:
        """Take a row that the board read at `now_ms` with nothing left to read before it."""
        self._delays_ms.append(now_ms - appended_ms)
        if abs(self.ahead_ms - self._logged_ms) > TOLERATED_MS:
            self._logged_ms = self.ahead_ms
            log.warning(
                "the broker's clock is %.0f s ahead of this machine's; ages are corrected, set the clocks right",
                self._logged_ms / 1000,
            )

    def written_ms(self, appended_ms: int, now_ms: int) -> int:
        """The append time by the board's clock, not later than now."""
        return min(appended_ms - self.ahead_ms, now_ms)
