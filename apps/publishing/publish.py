"""One run of `siaga publish`: lines in, records out, rejects reported, progress saved."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from apps.publishing.lines import Line
from apps.publishing.messages import Message, Reader
from apps.publishing.sender import Sender
from schemas.rejected import Rejected

KEEP_EVERY_S = 1.0


@dataclass
class Tally:
    """Counts of a run so far. `sent` counts acknowledged records; in a dry run, those that would be sent."""

    read: int = 0
    sent: int = 0
    rejected: int = 0
    reasons: dict[str, int] = field(default_factory=dict)

    def reject(self, reason: str) -> None:
        self.rejected += 1
        self.reasons[reason] = self.reasons.get(reason, 0) + 1


def read_messages(
    lines: Iterable[Line], read: Reader, tally: Tally, on_rejected: Callable[[Line, Rejected], None]
) -> Iterator[tuple[Line, Message]]:
    """The lines that may be sent; the others are counted and passed to `on_rejected`."""
    for line in lines:
        tally.read += 1
        try:
            message = read(line)
        except Rejected as rejected:
            tally.reject(rejected.reason.value)
            on_rejected(line, rejected)
            continue
        yield line, message


def publish(
    messages: Iterable[tuple[Line, Message]], sender: Sender, topic: str, tally: Tally, keep: Callable[[Line, int], Any]
) -> None:
    """Send all. `keep(line, sent)` gets the acknowledged prefix every KEEP_EVERY_S and at the end, also on an error.

    Raises DeliveryError, KafkaError, or what reading raises; KeyboardInterrupt passes through after `keep`."""
    next_keep = time.monotonic() + KEEP_EVERY_S
    try:
        for line, message in messages:
            sender.send(topic, message, line)
            tally.sent = sender.acknowledged
            if (now := time.monotonic()) >= next_keep:
                _keep(sender, keep)
                next_keep = now + KEEP_EVERY_S
        sender.drain()
    finally:
        tally.sent = sender.acknowledged
        _keep(sender, keep)


def _keep(sender: Sender, keep: Callable[[Line, int], Any]) -> None:
    if sender.position is not None:
        keep(sender.position, sender.acknowledged)
