"""A deployment whose incidents are all of one regency and one partition, so that a test can count them."""

import time

from aiokafka import AIOKafkaProducer

from tests.chaos.cluster import Cluster
from tests.chaos.traffic import incident

CODE = "16.71"
PARTITION = 1


class SmallCluster(Cluster):
    async def publish(self, name: str, count: int, **changes: object) -> None:
        """Incidents `<name>-0` to `<name>-<count - 1>`, one after another."""
        producer = AIOKafkaProducer(bootstrap_servers=self.bootstrap)
        await producer.start()
        try:
            for number in range(count):
                value = incident(f"{name}-{number}", CODE, time.time() - 5, **changes)
                await producer.send_and_wait(self.prefix + "incidents", value, CODE.encode(), PARTITION)
        finally:
            await producer.stop()

    async def publish_and_drain(self, name: str, count: int, **changes: object) -> None:
        await self.publish(name, count, **changes)
        await self.drained()

    async def counted(self) -> int:
        """Incidents of the last hour in the row."""
        return (await self.rows())[CODE]["windows"]["1h"]["incidents"]

    def logged(self, name: str = "a") -> str:
        return self.log(name).read_text()
