"""A national election day: 514 regencies, 823,220 stations that each report turnout every hour, and incidents at 100
times the base rates.

    python -m benchmarks.nation [--hours 1] [--workers 2] [--stations 823220]

Everything is published first, in order of event time; then the workers start and are measured. At the end one worker
is killed and started again at once, to measure how long it restores its state. A whole day of voting has 13 hours.
The workers share the partitions, so that each holds a part of the state."""

import argparse
import asyncio
import json
import random
import time
from collections.abc import Iterator
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder

from benchmarks.folding import until_folded
from benchmarks.footprint import bytes_by_topic
from benchmarks.stream import START_MS, incident, stamp
from benchmarks.system import System, sample
from schemas.ruleset import Ruleset
from schemas.vocabulary import HOUR_MS

REGENCIES, STATIONS, RATE_FACTOR = 514, 823_220, 100
PARTITIONS = 12
READY_S = 300


def places(stations: int) -> dict[str, int]:
    """Stations by regency code, spread evenly over invented codes."""
    codes = [f"{11 + n // 14:02d}.{1 + n % 14:02d}" for n in range(REGENCIES)]
    least, more = divmod(stations, REGENCIES)
    return {code: least + (n < more) for n, code in enumerate(codes)}


def incidents_per_hour(stations: int) -> int:
    per_day: float = sum(rule.base_rate.value for rule in Ruleset.default().categories.values()) * stations / 1000
    return round(RATE_FACTOR * per_day / 24)


def stations_of(keys: int) -> int:
    """The number of stations that gives about `keys` keys of state with an hour of incidents."""
    return round(keys * STATIONS / (STATIONS + incidents_per_hour(STATIONS)))


def turnout_hour(hour: int, stations: dict[str, int]) -> Iterator[tuple[str, str, bytes]]:
    """(topic, regency, value): one report of each station within the hour."""
    for station in range(max(stations.values())):
        for code, count in stations.items():
            if station == count:
                continue
            report = {
                "event_id": f"kpu-{code}-{station}-{hour}",
                "regency": code,
                "station": f"{station:04d}",
                "registered": 250,
                "voted": 14 * (hour + 1) + station % 5,
                "as_of": stamp(START_MS + hour * HOUR_MS + 2_100 * station),
                "revision": 1,
                "source": "kpu",
                "is_exercise": False,
            }
            yield "turnout", code, json.dumps(report).encode()


def incidents_hour(hour: int, codes: list[str], count: int) -> Iterator[tuple[str, str, bytes]]:
    rnd = random.Random(hour)
    for n in range(count):
        code, at_ms = rnd.choice(codes), START_MS + hour * HOUR_MS + n * HOUR_MS // count
        severity = rnd.choices((1, 2, 3), (50, 35, 15))[0]
        yield "incidents", code, json.dumps(incident(rnd, code, severity, at_ms, at_ms)).encode()


async def publish(system: System, hours: int) -> int:
    producer = AIOKafkaProducer(
        bootstrap_servers=system.bootstrap, max_batch_size=400_000, linger_ms=20, compression_type="zstd"
    )
    await producer.start()
    open_batches: dict[tuple[str, int], BatchBuilder] = {}
    count = 0
    for hour in range(hours):
        for source in (
            turnout_hour(hour, system.places),
            incidents_hour(hour, list(system.places), incidents_per_hour(sum(system.places.values()))),
        ):
            for topic, code, value in source:
                target = f"siaga.{topic}", int(code.replace(".", "")) % system.partitions
                builder = open_batches.setdefault(target, producer.create_batch())
                if builder.append(timestamp=None, key=code.encode(), value=value) is None:
                    await producer.send_batch(builder, target[0], partition=target[1])
                    builder = open_batches[target] = producer.create_batch()
                    builder.append(timestamp=None, key=code.encode(), value=value)
                count += 1
    for (topic, partition), builder in open_batches.items():
        await producer.send_batch(builder, topic, partition=partition)
    await producer.flush()
    await producer.stop()
    return count


async def resume(system: System) -> dict[str, float]:
    """Kill a worker and start it again at once: seconds until its shards are open, and state records read for it."""
    system.kill_worker(0)
    killed = time.monotonic()
    system.start_worker(0)
    system.wait_ready(0, READY_S)
    while sample(system.metrics(0), 'siaga_shards_open{stage="risk"}') < PARTITIONS / len(system.workers):
        await asyncio.sleep(0.05)
    seconds = time.monotonic() - killed
    page = system.metrics(0)
    return {
        "resume_s": round(seconds, 1),
        "restored_records": sample(page, 'siaga_restored_records_total{stage="risk"}'),
        "restore_s_sum": round(sample(page, 'siaga_restore_seconds_sum{stage="risk"}'), 1),
    }


async def nation(hours: int, workers: int, stations: int) -> dict[str, Any]:
    with System("event", PARTITIONS, workers, places=places(stations)) as system:
        count = await publish(system, hours)
        print(json.dumps({"published": count, "incidents_per_hour": incidents_per_hour(stations)}), flush=True)
        for number in range(workers):
            system.start_worker(number)
        for number in range(workers):
            system.wait_ready(number, READY_S)
        started = time.monotonic()
        await until_folded(system, count, every_s=0.5)
        seconds = time.monotonic() - started
        cpu = sum(system.cpu_seconds(number) for number in range(workers))
        figures: dict[str, Any] = {
            "events": count,
            "seconds": round(seconds),
            "events_per_s": round(count / seconds),
            "cpu_s_per_million": round(cpu / count * 1e6),
            "memory_mib": [round(system.memory_mib(number)) for number in range(workers)],
            "mib": {topic: round(size / 2**20) for topic, size in sorted(bytes_by_topic(system).items())},
        }
        return figures | await resume(system)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument(
        "--stations", type=int, default=STATIONS, help="of the country; the size of the state is proportional"
    )
    chosen = parser.parse_args()
    print(json.dumps(asyncio.run(nation(chosen.hours, chosen.workers, chosen.stations))), flush=True)


if __name__ == "__main__":
    main()
