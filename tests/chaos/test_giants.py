"""Giant records and decompression bombs are rejected with their reason, in bounded memory."""

import random
import time
from typing import Self

from aiokafka import AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder

from tests.agents.deployment import Deployment, until
from tests.chaos.small import SmallCluster
from tests.chaos.traffic import incident

MIB = 1 << 20
CODECS = {None: 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}


class Raw:
    """Sends whole batches as they are given, one partition, no client-side limits."""

    def __init__(self, cluster: Deployment, codec: str | None) -> None:
        self._codec, self._topic = CODECS[codec], cluster.prefix + "incidents"
        self._producer = AIOKafkaProducer(bootstrap_servers=cluster.bootstrap, acks="all")

    async def __aenter__(self) -> Self:
        await self._producer.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._producer.stop()

    async def send(self, *records: tuple[bytes | None, bytes | None, list]) -> None:
        builder = BatchBuilder(1 << 31, self._codec)
        for key, value, headers in records:
            assert builder.append(timestamp=None, key=key, value=value, headers=headers)
        await (await self._producer.send_batch(builder, self._topic, partition=1))


def good(number: int) -> tuple[bytes, bytes, list]:
    return b"16.71", incident(f"g-{number}", "16.71", time.time() - 60), []


async def outcome(cluster: SmallCluster, rejected: int, applied: int) -> list:
    """The rejected records, once everything is read; the worker must still run."""
    await cluster.drained()
    assert cluster.alive() == ["a"], cluster.log("a").read_text()[-2000:]
    assert await cluster.counted() == applied
    records = await cluster.read("rejected")
    assert len(records) == rejected
    assert {record.headers["siaga.reason"] for record in records} <= {b"too_large"}
    return records


async def test_the_largest_record_a_broker_takes_is_rejected_whole(cluster):
    cluster.start("a")
    value = random.Random(1).randbytes(MIB - 200)
    async with Raw(cluster, None) as raw:
        await raw.send(good(1))
        await raw.send((b"k", value, []))
        await raw.send((b"k" * 500_000, value[:500_000], []))
        await raw.send(good(2))
    first, second = await outcome(cluster, 2, 2)
    assert (first.key, first.value) == (b"k", value)
    assert (second.key, second.value) == (b"k" * 500_000, value[:500_000])


async def test_a_decompression_bomb_is_rejected_and_records_beside_it_are_read(cluster):
    """zstd, the worst; the other codecs are held to the same in tests/agents/batching/test_inflating.py."""
    cluster.start("a")
    async with Raw(cluster, "zstd") as raw:
        await raw.send(good(1))
        await until(
            lambda: cluster.metric('siaga_records_total{outcome="admitted",topic="incidents"}') == 1, 180, "one read"
        )
        before = cluster.memory_mib("a")
        size = 400 * MIB
        await raw.send(good(2), (b"k", b"\0" * size, []), good(3))
        for number in range(30):
            await raw.send((b"k", b"\0" * (10 * MIB), []), good(10 + number))
        await raw.send(good(4))
    records = await outcome(cluster, 31, 34)
    assert records[0].headers["siaga.truncated.value"] == str(size).encode()
    assert all(record.value == b"\0" * len(record.value) for record in records)
    # Less than the largest bomb alone: 292 MiB at load 6, where batches pile up, under 250 on an idle machine.
    assert cluster.memory_mib("a") - before < 350, "memory grew with the bombs"


async def test_a_header_that_is_no_utf8_stops_nothing(cluster, bounded_inflating):
    """Clients in other languages can send it, so the batch is written by hand; aiokafka alone cannot read it back."""
    cluster.start("a")
    async with Raw(cluster, None) as raw:
        builder = BatchBuilder(1 << 20, 0)
        key, value, _ = good(1)
        builder.append(timestamp=None, key=key, value=value, headers=[("name-é", b"x")])
        built = builder._build().replace("é".encode(), b"\xff\xfe")
        builder._buffer = _with_crc(bytearray(built))
        await (await raw._producer.send_batch(builder, raw._topic, partition=1))
        await raw.send(good(2))
    await outcome(cluster, 0, 2)


def _with_crc(batch: bytearray) -> bytearray:
    from aiokafka.record.util import calc_crc32c

    batch[17:21] = calc_crc32c(bytes(batch[21:])).to_bytes(4, "big")
    return batch


async def test_a_record_without_key_and_value_is_rejected_like_any_other(cluster):
    cluster.start("a")
    async with Raw(cluster, None) as raw:
        await raw.send((None, None, []))
        await raw.send(good(1))
    await cluster.drained()
    [record] = await cluster.read("rejected")
    assert (record.key, record.value, record.headers["siaga.reason"]) == (None, None, b"invalid_json")
