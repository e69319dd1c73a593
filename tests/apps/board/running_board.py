"""A board in this process on a real broker, and a producer that writes rows and escalations as workers do."""

import asyncio
import inspect
import time
from collections.abc import Callable
from typing import Self

import orjson
from aiokafka import AIOKafkaProducer

from agents.kafka import topics
from agents.kafka.connection import kafka_python_options
from agents.settings import Settings
from apps.board.server import Board
from schemas.ledger import partition_of
from schemas.roster import Roster
from schemas.topics import Topic

BROKER_WAIT_S = 20


async def until(condition: Callable[[], object], what: str, seconds: float = 15) -> object:
    """The first true value of `condition()`, which may be async; fails with `what` at the deadline."""
    deadline = time.monotonic() + seconds
    while True:
        found = condition()
        if inspect.isawaitable(found):
            found = await found
        if found:
            return found
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        await asyncio.sleep(0.02)


class RunningBoard:
    """Topics under a prefix of their own, a transactional producer, a board. An async context manager."""

    def __init__(self, bootstrap: str, prefix: str, *, with_topics: bool = True, roster: Roster | None = None) -> None:
        self.settings = Settings.load({}, broker=bootstrap, topic_prefix=prefix, board_port=0, partitions=2)
        self.board = Board(self.settings, roster or Roster.default())
        self._with_topics = with_topics
        self._rows: dict[str, dict] = {}
        self._provinces: dict[str, dict] = {}
        self._escalations: set[str] = set()

    async def __aenter__(self) -> Self:
        if self._with_topics:
            await self.create_topics()
        self._producer = AIOKafkaProducer(
            bootstrap_servers=self.settings.broker, transactional_id=f"{self.settings.topic_prefix}writer", linger_ms=0
        )
        await self._producer.start()
        self._serving = self.board.serving()
        await self._serving.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._serving.__aexit__(None, None, None)
        await self._producer.stop()

    async def create_topics(self) -> None:
        await asyncio.to_thread(self._create_topics)

    def _create_topics(self) -> None:
        with topics.open_admin(kafka_python_options(self.settings), BROKER_WAIT_S) as admin:
            topics.ensure(admin, self.settings)

    async def ready(self) -> None:
        """Wait until the board is healthy and has all records committed with `write`."""
        await until(lambda: self.board.progress.healthy and self._has_all(), "the board has caught up")

    def _has_all(self) -> bool:
        state = self.board.state
        return (
            self._rows.items() <= state.rows.items()
            and self._provinces.items() <= state.provinces.items()
            and self._escalations <= {item["escalation_id"] for item in state.escalations()}
        )

    async def write(self, *, rows=(), escalations=(), provinces=(), commit: bool = True) -> None:
        """One transaction, like a risk shard's. `provinces` are rows keyed by their `province`."""
        await self._producer.begin_transaction()
        for topic, records, key in (
            (Topic.RISK, rows, "regency"),
            (Topic.ESCALATIONS, escalations, "regency"),
            (Topic.PROVINCE, provinces, "province"),
        ):
            for record in records:
                await self.send(topic, record[key], orjson.dumps(record))
        if commit:
            await self._producer.commit_transaction()
            self._rows |= {row["regency"]: row for row in rows}
            self._provinces |= {row["province"]: row for row in provinces}
            self._escalations |= {escalation["escalation_id"] for escalation in escalations}
        else:
            await self._producer.abort_transaction()

    async def load(self, *, rows=(), escalations=(), provinces=()) -> None:
        """Write and commit records, and wait until the board has them."""
        await self.write(rows=rows, escalations=escalations, provinces=provinces)
        await self.ready()

    async def send(self, topic: Topic, key: str, value: bytes | None) -> None:
        """One record inside the running transaction."""
        partition = partition_of(key, self.settings.partitions)
        await self._producer.send_and_wait(self.settings.topics[topic], value, key.encode(), partition)

    async def write_raw(self, topic: Topic, key: str, value: bytes | None) -> None:
        await self._producer.begin_transaction()
        await self.send(topic, key, value)
        await self._producer.commit_transaction()
