"""Records of the escalations topic as senders handle them: cut to what may leave, and counted by what became of each.

A sender is `cap` or `webhook-NAME`, one process that carries escalations out of Kafka."""

import time
from collections import Counter

from pydantic import ValidationError

from agents import metrics
from schemas.escalation import Escalation
from schemas.outward import Outward, let_out
from schemas.ruleset.outward import OutwardRule


class NotAnEscalation(ValueError):
    """A record does not hold an escalation. One line that names the field and quotes nothing of the record."""


def outward_of(value: bytes | None, rule: OutwardRule) -> Outward:
    """The escalation in a record's value, as `rule` lets it out. Raises NotAnEscalation.

    Unknown fields are ignored: an alert must not be lost because its reader is older than its writer."""
    if value is None:
        raise NotAnEscalation("a tombstone, no escalation")
    try:
        return let_out(Escalation.model_validate_json(value, extra="ignore"), rule)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "value"
        raise NotAnEscalation(f"{field}: {first['msg']}"[:200]) from None


class DeliveryCounts:
    """What became of one sender's escalations: its metrics, and its summary (`str`) at the end."""

    def __init__(self, sender: str) -> None:
        self._sender = sender
        self._counts: Counter[str] = Counter()
        # Create each series at 0, so that the first refusal shows as an increase.
        metrics.OUTWARD_RETRIES.labels(sender)
        for outcome in ("delivered", "refused", "unreadable"):
            metrics.OUTWARD_ESCALATIONS.labels(sender, outcome)

    def started(self, partition: int, appended_ms: int) -> None:
        """Delivery of a record of this partition began; `appended_ms` is its append time."""
        metrics.OUTWARD_WAITING_SINCE.labels(self._sender, str(partition)).set(appended_ms / 1000)

    def finished(self, partition: int) -> None:
        """No delivery of this partition is in progress: it ended, or the partition's next owner takes over."""
        metrics.OUTWARD_WAITING_SINCE.remove(self._sender, str(partition))

    def delivered(self) -> None:
        """The receiver accepted an escalation, or its document was written."""
        self._counts["delivered"] += 1
        metrics.OUTWARD_ESCALATIONS.labels(self._sender, "delivered").inc()
        metrics.OUTWARD_LAST_SUCCESS.labels(self._sender).set(time.time())

    def retried(self) -> None:
        """An attempt failed and will be repeated."""
        self._counts["retried"] += 1
        metrics.OUTWARD_RETRIES.labels(self._sender).inc()

    def refused(self) -> None:
        """The receiver refused an escalation for good."""
        self._counts["refused"] += 1
        metrics.OUTWARD_ESCALATIONS.labels(self._sender, "refused").inc()

    def unreadable(self) -> None:
        """A record held no escalation; the summary counts it as refused."""
        self._counts["refused"] += 1
        metrics.OUTWARD_ESCALATIONS.labels(self._sender, "unreadable").inc()

    def __str__(self) -> str:
        return ", ".join(f"{self._counts[word]} {word}" for word in ("delivered", "retried", "refused"))
