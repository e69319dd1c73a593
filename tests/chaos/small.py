"""A deployment whose incidents are all of one regency and one partition, so that a test can count them."""

import asyncio
import time

from aiokafka import AIOKafkaProducer
from kafka.admin import NewPartitions

from tests.chaos.cluster import Cluster
from tests.chaos.traffic import incident
from tests.recount.records import INPUTS

CODE = "16.71"
PARTITION = 1


class SmallCluster(Cluster):
    async def publish(self, name: str, count: int, partition: int = PARTITION, **changes: object) -> None:
        """Incidents `<name>-0` to `<name>-<count - 1>`, one after another."""
        producer = AIOKafkaProducer(bootstrap_servers=self.bootstrap)
        await producer.start()
        try:
            for number in range(count):
                value = incident(f"{name}-{number}", CODE, time.time() - 5, **changes)
                await producer.send_and_wait(self.prefix + "incidents", value, CODE.encode(), partition)
        finally:
            await producer.stop()

    async def publish_and_drain(self, name: str, count: int, **changes: object) -> None:
        await self.publish(name, count, **changes)
        await self.drained()

    async def counted(self) -> int:
        """Incidents of the last hour in the row."""
        return (await self.rows())[CODE]["windows"]["1h"]["incidents"]

    async def until_counted(self, count: int, within_s: float = 180) -> None:
        """Wait until the row has so many incidents of the last hour."""
        deadline = time.monotonic() + within_s
        while (counted := await self.counted()) != count:
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {within_s} s: {count} incidents; {counted} are counted")
            await asyncio.sleep(0.2)

    def grow_inputs(self, partitions: int) -> None:
        """Give both inputs more partitions, as an operator does."""
        with self.admin() as admin:
            admin.create_partitions({self.prefix + topic: NewPartitions(partitions) for topic in INPUTS})
        self.input_partitions = partitions

    def logged(self, name: str = "a") -> str:
        return self.log(name).read_text()
