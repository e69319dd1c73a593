"""How large a produced batch each topic takes: halved when a broker refuses one, kept for the life of the process.

A topic's `max.message.bytes` may be lower than what a transaction has for it; `siaga topics --check` names it.
"""

import logging

log = logging.getLogger(__name__)

#: Below this a topic is of no use: a report may take 16 KiB.
LEAST_BYTES = 32 * 1024


class BatchSizes:
    """Shared by the lanes of a stage."""

    def __init__(self) -> None:
        self._most: dict[str, int] = {}

    def most(self, topic: str) -> float:
        """How many bytes of records a batch of this topic may hold; infinite where none was refused."""
        return self._most.get(topic, float("inf"))

    def refused(self, topic: str, size: int) -> None:
        """A broker has refused a batch of so many bytes as too large."""
        self._most[topic] = max(LEAST_BYTES, min(self._most.get(topic, size), size) // 2)
        log.warning(
            "a broker refused a batch of %d bytes for %s as too large; writing at most %d at a time from now on "
            "(raise max.message.bytes of that topic)",
            size,
            topic,
            self._most[topic],
        )
