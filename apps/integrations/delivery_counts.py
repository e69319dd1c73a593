"""What became of a sender's escalations: figures for its last line, and metrics for whoever watches it."""

import time
from collections import Counter

from agents import metrics


class Tally:
    """Counts of one sender, `cap` or `webhook-NAME`. `partition` is where the escalation lies."""

    def __init__(self, sender: str) -> None:
        self._sender = sender
        self._counts: Counter[str] = Counter()
        # Touched, so that a counter that never moved is seen as 0 and the first refusal as an increase.
        metrics.OUTWARD_RETRIES.labels(sender)
        for outcome in ("delivered", "refused", "unreadable"):
            metrics.OUTWARD_ESCALATIONS.labels(sender, outcome)

    def begun(self, partition: int, appended_ms: int) -> None:
        """An escalation is on its way; it was appended at `appended_ms`, Kafka's clock."""
        metrics.OUTWARD_WAITING_SINCE.labels(self._sender, str(partition)).set(appended_ms / 1000)

    def over(self, partition: int) -> None:
        """Nothing of the partition is on its way any more: it is settled, or left to whoever owns the partition next."""
        metrics.OUTWARD_WAITING_SINCE.remove(self._sender, str(partition))

    def delivered(self) -> None:
        self._counts["delivered"] += 1
        metrics.OUTWARD_ESCALATIONS.labels(self._sender, "delivered").inc()
        metrics.OUTWARD_LAST_SUCCESS.labels(self._sender).set(time.time())

    def tried_again(self) -> None:
        self._counts["tried again"] += 1
        metrics.OUTWARD_RETRIES.labels(self._sender).inc()

    def refused(self) -> None:
        self._counts["refused"] += 1
        metrics.OUTWARD_ESCALATIONS.labels(self._sender, "refused").inc()

    def unreadable(self) -> None:
        """A record that is no escalation; kept like one that was refused."""
        self._counts["refused"] += 1
        metrics.OUTWARD_ESCALATIONS.labels(self._sender, "unreadable").inc()

    def __str__(self) -> str:
        return ", ".join(f"{self._counts[word]} {word}" for word in ("delivered", "tried again", "refused"))
