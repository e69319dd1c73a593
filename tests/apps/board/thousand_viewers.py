"""What a thousand viewers cost one board. A benchmark to run by hand, no test.

    python -m tests.apps.board.thousand_viewers [--viewers 1000] [--seconds 20] [--regencies 17]

The board runs in this process on a state in which every regency changes five times a second, as under heavy load.
Viewers are real connections of a second process that accept gzip, like a browser. Printed: processor time and memory of
the board, and the delay from publishing to the last byte read."""

import asyncio
import contextlib
import multiprocessing
import resource
import statistics
import time

import click

from apps.board.broadcaster import Broadcaster
from apps.board.event_buffer import EventBuffer
from apps.board.file_descriptors import raise_descriptor_limit
from benchmarks.viewing import chunks, connect, milliseconds_after
from tests.apps.board.records import put_row
from tests.apps.board.test_viewers import EventServer

CHANGES_PER_S = 5


async def _view(port: int, lateness: list[float], received: list[int], until_s: float) -> None:
    reader, writer = await connect(port)
    with contextlib.suppress(TimeoutError, asyncio.IncompleteReadError):
        async with asyncio.timeout(until_s - time.monotonic()):
            async for text, now_ms in chunks(reader):
                received[0] += text.count(b"event: update")
                sent_ms = milliseconds_after(text, b"now_ms")
                if b"event: update" in text and sent_ms is not None:
                    lateness.append(now_ms - sent_ms)
    writer.close()


def _viewers(port: int, count: int, seconds: float, answer) -> None:
    async def all_of_them() -> tuple[list[float], int]:
        lateness: list[float] = []
        received = [0]
        until_s = time.monotonic() + seconds
        tasks = []
        for _ in range(count):
            tasks.append(asyncio.create_task(_view(port, lateness, received, until_s)))
            await asyncio.sleep(0.002)
        await asyncio.gather(*tasks)
        return lateness, received[0]

    answer.send(asyncio.run(all_of_them()))


async def _measure(viewers: int, seconds: float, regencies: int) -> None:
    codes = [f"{11 + number // 50}.{1 + number % 50:02}" for number in range(regencies)]
    async with EventServer(EventBuffer()) as server:
        publishing = asyncio.create_task(server.broadcaster.run())
        mine, theirs = multiprocessing.Pipe()
        process = multiprocessing.get_context("spawn").Process(
            target=_viewers, args=(server.port, viewers, seconds, theirs), daemon=True
        )
        process.start()
        while server.broadcaster.viewers < viewers and process.is_alive():
            await asyncio.sleep(0.1)
        used, began, score = time.process_time(), time.monotonic(), 0
        while not mine.poll() and process.is_alive():
            score += 1
            for code in codes:
                put_row(server.state, code, score=score % 100)
            server.broadcaster.notify_changed()
            await asyncio.sleep(1 / CHANGES_PER_S)
        took, used = time.monotonic() - began, time.process_time() - used
        lateness, received = mine.recv()
        publishing.cancel()
        _print_report(server.broadcaster, viewers, regencies, took, used, lateness, received)


def _print_report(publisher: Broadcaster, viewers, regencies, took, used, lateness, received) -> None:
    marks = statistics.quantiles(lateness, n=100)
    rss_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    click.echo(f"{viewers} viewers, {regencies} regencies, {took:.0f} s")
    click.echo(f"updates delivered      {received}  ({received / took / viewers:.1f} per viewer and second)")
    click.echo(f"board's processor time {100 * used / took:.0f} % of one core")
    click.echo(f"board's peak memory    {rss_mib:.0f} MiB")
    click.echo(f"lateness, ms           p50 {marks[49]:.0f}   p99 {marks[98]:.0f}   most {max(lateness):.0f}")


@click.command()
@click.option("--viewers", default=1000, show_default=True)
@click.option("--seconds", default=20.0, show_default=True)
@click.option("--regencies", default=17, show_default=True)
def main(viewers: int, seconds: float, regencies: int) -> None:
    """Connect many viewers to one board and print what they cost."""
    raise_descriptor_limit()
    asyncio.run(_measure(viewers, seconds, regencies))


if __name__ == "__main__":
    main()
