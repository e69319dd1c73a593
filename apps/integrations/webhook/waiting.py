"""An escalation that waits for the receiver: what is sent, since when it is tried, and when an attempt is logged."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from apps.integrations.escalation_records import UnsupportedVersion, outward_of
from apps.integrations.webhook.http_attempt import Answer
from schemas.notification import AnswerReason
from schemas.ruleset.outward import OutwardRule

#: Of one escalation so many changes of the answer are logged; a receiver that alternates between two must not fill the
#: log with an entry for each attempt of a day.
CHANGES_MAX = 20
#: An answer that stays the same is logged again after this, so that the log has the number of attempts.
SAME_AGAIN_S = 3600.0


@dataclass
class AttemptLog:
    """Says which attempts are logged: the first, changes of the answer, and one an hour. The end always is."""

    last: tuple[AnswerReason, int | None] | None = None
    changes: int = 0
    at_s: float = 0.0

    def is_due(self, answer: Answer, now_s: float) -> bool:
        """Whether to log this failed attempt; if so, it counts as logged."""
        kind = answer.reason, answer.status
        is_change = kind != self.last and self.changes < CHANGES_MAX
        if self.last is not None and not is_change and now_s - self.at_s < SAME_AGAIN_S:
            return False
        self.changes += self.last is not None and kind != self.last
        self.last, self.at_s = kind, now_s
        return True


@dataclass(eq=False)
class Waiting:
    """One escalation. `body` is None while this version cannot read it. `spent_s`: from the first attempt until this
    process took it over, by the broker's clock; from then on the monotonic clock counts."""

    offset: int
    appended_ms: int
    escalation_id: str | None
    regency: str | None
    level: str | None = None
    change: str | None = None
    body: bytes | None = None
    unreadable: str = ""
    previous: str | None = None
    attempts: int = 0
    spent_s: float = 0.0
    clock: Callable[[], float] = time.monotonic
    logging: AttemptLog = field(default_factory=AttemptLog)
    _since_s: float | None = None

    def tried(self) -> None:
        """An attempt begins."""
        self.attempts += 1
        if self._since_s is None:
            self._since_s = self.clock()

    def taken_over(self, attempts: int, spent_s: float) -> None:
        """Attempts of earlier processes count: their number, and the time since the first."""
        self.attempts, self.spent_s, self._since_s = attempts, max(0.0, spent_s), self.clock()

    @property
    def tried_for_s(self) -> float:
        """Seconds since the first attempt."""
        return self.spent_s + (self.clock() - self._since_s if self._since_s is not None else 0.0)


def waiting_of(record: Any, rule: OutwardRule) -> Waiting:
    """The escalation of a record. Raises NotAnEscalation; of a later version it waits without a body."""
    try:
        outward = outward_of(record.value, rule)
    except UnsupportedVersion as error:
        return Waiting(record.offset, record.timestamp, error.escalation_id, error.regency, unreadable=f"it is {error}")
    return Waiting(
        record.offset,
        record.timestamp,
        outward.escalation_id,
        outward.regency,
        outward.level,
        outward.change,
        outward.body(),
    )
