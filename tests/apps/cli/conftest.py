"""`siaga` bound to the session's broker; `topics` for tests that need existing topics."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaConsumer, TopicPartition

from apps.embedded import EmbeddedBroker
from tests.apps.cli.siaga import Siaga


@pytest.fixture
def siaga(broker: EmbeddedBroker, fresh_prefix: str, tmp_path: Path) -> Siaga:
    return Siaga(
        {
            "SIAGA_BROKER": broker.bootstrap,
            "SIAGA_TOPIC_PREFIX": fresh_prefix,
            "SIAGA_PARTITIONS": "3",
            "SIAGA_DATA_DIR": str(tmp_path / "data"),
        }
    )


@pytest.fixture
def topics(siaga: Siaga) -> None:
    assert siaga("topics").status == 0


class Log:
    """All records of a topic, in order per partition, read without Siaga's code."""

    def __init__(self, bootstrap: str, prefix: str) -> None:
        self._consumer = KafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest", group_id=None)
        self._prefix = prefix

    def records(self, topic: str) -> list[Any]:
        partitions = [TopicPartition(self._prefix + topic, number) for number in range(3)]
        self._consumer.assign(partitions)
        self._consumer.seek_to_beginning(*partitions)
        ends = self._consumer.end_offsets(partitions)
        found: list[Any] = []
        while any(self._consumer.position(partition) < end for partition, end in ends.items()):
            for batch in self._consumer.poll(1000).values():
                found += batch
        return found

    def close(self) -> None:
        self._consumer.close()


@pytest.fixture
def log(broker: EmbeddedBroker, fresh_prefix: str) -> Iterator[Log]:
    log = Log(broker.bootstrap, fresh_prefix)
    yield log
    log.close()
