"""What events weigh: bytes on Kafka's disk by topic, and memory of a worker and a board. For docs/operating/sizing.md;
no clock matters.

    python -m benchmarks.footprint [--regencies 514] [--stations 100000] [--incidents 200000]

Turnout first, one report for each station, then a day's incidents as in `benchmarks drain`; a line after each. One
worker holds all partitions. Bytes are those of the log segments, compressed as on disk, before any compaction."""

import argparse
import asyncio
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from aiokafka import AIOKafkaProducer

from benchmarks.folding import until_folded
from benchmarks.processes import memory_mib
from benchmarks.stream import START_MS, past_day, stamp
from benchmarks.system import System, load_regencies, trigger_regencies
from benchmarks.viewers import board_of

READY_S = 300  # nothing is timed, so the machine may be busy
WAIT_S = 1800
_PARTITION = re.compile(r"siaga\.([a-z-]+)-\d+")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--regencies", type=int, default=17)
    parser.add_argument("--stations", type=int, default=13_055)
    parser.add_argument("--incidents", type=int, default=100_000)
    chosen = parser.parse_args()
    asyncio.run(measure(chosen.regencies, chosen.stations, chosen.incidents))


async def measure(regencies: int, stations: int, incidents: int) -> None:
    """Print a line for the empty system, one after turnout, one after incidents."""
    few = load_regencies()
    codes = few + trigger_regencies(max(0, regencies - len(few)))
    with System("event", triggers=len(codes) - len(few)) as system, board_of(system) as (board, _):
        system.start_worker(0)
        system.wait_ready(0, READY_S)

        def report(what: str, events: int) -> None:
            sizes = bytes_by_topic(system)
            figures: dict[str, Any] = {"after": what, "events": events, "regencies": len(codes)}
            figures |= {"worker_mib": round(system.memory_mib(0)), "board_mib": round(memory_mib(board.pid))}
            print(json.dumps(figures | {"mib": {k: round(v / 2**20, 2) for k, v in sorted(sizes.items())}}), flush=True)

        report("start", 0)
        await _publish(system, "turnout", _reports(codes, stations))
        async with asyncio.timeout(WAIT_S):
            await until_folded(system, stations)
        report("turnout", stations)
        await _publish(system, "incidents", past_day(incidents, codes))
        async with asyncio.timeout(WAIT_S):
            await until_folded(system, stations + incidents)
        report("incidents", incidents)


def _reports(codes: list[str], stations: int) -> Iterator[tuple[str, bytes]]:
    """One turnout report for each station, (regency, value)."""
    for number in range(stations):
        code = codes[number % len(codes)]
        report = {
            "event_id": f"kpu-{code}-{number:06d}-1",
            "regency": code,
            "station": f"{number // len(codes):03d}",
            "registered": 500,
            "voted": number % 450,
            "as_of": stamp(START_MS + number * 4),
            "revision": 1,
            "source": "kpu-sumsel",
            "is_exercise": False,
        }
        yield code, json.dumps(report).encode()


async def _publish(system: System, topic: str, messages: Iterable[tuple[str, bytes]]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=system.bootstrap, compression_type="gzip", linger_ms=20)
    await producer.start()
    for code, value in messages:
        await producer.send(f"siaga.{topic}", value, key=code.encode())
    await producer.stop()


def bytes_by_topic(system: System) -> Counter[str]:
    """Bytes of records by topic name without prefix."""
    found: Counter[str] = Counter()
    for file in system.path.rglob("*.log"):
        if match := _PARTITION.fullmatch(file.parent.name):
            found[match[1]] += file.stat().st_size
    return found


if __name__ == "__main__":
    main()
