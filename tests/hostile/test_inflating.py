"""Batches that inflate to more than a process may hold, from a publisher who may write one input topic.

The attacker sends to one partition what a broker takes: at most 1 MiB compressed. Two fatalities of others follow in
the same partition, and must be escalated by a worker that never dies, and counted by an audit.

A process is limited by RLIMIT_DATA, to 768 MiB as in the report. It counts what a process may write to (heap,
anonymous mappings, stacks), which is what a container's limit counts once it is written. RLIMIT_AS would also count
libraries and addresses that malloc reserves for each thread and never writes to, half a gigabyte of an idle worker.
"""

import asyncio
import itertools
import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder

from tests.agents.batching.consumer.raw_batches import MIB, batch, field, headers_of, record, varint
from tests.chaos.small import CODE, PARTITION, SmallCluster
from tests.chaos.traffic import incident

DATA_MAX = 768 * MIB
OTHER_CODE = "16.02"
LIMIT = f"""
import os, resource, sys
resource.setrlimit(resource.RLIMIT_DATA, ({DATA_MAX}, {DATA_MAX}))
os.execv(sys.executable, [sys.executable, "-m", "apps.cli.main", *sys.argv[1:]])
"""


def large_headers() -> list[bytes]:
    """625 KB of zstd: 1,500 small records with 64 headers of 16 KiB each, 1.47 GiB."""
    noise = os.urandom(300)  # as large as the batch that was sent
    headers = headers_of([(b"h%d" % number, (noise if not number else b"").ljust(16 * 1024)) for number in range(64)])
    return [batch("zstd", (record(n, b"16.71", b"small", headers) for n in range(1500)), 1500)]


def tiny_headers() -> list[bytes]:
    """15 MiB of headers of six bytes each, 150 as objects, in three batches of a few kilobytes."""
    one = field(b"ab") + field(b"xy")
    number = 15 * MIB // len(one)
    return [batch("zstd", [record(0, b"16.71", b"small", varint(number) + one * number)], 1)] * 3


def tiny_headers_of_many() -> list[bytes]:
    """The same, spread over records, the more of which are taken at a time the smaller they are."""
    headers = headers_of([(b"ab", b"xy")] * 500)
    return [batch("lz4", [record(n, None, b"", headers) for n in range(5000)], 5000)] * 4


def large_keys() -> list[bytes]:
    """4 GiB of keys."""
    return [batch("zstd", (record(n, bytes(4 * MIB), b"small") for n in range(1000)), 1000)]


def wide_windows() -> list[bytes]:
    """2 GiB of values in each partition, with a window of 128 MiB that a stream needs as long as it is open."""
    return [batch("zstd", (record(n, None, bytes(MIB)) for n in range(2000)), 2000, window_log=27)]


def large_fields() -> list[bytes]:
    """900 MiB of keys and headers each of which is just small enough to be kept."""
    headers = headers_of([(b"x", bytes(62 * 1024))] * 4)
    return [batch("zstd", (record(n, bytes(250 * 1024), b"small", headers) for n in range(600)), 600)] * 3


ATTACKS = [large_headers, tiny_headers, tiny_headers_of_many, large_keys, wide_windows]


@pytest.fixture
def cluster(broker, fresh_prefix, tmp_path) -> Iterator[SmallCluster]:
    """Six partitions and no worker yet, on the session's broker."""
    settings = {"SIAGA_TICK_SECONDS": "0.5", "SIAGA_PARTITIONS": "6"}
    with SmallCluster(broker, tmp_path, broker.bootstrap, fresh_prefix, **settings) as made:
        yield made


async def send(cluster: SmallCluster, batches: list[bytes], partitions: range) -> None:
    """The attacker's batches as they are, then two fatalities in a partition of these."""
    topic = cluster.prefix + "incidents"
    producer = AIOKafkaProducer(bootstrap_servers=cluster.bootstrap, acks="all", request_timeout_ms=120_000)
    await producer.start()
    try:
        for raw, partition in itertools.product(batches, partitions):
            builder = BatchBuilder(1 << 20, 0)
            builder.append(timestamp=None, key=None, value=b"", headers=[])
            builder._build()
            builder._buffer = bytearray(raw)
            await (await producer.send_batch(builder, topic, partition=partition))
        for code in (CODE, OTHER_CODE):
            fatal = incident(f"fatal-{code}", code, time.time() - 30, category="clash", severity=5)
            await producer.send_and_wait(topic, fatal, code.encode(), PARTITION)
    finally:
        await producer.stop()


async def escalated(cluster: SmallCluster, within_s: float) -> set[str]:
    """Regencies with an escalation, once both are there or the worker has died or the time is over."""
    deadline = time.monotonic() + within_s
    while True:
        found = {message["regency"] for message in await cluster.escalations() if message.get("regency")}
        if {CODE, OTHER_CODE} <= found or not cluster.alive() or time.monotonic() > deadline:
            return found
        await asyncio.sleep(0.5)


@pytest.mark.parametrize("attack", ATTACKS)
async def test_fatalities_behind_an_inflating_batch_are_escalated(cluster, attack):
    batches = attack()
    assert all(len(raw) < 700_000 for raw in batches)
    partitions = range(cluster.partitions) if attack is wide_windows else range(PARTITION, PARTITION + 1)
    await send(cluster, batches, partitions)
    cluster.start("a", (sys.executable, "-c", LIMIT, "worker"))
    found = await escalated(cluster, 240)
    assert cluster.alive() == ["a"], cluster.logged()[-2000:]
    assert {CODE, OTHER_CODE} <= found, cluster.logged()[-2000:]
    # `drained` would read the inputs, and inflate all of it here.
    ends = {("incidents", tp.partition): end for tp, end in (await cluster.ends("incidents")).items()}
    await cluster.reached(ends, cluster.committed, 240)
    rejected = await cluster.read("rejected")
    assert {r.headers["siaga.reason"] for r in rejected} == {b"too_large"}
    assert len(rejected) == sum(int.from_bytes(raw[57:61], "big") for raw in batches) * len(partitions)
    assert cluster.alive() == ["a"]


@pytest.mark.parametrize("attack", [*ATTACKS, large_fields])
async def test_an_audit_reads_an_inflating_batch_and_says_where_it_is(cluster, attack):
    batches = attack()
    partitions = range(cluster.partitions) if attack is wide_windows else range(PARTITION, PARTITION + 1)
    await send(cluster, batches, partitions)
    command = [sys.executable, "-c", LIMIT, "audit"]
    audited = await asyncio.to_thread(
        subprocess.run, command, env=cluster.env(), capture_output=True, text=True, check=False, timeout=240
    )
    assert audited.returncode == 0, audited.stderr[-2000:]
    sent = 2 + sum(int.from_bytes(raw[57:61], "big") for raw in batches) * len(partitions)
    assert f"{sent} inputs, 0 notices" in audited.stdout
    named = {line.split(",")[0] for line in audited.stderr.splitlines() if "is not read whole" in line}
    expected = set() if attack is large_fields else {f"{cluster.prefix}incidents[{n}]@0" for n in partitions}
    assert {place for place in named if place.endswith("@0")} == expected and bool(named) == bool(expected)
