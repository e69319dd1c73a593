"""How late an escalation is while one publisher's backlog is worked off: a flood on one input partition, and a trickle
of grave reports on others, from just before publishing to a read_committed reader.

    python -m benchmarks.flood [--records 1500000] [--severity 4] [--spread] [--seconds 15] [--workers 1]

In milliseconds, and in milliseconds of the workers' processor time, which other programs on the machine hardly change.
"""

import argparse
import asyncio
import json
import random
import time
from collections.abc import Iterable
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from benchmarks.sheet import Figures
from benchmarks.stream import incident, stamp
from benchmarks.system import REGENCY_TRIGGERS, System, trigger_regencies
from schemas.ledger import partition_of

#: The regency that the flood names; its input partition unless spread.
FLOODED, PARTITION = "16.74", 0
PER_SECOND = 10
WAIT_S = 60


class Moment(NamedTuple):
    """Unix seconds, and processor seconds of all workers."""

    at: float
    processor: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=1_500_000, help="of the flood, all published before")
    parser.add_argument("--severity", type=int, default=4, help="of the flood's reports")
    parser.add_argument("--spread", action="store_true", help="the flood over all partitions, not one")
    parser.add_argument("--seconds", type=float, default=15, help="of trickle")
    parser.add_argument("--workers", type=int, default=1)
    chosen = parser.parse_args()
    figures = asyncio.run(flood(chosen.records, chosen.severity, chosen.spread, chosen.seconds, chosen.workers))
    print(json.dumps(figures))


async def flood(records: int, severity: int, is_spread: bool, seconds: float, workers: int) -> Figures:
    """Median and worst of the trickle, by whether its regency shares the flood's ledger partition.

    `left_inputs` is the lag of the inputs when the last of the trickle was sent: 0 says that the flood was over.
    """
    with System("wall", workers=workers, triggers=REGENCY_TRIGGERS) as system:
        await _fill(system, records, severity, range(system.partitions) if is_spread else [PARTITION])
        for number in range(workers):
            system.start_worker(number)
        for number in range(workers):
            system.wait_ready(number)
        told: dict[str, Moment] = {}
        reader = asyncio.create_task(_read(system, told))
        sent = await _trickle(system, seconds)
        left = _lag(system)
        deadline = time.monotonic() + WAIT_S
        while not sent.keys() <= told.keys() and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        reader.cancel()
        missing = len(sent.keys() - told.keys())
        return {"workers": workers, **_delays(system, sent, told), "missing": missing, "left_inputs": left}


def _delays(system: System, sent: dict[str, Moment], told: dict[str, Moment]) -> Figures:
    figures: dict[str, int] = {}
    shared = partition_of(FLOODED, system.partitions)
    for name, is_shared in (("other", False), ("same", True)):
        codes = [
            code for code in sent if (partition_of(code, system.partitions) == shared) is is_shared and code in told
        ]
        for unit, field in (("ms", 0), ("cpu_ms", 1)):
            delays = sorted(round((told[code][field] - sent[code][field]) * 1000) for code in codes)
            figures[f"{name}_p50_{unit}"], figures[f"{name}_max_{unit}"] = delays[len(delays) // 2], delays[-1]
    return figures


def _moment(system: System) -> Moment:
    return Moment(time.time(), sum(map(system.cpu_seconds, system.workers)))


def _lag(system: System) -> float:
    lines = [line for number in system.workers for line in system.metrics(number, "siaga_lag_records").splitlines()]
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if 'topic="incidents"' in line)


async def _fill(system: System, records: int, severity: int, partitions: Iterable[int]) -> None:
    """Publish the flood, compressed with zstd."""
    chosen = list(partitions)
    now = stamp(int(time.time() * 1000) - 60_000).encode()
    form = (
        b'{"event_id":"e%%09d","incident_id":"i%%09d","revision":1,"regency":"%b","category":"intimidation",'
        b'"severity":%d,"status":"reported","occurred_at":"%b","reported_at":"%b","source":"flood"}'
    ) % (FLOODED.encode(), severity, now, now)
    producer = AIOKafkaProducer(
        bootstrap_servers=system.bootstrap, max_batch_size=900_000, compression_type="zstd", request_timeout_ms=60_000
    )
    await producer.start()
    for part, n in enumerate(range(0, records, 3_000)):
        builder = producer.create_batch()
        for number in range(n, min(n + 3_000, records)):
            builder.append(timestamp=None, key=None, value=form % (number, number))
        await producer.send_batch(builder, "siaga.incidents", partition=chosen[part % len(chosen)])
    await producer.flush()
    await producer.stop()


async def _trickle(system: System, seconds: float) -> dict[str, Moment]:
    """Grave reports, each of another regency, in turn over the partitions without the flood's; when each was sent."""
    rnd = random.Random(3)
    producer = AIOKafkaProducer(bootstrap_servers=system.bootstrap, linger_ms=0)
    await producer.start()
    sent: dict[str, Moment] = {}
    codes = trigger_regencies(REGENCY_TRIGGERS)
    rnd.shuffle(codes)
    for n, code in enumerate(codes[: int(seconds * PER_SECOND)]):
        now = int(time.time() * 1000)
        message = incident(rnd, code, 5, now, now) | {"category": "fatality"}
        sent[code] = _moment(system)
        await producer.send("siaga.incidents", json.dumps(message).encode(), partition=1 + n % (system.partitions - 1))
        await asyncio.sleep(1 / PER_SECOND)
    await producer.stop()
    return sent


async def _read(system: System, told: dict[str, Moment]) -> None:
    """Note when each regency's first escalation could be read."""
    options = {"isolation_level": "read_committed", "auto_offset_reset": "earliest", "fetch_max_wait_ms": 5}
    consumer = AIOKafkaConsumer(bootstrap_servers=system.bootstrap, **options)
    await consumer.start()
    try:
        consumer.assign([TopicPartition("siaga.escalations", number) for number in range(system.partitions)])
        while True:
            batches = await consumer.getmany(timeout_ms=50)
            moment = _moment(system)
            for record in (record for records in batches.values() for record in records):
                told.setdefault(record.key.decode(), moment)
    finally:
        await consumer.stop()


if __name__ == "__main__":
    main()
