"""A thousand viewers on one machine with the workers: their cost, and whether they delay escalations.

    python -m benchmarks.viewers [--viewers 1000] [--rate 50] [--seconds 20] [--rounds 2]

A broker, one worker and a board as separate processes under a steady load; in turn without and with viewers, so that
other activity of the machine affects both. Viewers are connections that accept gzip, as browsers do, held by one more
process on the same machine, whose processor time is separate because real viewers have their own. Each turn prints the
time from just before publishing to an escalation that a read_committed consumer can read; processor time of worker
(also per record), board and viewers; and the viewers' delay after a record's append (a few of them decompress the
stream, the others only read it)."""

import argparse
import asyncio
import contextlib
import json
import multiprocessing
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from multiprocessing.context import SpawnProcess
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from apps.board.file_descriptors import raise_descriptor_limit
from apps.embedded.ports import free_port
from benchmarks.processes import cpu_seconds, memory_mib
from benchmarks.stream import incident
from benchmarks.system import ROOT, System, load_regencies, sample, trigger_regencies
from benchmarks.viewing import chunks, connect, milliseconds_after

TRIGGERS_PER_S = 3
LISTENERS = 10
READY_S = 300
WARM_S = 30
SETTLE_S = 5
OPENING_S = 15  # a thousand connections open within this; there are triggers for it too


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--viewers", type=int, default=1000)
    parser.add_argument("--rate", type=int, default=50, help="incidents a second")
    parser.add_argument("--seconds", type=float, default=20, help="length of a turn")
    parser.add_argument("--rounds", type=int, default=2, help="turns without and with viewers")
    chosen = parser.parse_args()
    raise_descriptor_limit()
    asyncio.run(measure(chosen.viewers, chosen.rate, chosen.seconds, chosen.rounds))


async def measure(viewers: int, rate: int, seconds: float, rounds: int) -> None:
    """Print one line for each turn."""
    triggers = int(TRIGGERS_PER_S * (WARM_S + rounds * 2 * (seconds + SETTLE_S + OPENING_S))) + 10
    with System("wall", triggers=triggers) as system, board_of(system) as (board, port):
        system.start_worker(0)
        system.wait_ready(0, READY_S)
        load = _Load(system, rate, trigger_regencies(triggers))
        work = [asyncio.create_task(load.send()), asyncio.create_task(load.read())]
        await asyncio.sleep(WARM_S)
        for turn in range(rounds * 2):
            figures = await _turn(system, board, port, load, viewers if turn % 2 else 0, seconds)
            print(json.dumps(figures), flush=True)
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)


async def _turn(
    system: System, board: subprocess.Popen[bytes], port: int, load: "_Load", viewers: int, seconds: float
) -> dict[str, Any]:
    audience = _Audience(port, viewers)
    await asyncio.sleep(SETTLE_S)
    processes = {"worker": system.workers[0].pid, "board": board.pid} | audience.process()
    before = {name: cpu_seconds(pid) for name, pid in processes.items()}
    records = _records(system)
    began, since = time.monotonic(), time.time()
    await asyncio.sleep(seconds)
    took = time.monotonic() - began
    figures: dict[str, Any] = {"viewers": viewers, "regencies": len(load_regencies()) + len(load.triggers)}
    figures |= {f"{name}_core": round((cpu_seconds(pid) - before[name]) / took, 3) for name, pid in processes.items()}
    taken = _records(system) - records
    figures |= {
        "records": taken,
        "worker_ms_per_record": round((cpu_seconds(system.workers[0].pid) - before["worker"]) * 1000 / taken, 3),
    }
    figures |= {"board_mib": round(memory_mib(board.pid)), "load_average": os.getloadavg()[0]}
    figures |= _quantiles("escalation_ms", load.delays_ms(since, since + seconds - 2))
    return figures | await asyncio.to_thread(audience.leave)


class _Load:
    """Incidents at a steady rate, some of which raise a regency that has not been raised before."""

    def __init__(self, system: System, rate: int, triggers: list[str]) -> None:
        self._system, self._rate, self.triggers = system, rate, triggers
        self._sent: dict[str, float] = {}
        self._arrived: dict[str, float] = {}

    def delays_ms(self, since: float, until: float) -> list[float]:
        """Delays of the triggers sent between `since` and `until` (Unix seconds) that have arrived."""
        sent = {regency: at for regency, at in self._sent.items() if since <= at < until}
        return [(self._arrived[regency] - at) * 1000 for regency, at in sent.items() if regency in self._arrived]

    async def send(self) -> None:
        rnd, regencies, waiting = random.Random(5), load_regencies(), iter(self.triggers)
        producer = AIOKafkaProducer(bootstrap_servers=self._system.bootstrap, linger_ms=0)
        await producer.start()
        started, every = time.time(), max(1, self._rate // TRIGGERS_PER_S)
        try:
            for number in range(10**9):
                await asyncio.sleep(max(0.0, started + number / self._rate - time.time()))
                regency = next(waiting, None) if number % every == 0 else None
                now_ms = int(time.time() * 1000)
                message = incident(rnd, regency or rnd.choice(regencies), 5 if regency else 1, now_ms, now_ms)
                message["category"] = "clash" if regency else "logistics"
                if regency:
                    self._sent[regency] = time.time()
                await producer.send("siaga.incidents", json.dumps(message).encode(), key=message["regency"].encode())
        finally:
            await producer.stop()

    async def read(self) -> None:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._system.bootstrap, isolation_level="read_committed", fetch_max_wait_ms=5
        )
        await consumer.start()
        consumer.assign([TopicPartition("siaga.escalations", number) for number in range(self._system.partitions)])
        try:
            while True:
                for records in (await consumer.getmany(timeout_ms=50)).values():
                    for record in records:
                        self._arrived.setdefault(record.key.decode(), time.time())
        finally:
            await consumer.stop()


class _Audience:
    """Viewers in a process of their own, until `leave`."""

    def __init__(self, port: int, count: int) -> None:
        self._process: SpawnProcess | None = None
        if count:
            self._mine, theirs = multiprocessing.Pipe()
            spawn = multiprocessing.get_context("spawn")
            self._process = spawn.Process(target=_hold, args=(port, count, theirs), daemon=True)
            self._process.start()
            assert self._mine.poll(60) and self._mine.recv() == count, "the board did not accept all viewers"

    def process(self) -> dict[str, int]:
        return {"viewers": self._process.pid} if self._process and self._process.pid else {}

    def leave(self) -> dict[str, float]:
        """End the viewers; quantiles of their delay in ms after the append."""
        if self._process is None:
            return {}
        self._mine.send("leave")
        late_ms, frames = self._mine.recv()
        self._process.join()
        return {"updates_per_viewer": frames} | _quantiles("delay_ms", late_ms)


def _hold(port: int, count: int, theirs: Any) -> None:
    async def hold() -> tuple[list[float], int]:
        late_ms: list[float] = []
        frames = [0]
        tasks = []
        opened = asyncio.Semaphore(0)
        for number in range(count):
            tasks.append(asyncio.create_task(_view(port, late_ms if number < LISTENERS else None, frames, opened)))
            await asyncio.sleep(0.003)
        for _ in range(count):
            await opened.acquire()
        theirs.send(count)
        while not theirs.poll():
            await asyncio.sleep(0.1)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return late_ms, frames[0] // min(LISTENERS, count)

    theirs.send(asyncio.run(hold()))


async def _view(port: int, late_ms: list[float] | None, frames: list[int], opened: asyncio.Semaphore) -> None:
    """Read until cancelled; with a list, decompress and append the age of the newest row at its last byte, in ms."""
    reader, _ = await connect(port)
    opened.release()
    if late_ms is None:
        while await reader.read(1 << 16):
            pass
        return
    newest = 0
    async for text, now_ms in chunks(reader):
        frames[0] += text.count(b"event: update")
        row_ms = milliseconds_after(text, b"newest_row_ms") or 0
        if newest and row_ms > newest:
            late_ms.append(now_ms - row_ms)
        newest = max(newest, row_ms)


@contextlib.contextmanager
def board_of(system: System) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A board on the system's broker and roster; (process, port)."""
    port = free_port()
    settings = {
        "SIAGA_BROKER": system.bootstrap,
        "SIAGA_ROSTER": str(system.roster),
        "SIAGA_BOARD_PORT": str(port),
        "SIAGA_BOARD_PER_ADDRESS": "0",  # all viewers are on this machine
    }
    with (system.path / "board.log").open("w") as log:
        command = [sys.executable, "-m", "apps.cli.main", "board"]
        board = subprocess.Popen(command, env={**os.environ, **settings}, stdout=log, stderr=log, cwd=ROOT)
    try:
        yield board, port
    finally:
        board.terminate()
        board.wait()


def _records(system: System) -> int:
    """Incidents that the worker has admitted so far."""
    return int(sample(system.metrics(0), 'siaga_records_total{outcome="admitted",topic="incidents"}'))


def _quantiles(name: str, values: list[float]) -> dict[str, float]:
    if not values:
        return {f"{name}_count": 0}
    ordered = sorted(values)
    found: dict[str, float] = {"count": len(ordered)}
    found |= {f"p{q}": round(ordered[min(len(ordered) - 1, len(ordered) * q // 100)], 1) for q in (50, 99)}
    return {f"{name}_{key}": value for key, value in found.items()}


if __name__ == "__main__":
    main()
