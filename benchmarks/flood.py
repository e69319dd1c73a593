"""How late an escalation is while one publisher's backlog is worked off: a flood on one input partition, and a trickle
of grave reports on others, timed from just before publishing to a read_committed reader.

    python -m benchmarks.flood [--records 1500000] [--severity 1] [--spread] [--seconds 15] [--workers 1]
"""

import argparse
import asyncio
import json
import random
import time
from collections.abc import Iterable

from aiokafka import AIOKafkaProducer

from benchmarks.latency import _read, _wait
from benchmarks.sheet import Figures
from benchmarks.stream import incident, stamp
from benchmarks.system import REGENCY_TRIGGERS, System, trigger_regencies
from schemas.ledger import partition_of

#: The regency that the flood names; its input partition unless spread.
FLOODED, PARTITION = "16.74", 0
PER_SECOND = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=1_500_000, help="of the flood, all published before")
    parser.add_argument("--severity", type=int, default=1, help="of the flood's reports")
    parser.add_argument("--spread", action="store_true", help="the flood over all partitions, not one")
    parser.add_argument("--seconds", type=float, default=15, help="of trickle")
    parser.add_argument("--workers", type=int, default=1)
    chosen = parser.parse_args()
    figures = asyncio.run(flood(chosen.records, chosen.severity, chosen.spread, chosen.seconds, chosen.workers))
    print(json.dumps(figures))


async def flood(records: int, severity: int, is_spread: bool, seconds: float, workers: int) -> Figures:
    """Milliseconds, median and worst, of the trickle by whether its regency shares the flood's ledger partition.

    `left` is the lag of inputs and of the ledger when the last of the trickle was sent: 0 says that it was no flood.
    """
    with System("wall", workers=workers, triggers=REGENCY_TRIGGERS) as system:
        await _fill(system, records, severity, range(system.partitions) if is_spread else [PARTITION])
        for number in range(workers):
            system.start_worker(number)
        for number in range(workers):
            system.wait_ready(number)
        arrivals: dict[str, float] = {}
        reader = asyncio.create_task(_read(system, arrivals))
        sent = await _trickle(system, seconds)
        left = [_lag(system, workers, topic) for topic in ("incidents", "ledger")]
        await _wait(lambda: sent.keys() <= arrivals.keys(), 40)
        reader.cancel()
        shared = partition_of(FLOODED, system.partitions)
        delays = {regency: (arrivals.get(regency, time.time()) - at) * 1000 for regency, at in sent.items()}
        of = {
            is_shared: sorted(
                delay
                for code, delay in delays.items()
                if (partition_of(code, system.partitions) == shared) is is_shared
            )
            for is_shared in (False, True)
        }
        return {
            "workers": workers,
            "other_p50_ms": _at(of[False], 0.5),
            "other_max_ms": _at(of[False], 1),
            "same_p50_ms": _at(of[True], 0.5),
            "same_max_ms": _at(of[True], 1),
            "missing": len(sent.keys() - arrivals.keys()),
            "left_inputs": left[0],
            "left_ledger": left[1],
            "memory_mib": round(max(system.memory_mib(number) for number in range(workers))),
        }


def _at(delays: list[float], part: float) -> float:
    return round(delays[min(len(delays) - 1, int(len(delays) * part))], 1) if delays else 0.0


def _lag(system: System, workers: int, topic: str) -> float:
    lines = [line for n in range(workers) for line in system.metrics(n, "siaga_lag_records").splitlines()]
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if f'topic="{topic}"' in line)


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
    for part, n in enumerate(range(0, records, 4_000)):
        builder = producer.create_batch()
        for number in range(n, min(n + 4_000, records)):
            builder.append(timestamp=None, key=None, value=form % (number, number))
        await producer.send_batch(builder, "siaga.incidents", partition=chosen[part % len(chosen)])
    await producer.flush()
    await producer.stop()


async def _trickle(system: System, seconds: float) -> dict[str, float]:
    """Grave reports, each of another regency, in turn over the partitions without the flood's."""
    rnd = random.Random(3)
    producer = AIOKafkaProducer(bootstrap_servers=system.bootstrap, linger_ms=0)
    await producer.start()
    sent: dict[str, float] = {}
    codes = trigger_regencies(REGENCY_TRIGGERS)
    rnd.shuffle(codes)
    for n, code in enumerate(codes[: int(seconds * PER_SECOND)]):
        now = int(time.time() * 1000)
        message = incident(rnd, code, 5, now, now) | {"category": "fatality"}
        partition = 1 + n % (system.partitions - 1)
        sent[code] = time.time()
        await producer.send("siaga.incidents", json.dumps(message).encode(), partition=partition)
        await asyncio.sleep(1 / PER_SECOND)
    await producer.stop()
    return sent


if __name__ == "__main__":
    main()
