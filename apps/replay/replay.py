"""Play a recording onto the input topics: in order, paced, acknowledged."""

import time
from collections.abc import Callable, Iterable, Mapping

from apps.publishing.messages import Kind, Message
from apps.publishing.sender import Sender
from apps.replay.replay import Pace
from apps.replay.recording import RecordedMessage

STEP_S = 0.2
SHOW_EVERY_S = 0.1

Show = Callable[[int, int], None]


def replay(messages: Iterable[RecordedMessage], sender: Sender, topics: Mapping[Kind, str], pace: Pace, show: Show) -> None:
    """Send every message when it is due. `show(count, at_ms)` is told how many were played and the recording's time.

    `sender.position` is the time of the newest message acknowledged with all before it. Raises DeliveryError,
    KafkaError."""
    count, shown_s = 0, 0.0
    for message in messages:
        while (wait_s := pace.wait_s(message.at_ms)) > 0:
            show(count, message.at_ms - pace.recorded_ms(wait_s))
            pace.sleep(min(wait_s, STEP_S))
            sender.settle()  # a delivery that failed must be told now, not after an hour of quiet
        sender.send(topics[message.kind], Message(message.key, message.value), message.at_ms)
        count += 1
        if (now_s := time.monotonic()) - shown_s >= SHOW_EVERY_S:
            show(count, message.at_ms)
            shown_s = now_s
    sender.drain()
    if sender.position is not None:
        show(count, sender.position)
