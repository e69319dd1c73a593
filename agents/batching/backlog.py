"""What a worker has written to partitions that it reads itself, and has not folded yet: whoever is far ahead waits.

One source whose reports are all of one place goes to one partition of an intermediate topic. Its writer is faster than
the reader, and whoever shares that partition waits for all that lies between the two. Shares are fair: a source that
has written little of what lies there is not held back by one that has written much.
"""

import logging
import time
from collections import Counter, deque
from collections.abc import Iterable, Mapping

from aiokafka import TopicPartition

from .fold import Output
from .options import BatchingOptions
from .sizes import size_of

log = logging.getLogger(__name__)


class _Unread:
    """What lies before one reader: in order, up to which offset, from which source and how many bytes."""

    def __init__(self) -> None:
        self.written: deque[tuple[int, TopicPartition, int]] = deque()
        self.sizes: Counter[TopicPartition] = Counter()
        self.position, self.seconds_per_byte = 0, 0.0
        self.moved_at = time.monotonic()
        self.is_still = False

    def add(self, writer: TopicPartition, until: int, size: int) -> None:
        if until <= self.position:
            return
        if not self.written:
            self.moved_at = time.monotonic()
        self.written.append((until, writer, size))
        self.sizes[writer] += size

    def move(self, position: int, seconds_per_byte: float) -> None:
        self.position, self.seconds_per_byte = position, seconds_per_byte
        self.moved_at, self.is_still = time.monotonic(), False
        while self.written and self.written[0][0] <= position:
            _, writer, size = self.written.popleft()
            self.sizes[writer] -= size
            if self.sizes[writer] <= 0:
                del self.sizes[writer]

    def seconds_of(self, writer: TopicPartition) -> float:
        return self.sizes[writer] * self.seconds_per_byte


class Backlog:
    """One for all lanes of a worker. Only of partitions whose shard is open here: of no other it is known how far it is
    read, and one that is closed must hold nobody back.
    """

    def __init__(self) -> None:
        self._unread: dict[TopicPartition, _Unread] = {}
        self._topics: Counter[str] = Counter()

    def opened(self, source: TopicPartition) -> None:
        """A shard reads this partition from now on."""
        if source not in self._unread:
            self._unread[source] = _Unread()
            self._topics[source.topic] += 1

    def closed(self, source: TopicPartition) -> None:
        """Nobody here reads this partition any more."""
        if self._unread.pop(source, None) is not None:
            self._topics[source.topic] -= 1

    def wrote(self, writer: TopicPartition, outputs: Iterable[Output], ends: Mapping[TopicPartition, int]) -> None:
        """A transaction of this source is committed; `ends`: where the records end that it wrote.

        What a stage writes to its own topic does not count: two of its partitions might wait for each other.
        """
        sizes = Counter[TopicPartition]()
        for output in outputs:
            if self._topics[output.topic] and output.topic != writer.topic:
                sizes[TopicPartition(output.topic, output.partition)] += size_of(output)
        for target, size in sizes.items():
            if target in self._unread and target in ends:
                self._unread[target].add(writer, ends[target], size)

    def folded(self, source: TopicPartition, position: int, seconds_per_byte: float) -> None:
        """All of this partition before `position` is folded and committed, the last of it at this cost."""
        if source in self._unread:
            self._unread[source].move(position, seconds_per_byte)

    def holds(self, writer: TopicPartition, options: BatchingOptions) -> bool:
        """Whether this source has to wait for a reader of what it has written."""
        return any(
            unread.seconds_of(writer) * len(unread.sizes) > options.ahead_ms_max / 1000
            and not self._stands_still(target, unread, options.still_ms / 1000)
            for target, unread in self._unread.items()
            if writer in unread.sizes
        )

    def _stands_still(self, target: TopicPartition, unread: _Unread, after_s: float) -> bool:
        if time.monotonic() - unread.moved_at < after_s:
            return False
        if not unread.is_still:
            unread.is_still = True
            log.warning("nothing of %s[%d] was folded for %.0f s; nobody waits for it any more", *target, after_s)
        return True
