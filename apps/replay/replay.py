"""Replays a recording onto the input topics: in order, at a speed, each message acknowledged by the broker."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from apps.publishing.messages import Kind, Message
from apps.publishing.sender import Sender
from apps.replay.recording import RecordedMessage

STEP_S = 0.2
SHOW_EVERY_S = 0.1

Show = Callable[[int, int], None]
"""Takes the number of messages replayed and the recording's time, milliseconds since the epoch."""


@dataclass
class Pace:
    """Maps recorded time to real time: `speed` recorded seconds per real second, None for as fast as possible.

    The clock starts with the first message. After a delay (a slow broker) the pace catches up; the clock is never
    shifted."""

    speed: float | None
    now_s: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _start: tuple[int, float] | None = field(default=None, init=False)

    def wait_s(self, at_ms: int) -> float:
        """Seconds from now until the message of time `at_ms` is due; 0 when it is."""
        if self.speed is None:
            return 0.0
        if self._start is None:
            self._start = (at_ms, self.now_s())
        first_ms, began_s = self._start
        return max(0.0, began_s + (at_ms - first_ms) / 1000 / self.speed - self.now_s())

    def recorded_ms(self, wait_s: float) -> int:
        """How much recorded time passes in `wait_s`."""
        return int(wait_s * 1000 * (self.speed or 0.0))


def replay(
    messages: Iterable[RecordedMessage], sender: Sender, topics: Mapping[Kind, str], pace: Pace, show: Show
) -> None:
    """Send every message when it is due.

    `sender.position` is the time of the newest message that is acknowledged together with all before it. Raises
    DeliveryError, KafkaError."""
    count, shown_s = 0, 0.0
    for message in messages:
        while (wait_s := pace.wait_s(message.at_ms)) > 0:
            show(count, message.at_ms - pace.recorded_ms(wait_s))
            pace.sleep(min(wait_s, STEP_S))
            sender.settle()  # report a failed delivery now, not after an hour without messages
        sender.send(topics[message.kind], Message(message.key, message.value), message.at_ms)
        count += 1
        if (now_s := time.monotonic()) - shown_s >= SHOW_EVERY_S:
            show(count, message.at_ms)
            shown_s = now_s
    sender.drain()
    if sender.position is not None:
        show(count, sender.position)
