"""Time from just before publishing to an escalation that a read_committed consumer can read, at a steady rate."""

import asyncio
import json
import random
import time
from collections.abc import Callable

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from benchmarks.sheet import Figures
from benchmarks.stream import incident
from benchmarks.system import REGENCY_TRIGGERS, System, load_regencies, trigger_regencies
from schemas.ledger import partition_of


async def latency(
    rate: int, seconds: float, warm_seconds: float, triggers: int = 300, skew: float = 0.0, workers: int = 1
) -> Figures:
    """Milliseconds, median and 99th percentile, over up to `triggers` escalations spread evenly over the load.

    `warm_seconds` of the same load come first, until the broker's JIT compiler has run. `skew` is the additional share
    of the load for one regency. `p95_by_partition` has a value for each ledger partition; `cpu_share` is the number of
    cores that all `workers` use.
    """
    with System("wall", workers=workers, triggers=REGENCY_TRIGGERS) as system:
        for number in range(workers):
            system.start_worker(number)
        for number in range(workers):
            system.wait_ready(number)
        arrivals: dict[str, float] = {}
        reader = asyncio.create_task(_read(system, arrivals))
        sent = await _send(system, rate, warm_seconds, seconds, triggers, skew)
        await _wait(lambda: sent.keys() <= arrivals.keys(), 30)
        reader.cancel()
        cpu = sum(system.cpu_seconds(number) for number in range(workers))
        by_regency = {regency: (arrivals[regency] - at) * 1000 for regency, at in sent.items() if regency in arrivals}
        delays = sorted(by_regency.values())
        by_partition = [
            sorted(delay for regency, delay in by_regency.items() if partition_of(regency, system.partitions) == number)
            for number in range(system.partitions)
        ]
        return {
            "workers": workers,
            "rate": rate,
            "cpu_share": round(cpu / (warm_seconds + seconds), 2),
            "escalations": len(delays),
            "missing": len(sent) - len(delays),
            "p50_ms": round(delays[len(delays) // 2], 1),
            "p99_ms": round(delays[min(len(delays) - 1, int(len(delays) * 0.99))], 1),
            "max_ms": round(delays[-1], 1),
            "p95_by_partition": [round(part[int(len(part) * 0.95)], 1) for part in by_partition if part],
        }


async def _send(
    system: System, rate: int, warm_seconds: float, seconds: float, triggers: int, skew: float
) -> dict[str, float]:
    """Publish at `rate`; after the warm-up every n-th message is a trigger.

    Returns {regency: Unix seconds when sent}.
    """
    rnd = random.Random(3)
    producer = AIOKafkaProducer(bootstrap_servers=system.bootstrap, linger_ms=0)
    await producer.start()
    warm, total = int(rate * warm_seconds), int(rate * (warm_seconds + seconds))
    every = max(1, (total - warm) // min(triggers, REGENCY_TRIGGERS))
    waiting = iter(trigger_regencies(REGENCY_TRIGGERS))
    sent: dict[str, float] = {}
    regencies = load_regencies()
    started = time.time()
    for n in range(total):
        ahead = started + n / rate - time.time()
        if ahead > 0.001:
            await asyncio.sleep(ahead)
        is_trigger = n >= warm and n % every == 0
        regency = next(waiting, None) if is_trigger else None
        now = int(time.time() * 1000)
        usual = regencies[-1] if rnd.random() < skew else rnd.choice(regencies)
        message = incident(rnd, regency or usual, 5 if regency else 1, now, now)
        message["category"] = "clash" if regency else "logistics"
        if regency:
            sent[regency] = time.time()
        await producer.send("siaga.incidents", json.dumps(message).encode(), key=message["regency"].encode())
    await producer.stop()
    return sent


async def _read(system: System, arrivals: dict[str, float]) -> None:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=system.bootstrap,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        fetch_max_wait_ms=5,
    )
    await consumer.start()
    try:
        consumer.assign([TopicPartition("siaga.escalations", p) for p in range(system.partitions)])
        while True:
            for records in (await consumer.getmany(timeout_ms=50)).values():
                now = time.time()
                for record in records:
                    arrivals.setdefault(record.key.decode(), now)
    finally:
        await consumer.stop()


async def _wait(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
