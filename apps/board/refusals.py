"""What the board refuses, counted by reason on /metrics and logged sparingly: a flood must not fill the log."""

import logging
import time
from enum import StrEnum

from agents import metrics

LOG_EVERY_S = 60.0

log = logging.getLogger("siaga.board")


class Refusal(StrEnum):
    """Why a request or a connection was refused or ended; a label of `siaga_board_refused_total`."""

    HOST = "host"
    ORIGIN = "origin"
    ADDRESS = "address"
    FULL = "full"
    DESCRIPTORS = "descriptors"
    UNREAD = "unread"
    EXCESS = "excess"


class Refusals:
    """Counts refusals; of each reason the first is logged, then one a minute with the number in between."""

    def __init__(self) -> None:
        self._unlogged = dict.fromkeys(Refusal, 0)
        self._logged_at_s: dict[Refusal, float] = {}
        for reason in Refusal:  # an alert must see the first one as an increase
            metrics.BOARD_REFUSED.labels(reason.value)

    def add(self, reason: Refusal, what: str) -> None:
        """Count one. `what` is one line that says what happened and what to set; nothing a client sends is in it."""
        metrics.BOARD_REFUSED.labels(reason.value).inc()
        self._unlogged[reason] += 1
        now_s = time.monotonic()
        if now_s - self._logged_at_s.get(reason, -LOG_EVERY_S) >= LOG_EVERY_S:
            log.warning("%s (times: %d)", what, self._unlogged[reason])
            self._unlogged[reason], self._logged_at_s[reason] = 0, now_s
