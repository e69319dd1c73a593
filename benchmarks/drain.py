"""Catch-up: time until one or more workers have folded a full topic of incidents and committed its rows."""

import time

from aiokafka import AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder

from benchmarks.folding import until_folded
from benchmarks.stream import past_day
from benchmarks.system import System, load_regencies, trigger_regencies
from schemas.vocabulary import HOUR_MS

STEP_MS = 50  # event time between two events, for 17 regencies


async def fill(system: System, count: int, codes: list[str]) -> int:
    """Publish `count` incidents of the regencies `codes`, one partition per regency; return the bytes.

    Event time advances more slowly with more regencies, so that each has the same rate.
    """
    producer = AIOKafkaProducer(bootstrap_servers=system.bootstrap, max_batch_size=200_000, linger_ms=20)
    await producer.start()
    batches: dict[int, BatchBuilder] = {}
    size = 0
    for regency, value in past_day(count, codes, step_ms=STEP_MS * len(load_regencies()) / len(codes)):
        size += len(value)
        partition = int(regency.replace(".", "")) % system.partitions
        builder = batches.setdefault(partition, producer.create_batch())
        if builder.append(timestamp=None, key=regency.encode(), value=value) is None:
            await producer.send_batch(builder, "siaga.incidents", partition=partition)
            builder = batches[partition] = producer.create_batch()
            builder.append(timestamp=None, key=regency.encode(), value=value)
    for partition, builder in batches.items():
        await producer.send_batch(builder, "siaga.incidents", partition=partition)
    await producer.flush()
    await producer.stop()
    return size


async def drain(count: int, workers: int, regencies: int = 17) -> dict[str, float]:
    """Events per second from ready to folded, and processor time of all workers.

    `cpu_s_per_million` includes their start, `cpu_us_per_event` does not.
    """
    more = max(0, regencies - len(load_regencies()))
    codes = load_regencies() + trigger_regencies(more)
    with System("event", workers=workers, triggers=more) as system:
        await fill(system, count, codes[:regencies])
        started = time.monotonic()
        for number in range(workers):
            system.start_worker(number)
        for number in range(workers):
            system.wait_ready(number)
        ready, cpu_ready = time.monotonic(), sum(map(system.cpu_seconds, range(workers)))
        await until_folded(system, count)
        done, cpu = time.monotonic(), sum(map(system.cpu_seconds, range(workers)))
        return {
            "workers": workers,
            "regencies": regencies,
            "events": count,
            "events_per_s": round(count / (done - ready)),
            "events_per_s_with_start": round(count / (done - started)),
            "cpu_s_per_million": round(cpu / count * 1e6, 1),
            "cpu_us_per_event": round((cpu - cpu_ready) / count * 1e6, 1),
            "memory_mib": round(max(system.memory_mib(number) for number in range(workers))),
        }


async def places(regencies: int, hours: float) -> dict[str, float]:
    """`drain` of `hours` of event time, with the same rate for each regency whatever their number.

    A fixed number of events would be a shorter day with more regencies, and a day's first minutes cost more, because
    every report then changes the score.
    """
    count = round(hours * HOUR_MS / STEP_MS * regencies / len(load_regencies()))
    return {"hours": hours, **await drain(count, 1, regencies)}
