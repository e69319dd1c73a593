"""Read topics to their ends and beyond: committed records only, without a consumer group.

Used by tail, cap, explain, redrive, audit, `evaluate --live` and `siaga up`; the board reads with aiokafka.
kafka-python 3.0.12 skips aborted transactions by the broker's list of them (KIP-98), as the Java client does; tests
check that. `bound_fetching` bounds memory; `agents.batching.unread` says whether a partition was read to its end.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from types import TracebackType
from typing import Any, Self

from kafka import KafkaConsumer, TopicPartition

from agents.batching import unread
from agents.kafka.bounded_fetching import bound_fetching
from agents.kafka.connection import kafka_python_options
from agents.settings import Settings
from schemas.topics import Topic

CONNECT_S = 10.0
POLL_MS = 500
RECORDS_MAX = 2000


class TopicMissing(LookupError):
    """The topic does not exist, or this user may not see it. One line."""


def never() -> bool:
    """The default of `stopped`."""
    return False


class TopicReader:
    """A connected consumer; use it as a context manager and from one thread. Raises KafkaError, SettingsError.

    `start_at_beginning` or `start_at_end` says what to read; then `read_to_end` and `follow`, in this order or alone.
    """

    def __init__(self, settings: Settings, connect_s: float = CONNECT_S) -> None:
        self._settings = settings
        self._consumer = KafkaConsumer(
            **kafka_python_options(settings),
            client_id="siaga-tail",
            group_id=None,
            isolation_level="read_committed",
            enable_auto_commit=False,
            bootstrap_timeout_ms=int(connect_s * 1000),
            metrics_enabled=False,
        )
        bound_fetching(self._consumer)
        self._partitions: list[TopicPartition] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._consumer.close()

    def partitions(self, topic: Topic) -> list[TopicPartition]:
        """All partitions of a topic. Raises TopicMissing."""
        return self.partitions_of(self._settings.topics[topic])

    def partitions_of(self, name: str) -> list[TopicPartition]:
        """All partitions of a topic by its full name. Raises TopicMissing."""
        numbers = self._consumer.partitions_for_topic(name)
        if not numbers:
            raise TopicMissing(f"no topic {name} at {self._settings.broker}; run `siaga topics` first")
        return [TopicPartition(name, number) for number in sorted(numbers)]

    def beginning(self, partition: TopicPartition) -> int:
        """The first offset that retention has left."""
        offset: int = self._consumer.beginning_offsets([partition])[partition]
        return offset

    def ends(self, partitions: Iterable[TopicPartition], within_s: float | None = None) -> dict[TopicPartition, int]:
        """The offset after the last committed record of each. Raises KafkaTimeoutError, after `within_s` if given."""
        within_ms = None if within_s is None else int(within_s * 1000)
        ends: dict[TopicPartition, int] = self._consumer.end_offsets(list(partitions), timeout_ms=within_ms)
        return ends

    def positions(self) -> dict[TopicPartition, int]:
        """The offset that is read next, of each partition that was started."""
        return {partition: self._consumer.position(partition) for partition in self._partitions}

    def start_at_beginning(self, partitions: Iterable[TopicPartition]) -> None:
        """Read these partitions from their first records."""
        self._assign(partitions)
        self._consumer.seek_to_beginning(*self._partitions)

    def start_at_end(self, partitions: Iterable[TopicPartition]) -> None:
        """Read what is committed to these partitions from now on."""
        self._assign(partitions)
        for partition, end in self._consumer.end_offsets(self._partitions).items():
            self._consumer.seek(partition, end)

    def _assign(self, partitions: Iterable[TopicPartition]) -> None:
        self._partitions = list(partitions)
        self._consumer.assign(self._partitions)

    def read_to_end(self, stopped: Callable[[], bool] = never) -> Iterator[list[Any]]:
        """Batches of records (maybe empty, at least every POLL_MS) up to the ends as they are now; in each partition in
        order. Stops early once `stopped()`.

        The end of a partition with an open transaction is the transaction's first offset. Afterwards each partition
        is at its end, so that `follow` continues there."""
        ends = self._consumer.end_offsets(self._partitions)
        left = self._unread(self._partitions, ends)
        while left and not stopped():
            records = self.poll(POLL_MS)
            before, left = left, self._unread(left, ends)
            # Pausing a partition at its end keeps a busy one from delaying the others for ever.
            if at_end := set(before).difference(left):
                self._consumer.pause(*at_end)
            yield [record for record in records if record.offset < ends[TopicPartition(record.topic, record.partition)]]
        for partition in self._consumer.paused():
            self._consumer.seek(partition, ends[partition])
        self._consumer.resume(*self._partitions)

    def _unread(self, partitions: Iterable[TopicPartition], ends: Mapping[TopicPartition, int]) -> list[TopicPartition]:
        return unread({partition: self._consumer.position(partition) for partition in partitions}, ends)

    def follow(self, stopped: Callable[[], bool] = never) -> Iterator[list[Any]]:
        """Batches of records (maybe empty, at least every POLL_MS) as they are committed, until `stopped()`."""
        while not stopped():
            yield self.poll(POLL_MS)

    def poll(self, wait_ms: int) -> list[Any]:
        """Records that are there, waiting up to `wait_ms` for the first; in each partition in order."""
        batches = self._consumer.poll(wait_ms, max_records=RECORDS_MAX)
        return [record for batch in batches.values() for record in batch]


def read_all(settings: Settings, topic: Topic, connect_s: float = CONNECT_S) -> Generator[Any, None, None]:
    """All committed records of a topic up to its ends as they are now. Raises KafkaError, TopicMissing."""
    with TopicReader(settings, connect_s) as reader:
        reader.start_at_beginning(reader.partitions(topic))
        for records in reader.read_to_end():
            yield from records
