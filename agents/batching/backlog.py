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
        #: Bytes that each source has written to each partition per second of its last fold.
        self._rates: dict[TopicPartition, dict[TopicPartition, float]] = {}

    def opened(self, source: TopicPartition) -> None:
        """A shard reads this partition from now on."""
        if source not in self._unread:
            self._unread[source] = _Unread()
            self._topics[source.topic] += 1

    def closed(self, source: TopicPartition) -> None:
        """Nobody here reads this partition any more."""
        if self._unread.pop(source, None) is not None:
            self._topics[source.topic] -= 1

    def wrote(
        self, writer: TopicPartition, outputs: Iterable[Output], ends: Mapping[TopicPartition, int], seconds: float
    ) -> None:
        """What this source was folded into, in so many processor seconds, is committed; `ends`: where that ends.

        What a stage writes to its own topic does not count: two of its partitions might wait for each other.
        """
        sizes = Counter[TopicPartition]()
        for output in outputs:
            if self._topics[output.topic] and output.topic != writer.topic:
                sizes[TopicPartition(output.topic, output.partition)] += size_of(output)
        self._rates[writer] = {target: size / seconds for target, size in sizes.items() if seconds > 0}
        for target, size in sizes.items():
            if target in self._unread and target in ends:
                self._unread[target].add(writer, ends[target], size)

    def folded(self, source: TopicPartition, position: int, seconds_per_byte: float) -> None:
        """All of this partition before `position` is folded and committed, the last of it at this cost."""
        if source in self._unread:
            self._unread[source].move(position, seconds_per_byte)

    def room_s(self, writer: TopicPartition, options: BatchingOptions) -> float:
        """For how many processor seconds this source may be folded now, by what it wrote in its last ones; 0 while more
        than half of its share lies before a reader: parts that filled up a little room would be many and short.
        """
        room = float("inf")
        for target, bytes_per_second in self._rates.get(writer, {}).items():
            unread = self._unread.get(target)
            if unread is None or not unread.seconds_per_byte or self._stands_still(target, unread, options):
                continue
            share = options.ahead_ms_max / 1000 / max(1, len(unread.sizes.keys() | {writer}))
            ahead = unread.seconds_of(writer)
            if ahead > share / 2:
                return 0.0
            room = min(room, (share - ahead) / (bytes_per_second * unread.seconds_per_byte))
        return room

    def _stands_still(self, target: TopicPartition, unread: _Unread, options: BatchingOptions) -> bool:
        after_s = options.still_ms / 1000
        if not unread.written or time.monotonic() - unread.moved_at < after_s:
            return False
        if not unread.is_still:
            unread.is_still = True
            log.warning("nothing of %s[%d] was folded for %.0f s; nobody waits for it any more", *target, after_s)
        return True
