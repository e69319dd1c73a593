"""A complete worker on agents.batching, with nothing of Siaga: numbers the records of each key, exactly once.

Run as a process, so that it can be killed for real:

    python counting_app.py BROKER GROUP SOURCE OUT STATE PARTITIONS [INSTANCE]

Every output is `key -> n`, where n counts the key's records so far, so one lost or doubled record shows in all that
follow.
"""

import sys
from collections.abc import Iterator

from aiokafka import TopicPartition

from agents.batching import Batch, BatchApp, BatchingOptions, Output, Stage, attach


class Counting:
    """Counts per key; state is one record per key."""

    def __init__(self, out: str, state: str, partition: int) -> None:
        self._out, self._state, self._partition = out, state, partition
        self._counts: dict[bytes, int] = {}

    def restore(self, key: bytes, value: bytes | None) -> None:
        self._counts[key] = int(value or b"0")

    def restored(self, note: str) -> None:
        pass

    def fold(self, batch: Batch) -> Iterator[Output]:
        changed = set()
        for record in batch.records:
            if record.value == b"raise":
                raise RuntimeError("asked to")
            count = self._counts[record.key] = self._counts.get(record.key, 0) + 1
            changed.add(record.key)
            yield Output(self._out, self._partition, record.key, b"%d" % count)
        for key in changed:
            yield Output(self._state, self._partition, key, b"%d" % self._counts[key])

    def idle(self) -> tuple[Output, ...]:
        return ()

    def note(self) -> str:
        return ""

    def closed(self) -> None:
        pass

    def committed(self) -> None:
        pass


class Printing:
    """Observer that prints one line per event, for the test to read."""

    def opened(self, source, seconds, records):
        print(f"opened {source.partition} {records}", flush=True)

    def closed(self, source):
        print(f"closed {source.partition}", flush=True)

    def fenced(self, source):
        print(f"fenced {source.partition}", flush=True)

    def failed(self, source, error):
        print(f"failed {source.partition} {error!r}", flush=True)

    def committed(self, source, batch, cost):
        print(f"committed {source.partition} {cost.records}", flush=True)

    def lost(self, source, offsets):
        print(f"lost {source.partition} {offsets}", flush=True)

    def recreated(self, source):
        print(f"recreated {source.partition}", flush=True)

    def rebuilding(self, source, offsets):
        print(f"rebuilding {source.partition} {offsets}", flush=True)


def main(
    broker: str, group: str, source: str, out: str, state: str, partitions: str, instance: str | None = None
) -> None:
    options = BatchingOptions(client={"bootstrap_servers": broker})

    def new_fold(tp: TopicPartition) -> Counting:
        return Counting(out, state, tp.partition)

    outputs = [TopicPartition(out, partition) for partition in range(int(partitions))]
    stage = Stage(
        "count", group, [source], new_fold, state, options, Printing(), f"{out}-owners", int(partitions), outputs
    )
    app = BatchApp(
        group,
        batching=options,
        broker=f"kafka://{broker}",
        consumer_group_instance_id=instance,
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        stream_recovery_delay=0.0,
    )
    attach(app, [stage])
    app.Worker(loglevel="WARNING", quiet=True, redirect_stdouts=False).execute_from_commandline()


if __name__ == "__main__":
    main(*sys.argv[1:])
